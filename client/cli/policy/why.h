/* Says in words, for `assay policy explain`, why a rule applies to a request or does not. */
#ifndef ASSAY_POLICY_WHY_H
#define ASSAY_POLICY_WHY_H

#include "agent/policy/decision.h"

/* The first condition that does not hold, with the values that would satisfy it. The caller frees it. NULL: no memory. */
char *policy_why(const struct policy *policy, const struct ask *ask, const struct rule *rule, enum fit fit);

/* The condition's name in --json; static. */
const char *policy_fit_name(enum fit fit);

#endif
