/* An issuer's tokens that say in ways of their own what RFC 7519 has a way for. Where the issuer's settings know of it, the claims are put
   into the usual way before any other check looks at them: so nothing behind this has to know. */
#ifndef ASSAY_ADAPT_H
#define ASSAY_ADAPT_H

#include "verify.h"

/* The issuer that the question has for this token, or NULL: by the header parameter or the kid that issuers are named by, else by `iss`. */
const struct issuer *adapt_find_issuer(const struct token *token, const struct question *question);

/* Is this a header parameter about the signature (RFC 7515 section 4.1, RFC 7797), and no claim? */
bool header_is_about_signature(struct text name);

/* Puts whole numbers of these claims (CLAIM_BIT) into texts, in `wire`, which is where they lie and has so much room. -1: it has not enough. */
int adapt_numbers(struct claims *claims, uint32_t numeric, uint8_t *wire, size_t room);

/* Puts the token's claims, which lie in the room, as its issuer's settings say. -1: there is no room for them. */
int adapt_claims(struct token *token, struct token_room *room);

#endif
