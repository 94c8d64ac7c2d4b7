/* JSON pointers (RFC 6901) into claims. */
#ifndef ASSAY_TOKEN_POINTER_H
#define ASSAY_TOKEN_POINTER_H

#include "claims.h"

/* Is the text a JSON pointer to a claim? "" is not, because it points to the whole set. */
bool pointer_is_valid(struct text pointer);

/* The value that a valid pointer points to. False: it points to nothing. */
bool claims_point(const struct claims *claims, struct text pointer, struct wire_cursor *ret_value);

/* Finds a claim by its name, or by a pointer if the text begins with a slash. */
bool claims_find(const struct claims *claims, struct text name, struct wire_cursor *ret_value);

#endif
