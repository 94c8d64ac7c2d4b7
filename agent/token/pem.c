/* Keys from PEM: public keys (SubjectPublicKeyInfo) and certificates, whose validity is not checked, because the file's owner vouches for the key.
   The numbers go through the same admission as a JWK's. Private keys are refused: a verifier does not need one. */
#include "keyset_build.h"

#include <stdio.h>
#include <string.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define PEM_KEYS_MAX 64
#define NUMBER_BYTES_MAX 2048

static EVP_PKEY *read_block(const char *name, const unsigned char *data, long size)
{
    if (strcmp(name, "PUBLIC KEY") == 0)
        return d2i_PUBKEY(NULL, &data, size);
    if (strcmp(name, "RSA PUBLIC KEY") == 0) /* RFC 8017 appendix A.1.1 */
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &data, size);
    if (strcmp(name, "CERTIFICATE") != 0)
        return NULL;
    X509 *certificate = d2i_X509(NULL, &data, size);
    EVP_PKEY *pkey = certificate != NULL ? X509_get_pubkey(certificate) : NULL;

    X509_free(certificate);
    return pkey;
}

static int number(EVP_PKEY *pkey, const char *name, uint8_t *out, size_t width, size_t *ret_size)
{
    BIGNUM *value = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &value) != 1)
        return -1;
    size_t size = width > 0 ? width : (size_t)BN_num_bytes(value);
    int status = size <= NUMBER_BYTES_MAX && BN_bn2binpad(value, out, (int)size) >= 0 ? 0 : -1;

    BN_free(value);
    *ret_size = size;
    return status;
}

static enum key_kind kind_of(EVP_PKEY *pkey, size_t *ret_width)
{
    char group[32] = "";

    *ret_width = 0;
    if (EVP_PKEY_is_a(pkey, "RSA"))
        return KEY_RSA;
    if (EVP_PKEY_is_a(pkey, "ED25519"))
        return KEY_ED25519;
    if (!EVP_PKEY_is_a(pkey, "EC") || EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) != 1)
        return KEY_NONE;
    *ret_width = strcmp(group, "prime256v1") == 0 ? 32 : strcmp(group, "secp384r1") == 0 ? 48 : strcmp(group, "secp521r1") == 0 ? 66 : 0;
    return *ret_width == 32 ? KEY_P256 : *ret_width == 48 ? KEY_P384 : *ret_width == 66 ? KEY_P521 : KEY_NONE;
}

static struct key *admit(EVP_PKEY *pkey, const char *kid, const char **ret_why)
{
    uint8_t first[NUMBER_BYTES_MAX], second[NUMBER_BYTES_MAX];
    size_t width, first_bytes = sizeof first, second_bytes = 0;
    enum key_kind kind = kind_of(pkey, &width);
    int status = -1;

    *ret_why = "it is not RSA, EC P-256, P-384, P-521 or Ed25519";
    if (kind == KEY_NONE)
        return NULL;
    if (kind == KEY_ED25519)
        status = EVP_PKEY_get_raw_public_key(pkey, first, &first_bytes) == 1 ? 0 : -1;
    else if (kind == KEY_RSA)
        status = number(pkey, OSSL_PKEY_PARAM_RSA_N, first, 0, &first_bytes) == 0 &&
                         number(pkey, OSSL_PKEY_PARAM_RSA_E, second, 0, &second_bytes) == 0
                     ? 0
                     : -1;
    else
        status = number(pkey, OSSL_PKEY_PARAM_EC_PUB_X, first, width, &first_bytes) == 0 &&
                         number(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, second, width, &second_bytes) == 0
                     ? 0
                     : -1;
    *ret_why = first_bytes > NUMBER_BYTES_MAX || second_bytes > NUMBER_BYTES_MAX ? "its numbers are too large to read" : key_failed;
    if (status < 0)
        return NULL;
    struct material material = {kind, first, first_bytes, second_bytes > 0 ? second : NULL, second_bytes};

    return key_admit(&material, ALG_NONE, kid, kid != NULL ? strlen(kid) : 0, ret_why);
}

static int add_block(struct keyset *set, unsigned index, const char *name, const unsigned char *data, long size, const char *kid,
                     char why[KEYSET_WHY_BYTES])
{
    if (strstr(name, "PRIVATE KEY") != NULL) {
        snprintf(why, KEYSET_WHY_BYTES, "it holds a private key; verifying needs only the public key: openssl pkey -in FILE -pubout");
        return -1;
    }
    if (index == PEM_KEYS_MAX) {
        snprintf(why, KEYSET_WHY_BYTES, "it has more than %d keys", PEM_KEYS_MAX);
        return -1;
    }
    EVP_PKEY *pkey = read_block(name, data, size);
    const char *refused = "it is neither a public key nor a certificate";
    struct key *key = pkey != NULL ? admit(pkey, kid, &refused) : NULL;

    EVP_PKEY_free(pkey);
    set->incomplete = set->incomplete || (key == NULL && refused == key_failed);
    if (key != NULL)
        keyset_add(set, key);
    else
        keyset_skip(set, "PEM block %u (%.32s) is skipped: %s", index + 1, name, refused);
    return 0;
}

static int add_blocks(struct keyset *set, BIO *bio, const char *kid, char why[KEYSET_WHY_BYTES])
{
    char *name = NULL, *header = NULL;
    unsigned char *data = NULL;
    long size;
    int status = 0;

    for (unsigned index = 0; status == 0 && PEM_read_bio(bio, &name, &header, &data, &size) == 1; index++) {
        if (index == 1 && kid != NULL) {
            snprintf(why, KEYSET_WHY_BYTES, "it holds several keys, which cannot share one `kid`; use a JWK Set");
            status = -1;
        } else {
            status = add_block(set, index, name, data, size, kid, why);
        }
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)size);
    }
    if (status == 0 && ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        snprintf(why, KEYSET_WHY_BYTES, "it contains a damaged PEM block");
        status = -1;
    }
    ERR_clear_error();
    return status;
}

struct keyset *pem_parse(const char *text, size_t size, const char *kid, char why[KEYSET_WHY_BYTES])
{
    BIO *bio = BIO_new_mem_buf(text, (int)size);
    struct keyset *set = keyset_new(PEM_KEYS_MAX);

    if (bio == NULL || set == NULL)
        snprintf(why, KEYSET_WHY_BYTES, "out of memory");
    if (bio == NULL || set == NULL || add_blocks(set, bio, kid, why) < 0) {
        keyset_drop(set);
        set = NULL;
    }
    BIO_free(bio);
    return set;
}
