/* Converts the claims of issuers that deviate from RFC 7519. If the issuer's settings describe the deviation, the claims are put into the usual
   form before any other check reads them, so no later code has to know. */
#ifndef ASSAY_ADAPT_H
#define ASSAY_ADAPT_H

#include "verify.h"

/* The issuer of this token among the question's issuers, or NULL. Issuers are found by `iss`, or by the header parameter or the kid that they are
   configured to be named by. */
const struct issuer *adapt_find_issuer(const struct token *token, const struct question *question);

/* Does this header parameter belong to the signature (RFC 7515 section 4.1, RFC 7797), and so cannot be a claim? */
bool header_is_about_signature(struct text name);

/* Turns whole numbers in these claims (CLAIM_BIT) into strings, in `wire`, where the claims lie, which has `room` bytes. -1: not enough room. */
int adapt_numbers(struct claims *claims, uint32_t numeric, uint8_t *wire, size_t room);

/* Puts the token's claims, which lie in the room, into the usual form, as its issuer's settings say. -1: not enough room. */
int adapt_claims(struct token *token, struct token_room *room);

#endif
