/* JSON pointers (RFC 6901). */
#ifndef ASSAY_CLIENT_POINTER_H
#define ASSAY_CLIENT_POINTER_H

#include "client/wire/value.h"

/* Returns 0, ASSAY_E_ARGUMENT if it is not a pointer, or ASSAY_E_NO_CLAIM if it points to no value. */
int pointer_find(const struct value *root, const char *pointer, const struct value **ret_value);

#endif
