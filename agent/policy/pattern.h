/* Patterns of resources. Each segment is a word, `*` for any segment, or {claim} for the value of that claim; the last one may be `**` for one or
   more segments. */
#ifndef ASSAY_PATTERN_H
#define ASSAY_PATTERN_H

#include "agent/token/claims.h"
#include "resource.h"

/* Checks a pattern for a rule that keeps these characters (RESOURCE_SLASH, RESOURCE_SEMICOLON). NULL: it is valid; otherwise what is wrong. */
const char *pattern_refuse(struct text pattern, unsigned keeps);

/* The first segment of a pattern, which must not be `/` alone; leaves the rest in *pattern. */
struct text pattern_cut(struct text *pattern);

/* Is the segment {claim}? Then segment_claim gives the claim's name. */
bool segment_is_claim(struct text segment);
struct text segment_claim(struct text segment);

/* Does the pattern contain a {claim}? */
bool pattern_has_claim(struct text pattern);

/* For a deny rule of a policy whose servers ignore case. NULL: safe; otherwise how a caller could bypass it. */
const char *pattern_refuse_denial(struct text pattern);

/* How words and claims are compared: byte for byte, or ignoring the case of a to z (claims also ignoring blanks and dots at their end). */
struct comparing {
    bool folds_words, folds_claims;
};

/* A letter of A to Z in lower case; other bytes unchanged. */
static inline char letter_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Are these two equal? */
bool texts_are_alike(struct text a, struct text b, bool folds);

/* A word of a pattern in the form in which it is compared, in `ret`, which has room for all of it: `%2F` decoded, and in lower case if case is
   ignored. */
struct text pattern_word(struct text segment, bool folds, char *ret);

/* Is the claim's value this segment? The whole value is compared; it is never a pattern itself. A whole number is compared by its digits, as a
   path has them. `claims` NULL: false. */
bool claim_fills(const struct claims *claims, struct text name, struct text segment, bool folds);

/* The plain meaning of one pattern, without the tree of index.h: for `explain`. */
bool pattern_matches(struct text pattern, const struct resource *resource, const struct claims *claims, struct comparing how);

#endif
