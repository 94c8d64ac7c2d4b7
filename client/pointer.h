/* JSON pointers (RFC 6901). */
#ifndef ASSAY_CLIENT_POINTER_H
#define ASSAY_CLIENT_POINTER_H

#include "client/wire/value.h"

/* 0, ASSAY_E_ARGUMENT if it is not a pointer, ASSAY_E_NO_CLAIM if it points at nothing. */
int pointer_find(const struct value *root, const char *pointer, const struct value **ret_value);

#endif
