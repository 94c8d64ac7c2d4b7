/* The roles and scopes that a token grants, read where its issuer's settings say that they stand. */
#ifndef ASSAY_GRANTED_H
#define ASSAY_GRANTED_H

#include "agent/token/claims.h"

/* Calls `each` with every role or scope. Of several places all count, and one that the token does not have counts for nothing. What is
   neither a text nor an array (where the names of an object are meant: no object) grants nothing, and is noted in the issuer's `elsewhere`.
   `issuer` NULL: the usual claims. */
void each_role(const struct claims *claims, const struct issuer *issuer, void (*each)(void *context, const char *at, size_t bytes),
               void *context);
void each_scope(const struct claims *claims, const struct issuer *issuer, void (*each)(void *context, const char *at, size_t bytes),
                void *context);

/* Bytes of MessagePack that the roles and the scopes of these claims take, as two arrays. */
size_t granted_room(const struct claims *claims, const struct issuer *issuer);

#define GRANTED_WARNING_BYTES 512

/* What was noted there, in words: `what` is "roles" or "scopes". False: nothing was. */
bool granted_warning(const struct claim_places *places, const char *what, char text[GRANTED_WARNING_BYTES]);

#endif
