#include "algorithm.h"

#include <string.h>

const struct algorithm_facts algorithm_facts[ALG_COUNT] = {
    [ALG_NONE] = {"", KEY_NONE, DIGEST_NONE, 0, false},
    [ALG_RS256] = {"RS256", KEY_RSA, DIGEST_SHA256, 32, false},
    [ALG_RS384] = {"RS384", KEY_RSA, DIGEST_SHA384, 48, false},
    [ALG_RS512] = {"RS512", KEY_RSA, DIGEST_SHA512, 64, false},
    [ALG_PS256] = {"PS256", KEY_RSA, DIGEST_SHA256, 32, true},
    [ALG_PS384] = {"PS384", KEY_RSA, DIGEST_SHA384, 48, true},
    [ALG_PS512] = {"PS512", KEY_RSA, DIGEST_SHA512, 64, true},
    [ALG_ES256] = {"ES256", KEY_P256, DIGEST_SHA256, 32, false},
    [ALG_ES384] = {"ES384", KEY_P384, DIGEST_SHA384, 48, false},
    [ALG_ES512] = {"ES512", KEY_P521, DIGEST_SHA512, 64, false},
    [ALG_EDDSA] = {"EdDSA", KEY_ED25519, DIGEST_NONE, 0, false},
    [ALG_HS256] = {"HS256", KEY_HMAC, DIGEST_SHA256, 32, false},
    [ALG_HS384] = {"HS384", KEY_HMAC, DIGEST_SHA384, 48, false},
    [ALG_HS512] = {"HS512", KEY_HMAC, DIGEST_SHA512, 64, false},
};

enum algorithm algorithm_by_name(const char *name, size_t bytes)
{
    for (enum algorithm alg = ALG_NONE + 1; alg < ALG_COUNT; alg++) {
        if (strlen(algorithm_facts[alg].name) == bytes && memcmp(algorithm_facts[alg].name, name, bytes) == 0)
            return alg;
    }
    return bytes == 7 && memcmp(name, "Ed25519", 7) == 0 ? ALG_EDDSA : ALG_NONE;
}
