/* An index of a policy's rules: a tree of resource patterns, with the rules of each pattern by action. The cost of a walk depends on the patterns
   that match, not on the number of patterns. */
#ifndef ASSAY_INDEX_H
#define ASSAY_INDEX_H

#include "policy.h"

/* NULL: out of memory. Every rule was checked before. `denials`: only deny rules that have resources. */
struct index *index_new(struct policy *policy, bool denials);
void index_free(struct index *index); /* NULL is fine */

/* Calls `meet` for each rule whose action and resource match; for a rule with several patterns perhaps more than once. A {claim} in a pattern is
   compared with the claim's value in `claims` (NULL: matches nothing); `folds_claims`: ignoring case. Allocates nothing. */
void index_walk(const struct index *index, struct text action, const struct resource *resource, const struct claims *claims,
                bool folds_claims, void (*meet)(void *context, const struct rule *rule), void *context);

#endif
