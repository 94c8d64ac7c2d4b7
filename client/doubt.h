/* Why a question is undecided, in words for the service's log. */
#ifndef ASSAY_CLIENT_DOUBT_H
#define ASSAY_CLIENT_DOUBT_H

#include "call.h"
#include "verdict.h"

/* Makes a verdict for an undecided question. Its text is the agent's own, if the agent answered; else what the status means, and after
   ASSAY_E_UNREACHABLE also the system's error (`error`: errno, or 0). `answer` NULL: there was no answer. Returns NULL if there is no
   memory. */
struct assay_verdict *doubt_about(const struct channel *channel, int status, int error, const struct answer *answer);

/* The same for ASSAY_E_ARGUMENT, which it returns; `what` says what is wrong. `ret` may be NULL. */
int doubt_argument(const char *what, struct assay_verdict **ret);

#endif
