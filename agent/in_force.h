/* Another keyring in force: other keys, another policy, another configuration. What rested on the one before ends with it. */
#ifndef ASSAY_IN_FORCE_H
#define ASSAY_IN_FORCE_H

#include "agent.h"

/* Puts a keyring in force, under a new generation, and forgets what was verified under the old one; where the configuration is the same,
   of those issuers whose keys are others. Takes it. `core` is the agent's. -1: no memory, and nothing has changed; never where the configuration is the same. */
int agent_use_keyring(struct core *core, struct keyring *ring);

/* What is in force, but perhaps not as it was meant. `old`: what was in force before and is known; NULL: nothing. */
void keyring_tell_warnings(const struct keyring *old, const struct keyring *ring);

#endif
