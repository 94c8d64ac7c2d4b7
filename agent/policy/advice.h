/* Warnings about a valid policy that may not mean what its author intended. A warning does not stop the policy. */
#ifndef ASSAY_POLICY_ADVICE_H
#define ASSAY_POLICY_ADVICE_H

#include "policy.h"

/* Adds to the policy's warnings. `listed`: the roles that the hierarchy mentions; NULL: the policy has no hierarchy. `config` NULL: the
   configuration is unknown. */
void policy_advise(struct policy *policy, const struct config *config, const struct name_set *listed);

#endif
