/* What OpenSSL alone takes for a signature, with a key that was parsed once. */
#include <string.h>
#include <time.h>

#include "bench.h"

static double thread_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

double evp_microseconds(const struct issuer_key *key, unsigned count)
{
    static const char input[500] = {'e', 'y'};
    uint8_t signature[512];
    size_t size = sizeof signature;
    const EVP_MD *digest = strcmp(key->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (EVP_DigestSignInit(context, NULL, digest, NULL, key->pkey) != 1 ||
        EVP_DigestSign(context, signature, &size, (const unsigned char *)input, sizeof input) != 1)
        die("signing");
    double before = thread_seconds();

    for (unsigned i = 0; i < count; i++) {
        EVP_MD_CTX_reset(context);
        if (EVP_DigestVerifyInit(context, NULL, digest, NULL, key->public) != 1 ||
            EVP_DigestVerify(context, signature, size, (const unsigned char *)input, sizeof input) != 1)
            die("verifying");
    }
    double used = thread_seconds() - before;

    EVP_MD_CTX_free(context);
    return used / count * 1e6;
}
