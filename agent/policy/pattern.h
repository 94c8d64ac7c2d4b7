/* Patterns of resources. Segment by segment a word, `*` for any, {claim} for the value of that claim, and at the end perhaps `**` for one
   or more. */
#ifndef ASSAY_PATTERN_H
#define ASSAY_PATTERN_H

#include "agent/token/claims.h"
#include "resource.h"

/* Is this a pattern, in a rule that keeps these characters (RESOURCE_SLASH, RESOURCE_SEMICOLON)? NULL, or what is wrong with it. */
const char *pattern_refuse(struct text pattern, unsigned keeps);

/* The first segment of a pattern, which is not `/` alone, and what follows it. */
struct text pattern_cut(struct text *pattern);

/* Is the segment {claim}, and what is the claim's name then? */
bool segment_is_claim(struct text segment);
struct text segment_claim(struct text segment);

/* Does it name a claim? */
bool pattern_has_claim(struct text pattern);

/* Of a deny rule, in a policy whose servers ignore case: NULL, or how it could be got around. */
const char *pattern_refuse_denial(struct text pattern);

/* How words and claims are compared: byte for byte, or whatever the case of a to z (claims also whatever blanks and dots at the end). */
struct comparing {
    bool folds_words, folds_claims;
};

/* The letter of a to z in lower case; others as they are. */
static inline char letter_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Are these two the same? */
bool texts_are_alike(struct text a, struct text b, bool folds);

/* A word of a pattern as it is compared, in `ret`, which has room for all of it: `%2F` decoded, and in lower case where that is ignored. */
struct text pattern_word(struct text segment, bool folds, char *ret);

/* Is the claim's value this segment? Compared whole: it is never a pattern itself. A whole number is its digits, as a path has them.
   `claims` NULL: no. */
bool claim_fills(const struct claims *claims, struct text name, struct text segment, bool folds);

/* The plain meaning of one pattern, without the tree of index.h: for `explain`. */
bool pattern_matches(struct text pattern, const struct resource *resource, const struct claims *claims, struct comparing how);

#endif
