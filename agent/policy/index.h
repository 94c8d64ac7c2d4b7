/* The rules of a policy by what they are for: a tree of resource patterns, with the rules of each pattern by their actions. What a walk
   costs depends on the patterns that match, not on how many there are. */
#ifndef ASSAY_INDEX_H
#define ASSAY_INDEX_H

#include "policy.h"

/* 0, or -1: out of memory. Every rule has been checked. */
struct index *index_new(struct policy *policy);
void index_free(struct index *index); /* NULL is fine */

/* Calls `meet` for each rule whose action and resource match; for a rule with several patterns perhaps more than once. {claim} in a
   pattern is compared with the claim's value in `claims` (NULL: matches nothing). Allocates nothing. */
void index_walk(const struct index *index, struct text action, const struct resource *resource, const struct claims *claims,
                void (*meet)(void *context, const struct rule *rule), void *context);

/* Is this a pattern? NULL, or what is wrong with it. */
const char *pattern_refuse(struct text pattern);

/* The first segment of a pattern, which is not `/` alone, and what follows it. */
struct text pattern_cut(struct text *pattern);

/* Is the segment {claim}, and what is the claim's name then? */
bool segment_is_claim(struct text segment);
struct text segment_claim(struct text segment);

/* Does it name a claim? */
bool pattern_has_claim(struct text pattern);

/* The plain meaning of one pattern, without the tree: for `explain`. */
bool pattern_matches(struct text pattern, const struct resource *resource, const struct claims *claims);

#endif
