/* The question itself, for assay_verify() and the command that prints what the agent said. */
#ifndef ASSAY_CLIENT_VERIFY_H
#define ASSAY_CLIENT_VERIFY_H

#include "call.h"
#include "exports.h"

/* As assay_verify(), with the answer left in `answer` (initialised; the caller's to clear) and a place for the verdict that is
   not NULL. */
int verify_token(struct assay *assay, const char *token, size_t token_bytes, const char *audience, struct answer *answer,
                 struct assay_verdict **ret_verdict);

#endif
