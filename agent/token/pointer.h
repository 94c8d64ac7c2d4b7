/* JSON pointers (RFC 6901) into claims. */
#ifndef ASSAY_TOKEN_POINTER_H
#define ASSAY_TOKEN_POINTER_H

#include "claims.h"

/* Is it one? "" is not: a claim is meant, not the whole set. */
bool pointer_is_valid(struct text pointer);

/* The value that a valid pointer leads to. False: there is none. */
bool claims_point(const struct claims *claims, struct text pointer, struct wire_cursor *ret_value);

/* A claim by its name, or by a pointer where the text begins with a slash. */
bool claims_find(const struct claims *claims, struct text name, struct wire_cursor *ret_value);

#endif
