/* The roles and scopes that a token grants, read from the places that its issuer's settings name. */
#ifndef ASSAY_GRANTED_H
#define ASSAY_GRANTED_H

#include "agent/token/claims.h"

/* Calls `each` with every role or scope. All places count together; a place that the token does not have is skipped. A value that is neither a
   string nor an array (if the names of an object are expected: not an object) grants nothing, and is recorded in the issuer's `elsewhere`.
   `issuer` NULL: the usual claims. */
void each_role(const struct claims *claims, const struct issuer *issuer, void (*each)(void *context, const char *at, size_t bytes),
               void *context);
void each_scope(const struct claims *claims, const struct issuer *issuer, void (*each)(void *context, const char *at, size_t bytes),
                void *context);

/* Bytes of MessagePack that the roles and the scopes of these claims take, as two arrays. */
size_t granted_room(const struct claims *claims, const struct issuer *issuer);

#define GRANTED_WARNING_BYTES 512

/* A warning about what was recorded there: `what` is "roles" or "scopes". False: nothing was recorded. */
bool granted_warning(const struct claim_places *places, const char *what, char text[GRANTED_WARNING_BYTES]);

#endif
