/* As much of an agent as a request meets: one issuer, its keys, a policy, and a token that was accepted. */
#ifndef ASSAY_FUZZ_REQUEST_AGENT_H
#define ASSAY_FUZZ_REQUEST_AGENT_H

#include "agent/agent.h"

struct agent *request_agent(void);
const struct token *request_good_token(void);
const struct token *request_bad_token(void);
const struct basis *request_basis(void); /* of the good one */

#endif
