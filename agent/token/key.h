/* One verification key, parsed and admitted once. It enters as plain numbers (struct material), from a JWK or from a PEM file, so that one gate
   and one set of rules apply. */
#ifndef ASSAY_KEY_H
#define ASSAY_KEY_H

#include <openssl/evp.h>

#include "agent/base/limits.h"
#include "algorithm.h"

#define THUMBPRINT_BYTES 32

/* The numbers of a key, big-endian, as in RFC 7518 section 6 and RFC 8037 section 2. */
struct material {
    enum key_kind kind;
    const uint8_t *first; /* RSA: n. EC: x. Ed25519: x. HMAC: the secret */
    size_t first_bytes;
    const uint8_t *second; /* RSA: e. EC: y */
    size_t second_bytes;
};

struct key {
    enum key_kind kind;
    enum algorithm alg; /* ALG_NONE: any algorithm of its type */
    char *kid;          /* NULL: the key has no kid */
    size_t kid_bytes;
    EVP_PKEY *pkey; /* NULL for HMAC */
    uint8_t *secret;
    size_t secret_bytes;
    uint8_t thumbprint[THUMBPRINT_BYTES]; /* RFC 7638: equal for equal material, in whatever form it was written */

    /* One OpenSSL context for each verifier, set up at its first use: setting up costs a quarter of an RS256 check. A verifier touches only the
       slot of its own number, so no lock is needed. */
    struct prepared {
        EVP_PKEY_CTX *context;
        enum algorithm alg;
    } prepared[WORKERS_MAX + 1];
};

/* Makes a key of material that passes admission. NULL: *ret_why says what is wrong, as text for a log line; static, never freed. It is key_failed
   itself if a call failed, so that it is unknown whether the key is good. */
extern const char key_failed[];
struct key *key_admit(const struct material *material, enum algorithm alg, const char *kid, size_t kid_bytes, const char **ret_why);

/* Wipes and frees. NULL is fine. */
void key_free(struct key *key);

/* Can this key verify that algorithm? The type, the key's own `alg`, and for HMAC a secret as long as the hash (RFC 7518 3.2) must fit. */
bool key_fits(const struct key *key, enum algorithm alg);

#endif
