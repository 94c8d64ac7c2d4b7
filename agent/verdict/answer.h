/* The beginning of a yes, the same on every call for one token: made once and kept beside it. */
#ifndef ASSAY_ANSWER_H
#define ASSAY_ANSWER_H

#include "agent/token/verify.h"

#define ANSWER_CLAIMS_AT 16 /* where the claims stand in it */

/* The room that it takes. */
size_t answer_head_room(const struct token *token);

/* {active: true, claims: …, issuer: …, expires_at: …, key_age: — and there it ends, for ages change. */
void answer_put_head(struct wire_writer *writer, const struct token *token);

/* What follows the age of the keys. */
void answer_put_tail(struct wire_writer *writer, const struct token *token, int64_t revocation_age); /* seconds; below 0: no feeds, nil */
#define ANSWER_TAIL_ROOM 64

#endif
