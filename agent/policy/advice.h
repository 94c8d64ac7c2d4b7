/* What a policy that is good may still not mean as it was meant: warnings, which stop nothing. */
#ifndef ASSAY_POLICY_ADVICE_H
#define ASSAY_POLICY_ADVICE_H

#include "policy.h"

/* Adds to the policy's warnings. `listed`: the roles that the hierarchy mentions; NULL: there is none. `config` NULL: no configuration is
   known. */
void policy_advise(struct policy *policy, const struct config *config, const struct name_set *listed);

#endif
