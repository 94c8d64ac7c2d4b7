/* The two questions themselves, for the library's calls and for the commands that print what the agent said. */
#ifndef ASSAY_CLIENT_ASK_H
#define ASSAY_CLIENT_ASK_H

#include "call.h"
#include "exports.h"

/* As assay_verify() and assay_authorize(), with the answer left in `answer` (initialised; the caller's to clear) and a place for
   the verdict that is not NULL. */
int ask_verify(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict);
int ask_authorize(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict);

#endif
