/* Writes a value as JSON text (RFC 8259), compact, in the order of the message. */
#ifndef ASSAY_CLIENT_JSON_H
#define ASSAY_CLIENT_JSON_H

#include "value.h"

/* Writes the text without a NUL, and returns its length. `ret_text` NULL: only returns the length. */
size_t json_write(const struct value *value, char *ret_text);

/* The text, terminated; the caller frees it. NULL if there is no memory. */
char *json_text(const struct value *value);

#endif
