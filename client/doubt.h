/* Why a question was not decided, in words for whoever reads the service's log. */
#ifndef ASSAY_CLIENT_DOUBT_H
#define ASSAY_CLIENT_DOUBT_H

#include "call.h"
#include "verdict.h"

/* A verdict that is neither yes nor no: the agent's own words where it has answered, else what the status means; of ASSAY_E_UNREACHABLE
   also what the system said (`error`: errno, or 0). `answer` NULL: there was none. Returns NULL where there is no memory. */
struct assay_verdict *doubt_about(const struct channel *channel, int status, int error, const struct answer *answer);

/* The same for ASSAY_E_ARGUMENT, which it returns: `what` is what is wrong. `ret` may be NULL. */
int doubt_argument(const char *what, struct assay_verdict **ret);

#endif
