/* The signature algorithms of RFC 7518, RFC 8037 and RFC 9864 that Assay accepts, and the type of key that each needs. "none" is not among them
   and cannot be. */
#ifndef ASSAY_ALGORITHM_H
#define ASSAY_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_kind { KEY_NONE = 0, KEY_RSA, KEY_P256, KEY_P384, KEY_P521, KEY_ED25519, KEY_HMAC };

enum algorithm {
    ALG_NONE = 0, /* unknown */
    ALG_RS256,
    ALG_RS384,
    ALG_RS512,
    ALG_PS256,
    ALG_PS384,
    ALG_PS512,
    ALG_ES256,
    ALG_ES384,
    ALG_ES512,
    ALG_EDDSA, /* also spelt Ed25519; both are one algorithm */
    ALG_HS256,
    ALG_HS384,
    ALG_HS512,
    ALG_COUNT
};

enum digest { DIGEST_NONE = 0, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT };

struct algorithm_facts {
    const char *name;
    enum key_kind kind;
    enum digest digest;
    unsigned digest_bytes;
    bool pss;
};

extern const struct algorithm_facts algorithm_facts[ALG_COUNT];

#define ALGORITHM_BIT(alg) (1U << (alg))
#define ALGORITHMS_HMAC (ALGORITHM_BIT(ALG_HS256) | ALGORITHM_BIT(ALG_HS384) | ALGORITHM_BIT(ALG_HS512))
#define ALGORITHMS_ALL ((1U << ALG_COUNT) - 2)
#define ALGORITHMS_ASYMMETRIC (ALGORITHMS_ALL & ~ALGORITHMS_HMAC)

/* The algorithm with exactly this name (case-sensitive, RFC 7515 4.1.1), or ALG_NONE. */
enum algorithm algorithm_by_name(const char *name, size_t bytes);

#endif
