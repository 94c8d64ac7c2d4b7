/* Bytes as hexadecimal digits. */
#ifndef ASSAY_HEX_H
#define ASSAY_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Writes 2 * size lower-case digits and a terminating NUL. */
void hex_encode(const uint8_t *bytes, size_t size, char *out);

#endif
