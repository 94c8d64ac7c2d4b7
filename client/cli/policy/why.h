/* In words, for `assay policy explain`: why a rule applies to what was asked, or does not. */
#ifndef ASSAY_POLICY_WHY_H
#define ASSAY_POLICY_WHY_H

#include "agent/policy/decision.h"

/* The first condition that does not hold, with the values that would do. To be given to free(); NULL: out of memory. */
char *policy_why(const struct policy *policy, const struct ask *ask, const struct rule *rule, enum fit fit);

/* The condition's name, as --json has it; static. */
const char *policy_fit_name(enum fit fit);

#endif
