/* Puts another keyring in force: other keys, another policy or another configuration. Results that depend on the old one end with it. */
#ifndef ASSAY_IN_FORCE_H
#define ASSAY_IN_FORCE_H

#include "agent.h"

/* Puts a keyring in force, under a new generation, and drops the results cached under the old one; if the configuration is the same, only those of
   issuers whose keys have changed. Takes the keyring. `core` is the agent's. -1: out of memory, and nothing has changed; never if the
   configuration is the same. */
int agent_use_keyring(struct core *core, struct keyring *ring);

/* Logs warnings about the keyring in force: parts that may not mean what was intended. `old`: the keyring before it, whose warnings are already
   logged; NULL: none. */
void keyring_tell_warnings(const struct keyring *old, const struct keyring *ring);

#endif
