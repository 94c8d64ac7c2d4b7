/* The first part of an accepting answer, which is the same on every call for one token: encoded once and cached with the token. */
#ifndef ASSAY_ANSWER_H
#define ASSAY_ANSWER_H

#include "agent/token/verify.h"

#define ANSWER_CLAIMS_AT 16 /* where the claims begin in it */

/* The room that it needs. */
size_t answer_head_room(const struct token *token);

/* {active: true, claims: …, issuer: …, expires_at: …, key_age: — it ends there, because ages change. */
void answer_put_head(struct wire_writer *writer, const struct token *token);

/* The part after the age of the keys. */
void answer_put_tail(struct wire_writer *writer, const struct token *token, int64_t revocation_age); /* seconds; below 0: no feeds, nil */
#define ANSWER_TAIL_ROOM 64

#endif
