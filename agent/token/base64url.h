/* base64url as in RFC 7515 section 2: no padding, no white space, no other alphabet. Unused bits must be zero, so that each value has only one
   spelling (RFC 4648 3.5). */
#ifndef ASSAY_BASE64URL_H
#define ASSAY_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#define BASE64URL_DECODED_MAX(characters) ((characters) / 4 * 3 + 3)
#define BASE64URL_ENCODED_MAX(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* Decodes `size` characters into `out`, which has room for BASE64URL_DECODED_MAX. 0, or -1 if it is not strict base64url. */
int base64url_decode(const char *text, size_t size, uint8_t *out, size_t *ret_bytes);

/* Why is the text not base64url, and at which character, counted from 0? For error messages: it reads again what base64url_decode refused. */
enum base64url_fault {
    BASE64URL_GOOD = 0,
    BASE64URL_CHARACTER,  /* this character is not in the alphabet */
    BASE64URL_LENGTH,     /* no number of bytes encodes to this length; the last character is too much, or others are missing */
    BASE64URL_SPARE_BITS, /* the last character sets bits that belong to no byte */
};
enum base64url_fault base64url_fault(const char *text, size_t size, size_t *ret_at);

/* Encodes and terminates; `out` has room for BASE64URL_ENCODED_MAX. */
void base64url_encode(const uint8_t *bytes, size_t size, char *out);

#endif
