/* base64url as RFC 7515 section 2 has it: no padding, no white space, no other alphabet, and the bits that are left over zero, so
   that each value has one spelling (RFC 4648 3.5). */
#ifndef ASSAY_BASE64URL_H
#define ASSAY_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#define BASE64URL_DECODED_MAX(characters) ((characters) / 4 * 3 + 3)
#define BASE64URL_ENCODED_MAX(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* Decodes `size` characters into `out`, which has room for BASE64URL_DECODED_MAX. 0, or -1 if it is not strict base64url. */
int base64url_decode(const char *text, size_t size, uint8_t *out, size_t *ret_bytes);

/* Encodes and terminates; `out` has room for BASE64URL_ENCODED_MAX. */
void base64url_encode(const uint8_t *bytes, size_t size, char *out);

#endif
