#include "public_jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

#include "agent/token/base64url.h"
#include "owned.h"

#define COORDINATE_BYTES_MAX   66  /* P-521 */
#define MODULUS_BYTES_MAX      512 /* RSA of 4096 bits */
#define RSA_BITS(digest_bytes) ((digest_bytes) == 64 ? 4096 : (digest_bytes) == 48 ? 3072 : 2048)

static void drop_number(BIGNUM **number)
{
    BN_free(*number);
}

static const char *curve_of(enum key_kind kind)
{
    return kind == KEY_P256 ? "P-256" : kind == KEY_P384 ? "P-384" : "P-521";
}

static int coordinate_bytes(enum key_kind kind)
{
    return kind == KEY_P256 ? 32 : kind == KEY_P384 ? 48 : COORDINATE_BYTES_MAX;
}

/* An RSA key as strong as the algorithm's hash (NIST SP 800-57 part 1, table 2), as far as that is practical. */
EVP_PKEY *jwk_make_key(const struct algorithm_facts *facts)
{
    if (facts->kind == KEY_RSA)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS(facts->digest_bytes));
    if (facts->kind == KEY_ED25519)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_of(facts->kind));
}

int jwk_set_bytes(json_t *jwk, const char *name, const uint8_t *bytes, size_t count)
{
    char text[BASE64URL_ENCODED_MAX(MODULUS_BYTES_MAX)];

    base64url_encode(bytes, count, text);
    return json_object_set_new(jwk, name, json_string(text));
}

/* `width` 0: as few bytes as the number needs (RFC 7518 section 6.3.1.1); else exactly that many (section 6.2.1.2). */
static int set_number(json_t *jwk, const char *name, const EVP_PKEY *key, const char *parameter, int width)
{
    BIGNUM *number CLEANUP(drop_number) = NULL;
    uint8_t bytes[MODULUS_BYTES_MAX];

    if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1)
        return -1;
    if (width == 0)
        width = BN_num_bytes(number);
    if (width > MODULUS_BYTES_MAX || BN_bn2binpad(number, bytes, width) != width)
        return -1;
    return jwk_set_bytes(jwk, name, bytes, (size_t)width);
}

int jwk_set_text(json_t *jwk, const char *name, const char *text)
{
    return json_object_set_new(jwk, name, json_string(text));
}

static int set_rsa(json_t *jwk, const EVP_PKEY *key)
{
    int failed = jwk_set_text(jwk, "kty", "RSA");

    failed |= set_number(jwk, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
    failed |= set_number(jwk, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);
    return failed;
}

static int set_ec(json_t *jwk, const EVP_PKEY *key, enum key_kind kind)
{
    int failed = jwk_set_text(jwk, "kty", "EC");

    failed |= jwk_set_text(jwk, "crv", curve_of(kind));
    failed |= set_number(jwk, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, coordinate_bytes(kind));
    failed |= set_number(jwk, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, coordinate_bytes(kind));
    return failed;
}

static int set_ed25519(json_t *jwk, const EVP_PKEY *key)
{
    uint8_t point[32];
    size_t bytes = sizeof point;
    int failed = jwk_set_text(jwk, "kty", "OKP");

    failed |= jwk_set_text(jwk, "crv", "Ed25519");
    if (EVP_PKEY_get_raw_public_key(key, point, &bytes) != 1)
        return -1;
    return failed | jwk_set_bytes(jwk, "x", point, bytes);
}

int jwk_set_public(json_t *jwk, const EVP_PKEY *key, enum key_kind kind)
{
    if (kind == KEY_RSA)
        return set_rsa(jwk, key);
    return kind == KEY_ED25519 ? set_ed25519(jwk, key) : set_ec(jwk, key, kind);
}
