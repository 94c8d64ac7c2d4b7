/* Creates keys, and writes their public halves as members of a JWK (RFC 7518 section 6, RFC 8037 section 2). */
#ifndef ASSAY_COMMAND_PUBLIC_JWK_H
#define ASSAY_COMMAND_PUBLIC_JWK_H

#include <jansson.h>
#include <openssl/evp.h>
#include <stdint.h>

#include "agent/token/algorithm.h"

/* NULL: OpenSSL failed. Not for HMAC. */
EVP_PKEY *jwk_make_key(const struct algorithm_facts *facts);

/* Each returns 0, or another value if the member could not be set. */
int jwk_set_public(json_t *jwk, const EVP_PKEY *key, enum key_kind kind);
int jwk_set_bytes(json_t *jwk, const char *name, const uint8_t *bytes, size_t count);
int jwk_set_text(json_t *jwk, const char *name, const char *text);

#endif
