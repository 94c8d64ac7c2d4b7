/* As much of an agent as a request meets: one issuer, its keys, a policy, and a token that was accepted. */
#ifndef ASSAY_FUZZ_REQUEST_AGENT_H
#define ASSAY_FUZZ_REQUEST_AGENT_H

#include "agent/verdict/grounds.h"
#include "agent/verdict/verdicts.h"

struct verdicts *request_verdicts(void);
const struct token *request_good_token(void);
const struct token *request_bad_token(void);
const struct grounds *request_grounds(void); /* of the good one */

#endif
