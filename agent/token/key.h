/* One verification key, parsed and admitted once. It enters as plain numbers (struct material), whether they came from a JWK or
   from a PEM file, so there is one gate and one set of rules. */
#ifndef ASSAY_KEY_H
#define ASSAY_KEY_H

#include <openssl/evp.h>

#include "agent/base/limits.h"
#include "algorithm.h"

#define THUMBPRINT_BYTES 32

/* What a key is made of, big-endian, as RFC 7518 section 6 and RFC 8037 section 2 write it. */
struct material {
    enum key_kind kind;
    const uint8_t *first; /* RSA: n. EC: x. Ed25519: x. HMAC: the secret */
    size_t first_bytes;
    const uint8_t *second; /* RSA: e. EC: y */
    size_t second_bytes;
};

struct key {
    enum key_kind kind;
    enum algorithm alg; /* ALG_NONE: any of its kind */
    char *kid;          /* NULL: it has none */
    size_t kid_bytes;
    EVP_PKEY *pkey; /* not HMAC */
    uint8_t *secret;
    size_t secret_bytes;
    uint8_t thumbprint[THUMBPRINT_BYTES]; /* RFC 7638: the same for the same material, however it was written */

    /* One OpenSSL context for each verifier, set up at its first use: setting up costs a quarter of an RS256 check.
       A verifier touches only the slot of its own number, so there is nothing to lock. */
    struct prepared {
        EVP_PKEY_CTX *context;
        enum algorithm alg;
    } prepared[WORKERS_MAX + 1];
};

/* Makes a key of material that passes admission. NULL: *ret_why says what is wrong, in words for a log line; static, never freed.
   It is key_failed itself if nothing is: a call failed, and whether this is a good key is not known. */
extern const char key_failed[];
struct key *key_admit(const struct material *material, enum algorithm alg, const char *kid, size_t kid_bytes, const char **ret_why);

/* Wipes and frees. NULL is fine. */
void key_free(struct key *key);

/* May this key verify that algorithm? Kind, the key's own `alg`, and for HMAC a secret as long as the hash (RFC 7518 3.2). */
bool key_fits(const struct key *key, enum algorithm alg);

#endif
