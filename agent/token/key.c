#include "key.h"

#include <string.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "base64url.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192
#define RSA_EXPONENT_BYTES_MAX 8
#define HMAC_BYTES_MIN 32
#define HMAC_BYTES_MAX 1024
#define ED25519_BYTES 32
#define EC_BYTES_MAX 66

static const struct curve {
    const char *name;
    const char *crv;
    size_t bytes;
} curves[] = {
    [KEY_P256] = {"prime256v1", "P-256", 32},
    [KEY_P384] = {"secp384r1", "P-384", 48},
    [KEY_P521] = {"secp521r1", "P-521", 66},
};

static void strip_zeros(const uint8_t **bytes, size_t *size)
{
    while (*size > 0 && **bytes == 0) {
        ++*bytes;
        --*size;
    }
}

/* The bits of a number whose first byte exists and is not zero. */
static size_t bits_of(const uint8_t *bytes, size_t size)
{
    size_t bits = size * 8;

    for (unsigned first = bytes[0]; (first & 0x80) == 0; first <<= 1)
        bits--;
    return bits;
}

/* OpenSSL 3.0 accepts an exponent of 1, even moduli and 512 bits without an error, so these checks are needed. */
static const char *refuse_rsa(struct material *m)
{
    strip_zeros(&m->first, &m->first_bytes);
    strip_zeros(&m->second, &m->second_bytes);
    if (m->first_bytes == 0 || bits_of(m->first, m->first_bytes) < RSA_BITS_MIN)
        return "an RSA modulus below 2048 bits";
    if (bits_of(m->first, m->first_bytes) > RSA_BITS_MAX)
        return "an RSA modulus above 8192 bits";
    if ((m->first[m->first_bytes - 1] & 1) == 0)
        return "an even RSA modulus";
    if (m->second_bytes == 0 || m->second_bytes > RSA_EXPONENT_BYTES_MAX)
        return "an RSA exponent of zero or above 64 bits";
    if ((m->second[m->second_bytes - 1] & 1) == 0)
        return "an even RSA exponent";
    if (m->second_bytes == 1 && m->second[0] < 3)
        return "an RSA exponent below 3";
    return NULL;
}

static const char *refuse_ec(const struct material *m)
{
    if (m->first_bytes != curves[m->kind].bytes || m->second_bytes != curves[m->kind].bytes)
        return "EC coordinates of the wrong length for the curve (RFC 7518 6.2.1.2)";
    return NULL;
}

/* The y coordinates of the points whose order divides 8, and the two that encode one of them above the prime; without the sign bit. A signature
   under such a key proves nothing: anybody can make it without a secret, for every message. */
static const uint8_t ed25519_small_order[][ED25519_BYTES] = {
    {0},
    {1},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
     0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
     0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
};

static const char *refuse_ed25519(const struct material *m)
{
    uint8_t y[ED25519_BYTES];

    if (m->first_bytes != ED25519_BYTES)
        return "an Ed25519 key that does not have 32 bytes";
    memcpy(y, m->first, sizeof y);
    y[ED25519_BYTES - 1] &= 0x7f;
    for (size_t i = 0; i < sizeof ed25519_small_order / sizeof *ed25519_small_order; i++) {
        if (memcmp(y, ed25519_small_order[i], sizeof y) == 0)
            return "an Ed25519 point of small order";
    }
    return NULL;
}

static const char *refuse_hmac(const struct material *m, enum algorithm alg)
{
    size_t least = alg != ALG_NONE ? algorithm_facts[alg].digest_bytes : HMAC_BYTES_MIN;

    if (m->first_bytes < least)
        return "an HMAC secret shorter than the hash (RFC 7518 3.2)";
    if (m->first_bytes > HMAC_BYTES_MAX)
        return "an HMAC secret above 1024 bytes";
    return NULL;
}

static const char *refuse(struct material *m, enum algorithm alg)
{
    if (alg != ALG_NONE && algorithm_facts[alg].kind != m->kind)
        return "an alg that does not fit the type of key";
    switch (m->kind) {
    case KEY_RSA:
        return refuse_rsa(m);
    case KEY_P256:
    case KEY_P384:
    case KEY_P521:
        return refuse_ec(m);
    case KEY_ED25519:
        return refuse_ed25519(m);
    case KEY_HMAC:
        return refuse_hmac(m, alg);
    default:
        return "an unknown type of key";
    }
}

const char key_failed[] = "out of memory";

/* OpenSSL's error for an invalid point; it also reports it if it had no memory to check, and then reports that, too. Its other errors are not
   about the key. */
static bool was_no_point(void)
{
    bool found = false, memory = true;

    for (unsigned long error; (error = ERR_get_error()) != 0;) {
        int reason = ERR_GET_REASON(error);

        memory = memory && reason != ERR_R_MALLOC_FAILURE;
        found = found || (ERR_GET_LIB(error) == ERR_LIB_EC &&
                          (reason == EC_R_POINT_IS_NOT_ON_CURVE || reason == EC_R_COORDINATES_OUT_OF_RANGE ||
                           reason == EC_R_INVALID_ENCODING || reason == EC_R_POINT_AT_INFINITY));
    }
    return found && memory;
}

static EVP_PKEY *pkey_from(const char *type, OSSL_PARAM_BLD *build)
{
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
        pkey = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return pkey;
}

static EVP_PKEY *rsa_pkey(const struct material *m)
{
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    BIGNUM *n = BN_bin2bn(m->first, (int)m->first_bytes, NULL), *e = BN_bin2bn(m->second, (int)m->second_bytes, NULL);
    EVP_PKEY *pkey = NULL;

    if (build != NULL && n != NULL && e != NULL && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) == 1)
        pkey = pkey_from("RSA", build);
    BN_free(n);
    BN_free(e);
    OSSL_PARAM_BLD_free(build);
    return pkey;
}

/* The point must be on the curve; otherwise an attacker who chose it could make a signature verify. */
static EVP_PKEY *ec_pkey(const struct material *m)
{
    const struct curve *curve = &curves[m->kind];
    uint8_t point[1 + 2 * EC_BYTES_MAX] = {0x04};
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;

    memcpy(point + 1, m->first, curve->bytes);
    memcpy(point + 1 + curve->bytes, m->second, curve->bytes);
    if (build != NULL && OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * curve->bytes) == 1)
        pkey = pkey_from("EC", build);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX *context = pkey != NULL ? EVP_PKEY_CTX_new(pkey, NULL) : NULL;

    if (context == NULL || EVP_PKEY_public_check(context) != 1) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    EVP_PKEY_CTX_free(context);
    return pkey;
}

/* Never swapped out, while there is room in such memory. */
static uint8_t *secret_copy(const uint8_t *bytes, size_t count)
{
    uint8_t *copy = OPENSSL_secure_malloc(count);

    if (copy == NULL)
        return OPENSSL_memdup(bytes, count);
    memcpy(copy, bytes, count);
    return copy;
}

static int set_numbers(struct key *key, const struct material *m)
{
    switch (m->kind) {
    case KEY_HMAC:
        key->secret = secret_copy(m->first, m->first_bytes);
        key->secret_bytes = m->first_bytes;
        return key->secret != NULL ? 0 : -1;
    case KEY_RSA:
        key->pkey = rsa_pkey(m);
        break;
    case KEY_ED25519:
        key->pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, m->first, m->first_bytes);
        break;
    default:
        key->pkey = ec_pkey(m);
        break;
    }
    /* If OpenSSL lacks memory here, it makes a key that does not know its size, and verifies nothing. */
    return key->pkey != NULL && EVP_PKEY_get_size(key->pkey) > 0 ? 0 : -1;
}

/* RFC 7638: SHA-256 over the required members in the order of their names, no white space. */
static int set_thumbprint(struct key *key, const struct material *m)
{
    char text[2 * BASE64URL_ENCODED_MAX(RSA_BITS_MAX / 8 + 1) + 64];
    char first[BASE64URL_ENCODED_MAX(RSA_BITS_MAX / 8 + 1)], second[BASE64URL_ENCODED_MAX(RSA_BITS_MAX / 8 + 1)] = "";
    int size;

    base64url_encode(m->first, m->first_bytes, first);
    if (m->second != NULL)
        base64url_encode(m->second, m->second_bytes, second);
    if (m->kind == KEY_RSA)
        size = snprintf(text, sizeof text, "{\"e\":\"%s\",\"kty\":\"RSA\",\"n\":\"%s\"}", second, first);
    else if (m->kind == KEY_HMAC)
        size = snprintf(text, sizeof text, "{\"k\":\"%s\",\"kty\":\"oct\"}", first);
    else if (m->kind == KEY_ED25519)
        size = snprintf(text, sizeof text, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}", first);
    else
        size = snprintf(text, sizeof text, "{\"crv\":\"%s\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", curves[m->kind].crv, first,
                        second);
    int status = EVP_Digest(text, (size_t)size, key->thumbprint, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;

    OPENSSL_cleanse(text, sizeof text);
    OPENSSL_cleanse(first, sizeof first);
    return status;
}

struct key *key_admit(const struct material *material, enum algorithm alg, const char *kid, size_t kid_bytes, const char **ret_why)
{
    struct material m = *material;
    const char *why = refuse(&m, alg);

    if (why != NULL) {
        *ret_why = why;
        return NULL;
    }
    struct key *key = OPENSSL_zalloc(sizeof *key);

    *ret_why = key_failed;
    if (key == NULL)
        return NULL;
    key->kind = m.kind;
    key->alg = alg;
    if (kid != NULL && (key->kid = OPENSSL_strndup(kid, kid_bytes)) == NULL) {
        key_free(key);
        return NULL;
    }
    key->kid_bytes = kid_bytes;
    ERR_clear_error();
    if (set_numbers(key, &m) < 0 || set_thumbprint(key, &m) < 0) {
        if (was_no_point())
            *ret_why = "numbers that do not form a valid key (is the point on its curve?)";
        key_free(key);
        return NULL;
    }
    return key;
}

void key_free(struct key *key)
{
    if (key == NULL)
        return;
    for (size_t i = 0; i < sizeof key->prepared / sizeof *key->prepared; i++)
        EVP_PKEY_CTX_free(key->prepared[i].context);
    EVP_PKEY_free(key->pkey);
    OPENSSL_secure_clear_free(key->secret, key->secret_bytes);
    OPENSSL_free(key->kid);
    OPENSSL_free(key);
}

bool key_fits(const struct key *key, enum algorithm alg)
{
    if (key->kind != algorithm_facts[alg].kind || (key->alg != ALG_NONE && key->alg != alg))
        return false;
    return key->kind != KEY_HMAC || key->secret_bytes >= algorithm_facts[alg].digest_bytes;
}
