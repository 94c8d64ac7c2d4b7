/* Another keyring in force: other keys, another policy, another configuration. What rested on the one before ends with it. */
#ifndef ASSAY_IN_FORCE_H
#define ASSAY_IN_FORCE_H

#include "agent/agent.h"

struct view;

/* Puts a keyring in force, under a new generation, and forgets what was verified under the old one; where the configuration is the same,
   of those issuers whose keys are others. Takes it. -1: no memory, and nothing has changed; never where the configuration is the same. */
int agent_use_keyring(struct agent *agent, struct keyring *ring);

/* Is a verified token's key revoked by a kid that it bore until a moment ago? The store knows that once it has been noted, which takes a commit.
   As list_judge; only where `covers` is not NULL. */
enum outcome agent_judge_former_kids(struct agent *agent, struct view *view, const struct token *token);

/* What is in force, but perhaps not as it was meant. `old`: what was in force before and is known; NULL: nothing. */
void keyring_tell_warnings(const struct keyring *old, const struct keyring *ring);

#endif
