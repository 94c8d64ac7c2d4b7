/* What OpenSSL alone takes for a signature, with a key that was parsed once. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>

#include "agent/token/base64url.h"
#include "bench.h"

static double thread_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

/* JOSE has r and s side by side, OpenSSL wants them in DER. */
static size_t der_from_jose(const uint8_t raw[64], uint8_t *out)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();

    if (signature == NULL || ECDSA_SIG_set0(signature, BN_bin2bn(raw, 32, NULL), BN_bin2bn(raw + 32, 32, NULL)) != 1)
        die("an ECDSA signature");
    int bytes = i2d_ECDSA_SIG(signature, &out);

    ECDSA_SIG_free(signature);
    return (size_t)bytes;
}

struct signed_text *signed_texts(const struct issuer_key *key, char *const *tokens, unsigned count)
{
    struct signed_text *texts = calloc(count, sizeof *texts);

    for (unsigned i = 0; i < count; i++) {
        const char *dot = strrchr(tokens[i], '.');
        uint8_t raw[512];
        size_t size;

        if (texts == NULL || dot == NULL || base64url_decode(dot + 1, strlen(dot + 1), raw, &size) < 0)
            die("a token's signature");
        texts[i].text = tokens[i];
        texts[i].text_bytes = (size_t)(dot - tokens[i]);
        texts[i].signature_bytes = strcmp(key->alg, "ES256") == 0 ? der_from_jose(raw, texts[i].signature) : size;
        if (strcmp(key->alg, "ES256") != 0)
            memcpy(texts[i].signature, raw, size);
    }
    return texts;
}

double evp_microseconds(const struct issuer_key *key, const struct signed_text *texts, unsigned count)
{
    const EVP_MD *digest = strcmp(key->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    double before = thread_seconds();

    for (unsigned i = 0; i < count; i++) {
        const struct signed_text *text = &texts[i];

        EVP_MD_CTX_reset(context);
        if (EVP_DigestVerifyInit(context, NULL, digest, NULL, key->public) != 1 ||
            EVP_DigestVerify(context, text->signature, text->signature_bytes, (const unsigned char *)text->text, text->text_bytes) != 1)
            die("verifying");
    }
    double used = thread_seconds() - before;

    EVP_MD_CTX_free(context);
    return used / count * 1e6;
}
