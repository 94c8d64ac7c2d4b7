#include "signature.h"

#include <string.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

struct verifier {
    unsigned number;
    EVP_MD *digests[DIGEST_COUNT]; /* fetched once: a fetch costs as much as the digest of a token */
    EVP_MD_CTX *context;
    uint8_t hash[EVP_MAX_MD_SIZE];
    bool has_sha256; /* in `hash` */
    EVP_MAC *hmac;
    EVP_MAC_CTX *hmac_context;
};

static const char *const digest_names[DIGEST_COUNT] = {NULL, "SHA256", "SHA384", "SHA512"};

/* OpenSSL creates its methods at their first use. If a call fails then, it never creates them again, and no signature could be checked. So they
   are first used here, where a failure prevents the start. */
static const char *const signature_names[] = {"RSA", "ECDSA", "ED25519"};

static bool is_there(const char *name)
{
    EVP_SIGNATURE *method = EVP_SIGNATURE_fetch(NULL, name, NULL);

    EVP_SIGNATURE_free(method);
    return method != NULL;
}

struct verifier *verifier_new(unsigned number)
{
    struct verifier *v = OPENSSL_zalloc(sizeof *v);

    if (v == NULL)
        return NULL;
    v->number = number;
    bool whole = true;

    for (enum digest d = DIGEST_SHA256; d < DIGEST_COUNT; d++)
        whole = whole && (v->digests[d] = EVP_MD_fetch(NULL, digest_names[d], NULL)) != NULL;
    for (size_t i = 0; i < sizeof signature_names / sizeof *signature_names; i++)
        whole = whole && is_there(signature_names[i]);
    whole = whole && (v->context = EVP_MD_CTX_new()) != NULL;
    whole = whole && (v->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL)) != NULL;
    whole = whole && (v->hmac_context = EVP_MAC_CTX_new(v->hmac)) != NULL;
    if (!whole) {
        verifier_free(v);
        return NULL;
    }
    return v;
}

void verifier_free(struct verifier *v)
{
    if (v == NULL)
        return;
    for (enum digest d = DIGEST_SHA256; d < DIGEST_COUNT; d++)
        EVP_MD_free(v->digests[d]);
    EVP_MD_CTX_free(v->context);
    EVP_MAC_CTX_free(v->hmac_context);
    EVP_MAC_free(v->hmac);
    OPENSSL_free(v);
}

const uint8_t *verifier_sha256(const struct verifier *v)
{
    return v->has_sha256 ? v->hash : NULL;
}

static enum signature check_hmac(struct verifier *v, const struct key *key, enum algorithm alg, const void *input, size_t input_bytes,
                                 const uint8_t *signature, size_t signature_bytes)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t mac_bytes = algorithm_facts[alg].digest_bytes, made;
    char digest[sizeof "SHA256"];

    if (signature_bytes != mac_bytes)
        return SIGNATURE_BAD;
    memcpy(digest, digest_names[algorithm_facts[alg].digest], sizeof digest);
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};

    if (EVP_MAC_init(v->hmac_context, key->secret, key->secret_bytes, params) != 1 ||
        EVP_MAC_update(v->hmac_context, input, input_bytes) != 1 || EVP_MAC_final(v->hmac_context, mac, &made, sizeof mac) != 1 ||
        made != mac_bytes)
        return SIGNATURE_UNDECIDED;
    enum signature result = CRYPTO_memcmp(mac, signature, mac_bytes) == 0 ? SIGNATURE_GOOD : SIGNATURE_BAD;

    OPENSSL_cleanse(mac, sizeof mac);
    return result;
}

static int prepare(EVP_PKEY_CTX *context, enum algorithm alg, const EVP_MD *digest)
{
    const struct algorithm_facts *facts = &algorithm_facts[alg];

    if (EVP_PKEY_verify_init(context) != 1)
        return -1;
    if (facts->kind == KEY_RSA && EVP_PKEY_CTX_set_rsa_padding(context, facts->pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) != 1)
        return -1;
    if (EVP_PKEY_CTX_set_signature_md(context, digest) != 1)
        return -1;
    if (facts->pss && (EVP_PKEY_CTX_set_rsa_mgf1_md(context, digest) != 1 ||
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(context, (int)facts->digest_bytes) != 1))
        return -1; /* RFC 7518 3.5: the same hash inside, and a salt of its length */
    return 0;
}

/* The key is shared and immutable except for these slots; this verifier touches only its own. */
static EVP_PKEY_CTX *prepared(struct verifier *v, const struct key *key, enum algorithm alg)
{
    struct prepared *slot = (struct prepared *)&key->prepared[v->number];

    if (slot->context != NULL && slot->alg == alg)
        return slot->context;
    if (slot->context == NULL)
        slot->context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    slot->alg = ALG_NONE;
    if (slot->context == NULL)
        return NULL;
    if (prepare(slot->context, alg, v->digests[algorithm_facts[alg].digest]) < 0) {
        EVP_PKEY_CTX_free(slot->context); /* half prepared it would always fail */
        slot->context = NULL;
        return NULL;
    }
    slot->alg = alg;
    return slot->context;
}

/* An unsigned big-endian number as a DER INTEGER. Returns the bytes written. */
static size_t put_der_integer(uint8_t *out, const uint8_t *number, size_t size)
{
    while (size > 1 && *number == 0) {
        number++;
        size--;
    }
    size_t pad = *number >> 7;

    out[0] = 0x02;
    out[1] = (uint8_t)(size + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, number, size);
    return 2 + pad + size;
}

/* JOSE writes r and s side by side (RFC 7518 3.4), OpenSSL needs them in DER. At most 2 * 66 bytes, so lengths fit two bytes. */
static size_t der_from_jose(const uint8_t *signature, size_t half, uint8_t *out)
{
    uint8_t body[2 * (66 + 3)];
    size_t size = put_der_integer(body, signature, half);
    size_t head = 2;

    size += put_der_integer(body + size, signature + half, half);
    out[0] = 0x30;
    if (size < 0x80) {
        out[1] = (uint8_t)size;
    } else {
        out[1] = 0x81;
        out[2] = (uint8_t)size;
        head = 3;
    }
    memcpy(out + head, body, size);
    return head + size;
}

static size_t coordinate_bytes(enum key_kind kind)
{
    return kind == KEY_P256 ? 32 : kind == KEY_P384 ? 48 : 66;
}

/* A bad signature is 0, because signatures reach this point in their only valid encoding; below 0 the call itself failed. */
static enum signature verdict_of(int status)
{
    return status == 1 ? SIGNATURE_GOOD : status == 0 ? SIGNATURE_BAD : SIGNATURE_UNDECIDED;
}

static enum signature check_hashed(struct verifier *v, const struct key *key, enum algorithm alg, const void *input, size_t input_bytes,
                                   const uint8_t *signature, size_t signature_bytes)
{
    const struct algorithm_facts *facts = &algorithm_facts[alg];
    uint8_t der[2 * (66 + 3) + 3];

    if (facts->kind == KEY_RSA) {
        int size = EVP_PKEY_get_size(key->pkey);

        if (size <= 0)
            return SIGNATURE_UNDECIDED;
        if (signature_bytes != (size_t)size)
            return SIGNATURE_BAD;
    } else {
        if (signature_bytes != 2 * coordinate_bytes(key->kind))
            return SIGNATURE_BAD;
        signature_bytes = der_from_jose(signature, signature_bytes / 2, der);
        signature = der;
    }
    EVP_PKEY_CTX *context = prepared(v, key, alg);

    if (context == NULL || EVP_DigestInit_ex2(v->context, v->digests[facts->digest], NULL) != 1 ||
        EVP_DigestUpdate(v->context, input, input_bytes) != 1 || EVP_DigestFinal_ex(v->context, v->hash, NULL) != 1)
        return SIGNATURE_UNDECIDED;
    enum signature result = verdict_of(EVP_PKEY_verify(context, signature, signature_bytes, v->hash, facts->digest_bytes));

    v->has_sha256 = result == SIGNATURE_GOOD && facts->digest == DIGEST_SHA256;
    return result;
}

/* OpenSSL's Ed25519 returns 0 also if it lacks memory, and leaves no error. So a result of "bad" is checked a second time. */
static enum signature check_eddsa(struct verifier *v, const struct key *key, const void *input, size_t input_bytes,
                                  const uint8_t *signature, size_t signature_bytes)
{
    int status = 0;

    if (signature_bytes != 64)
        return SIGNATURE_BAD;
    for (int tries = 0; status == 0 && tries < 2; tries++) {
        if (EVP_MD_CTX_reset(v->context) != 1 || EVP_DigestVerifyInit(v->context, NULL, NULL, NULL, key->pkey) != 1)
            return SIGNATURE_UNDECIDED;
        status = EVP_DigestVerify(v->context, signature, signature_bytes, input, input_bytes);
        EVP_MD_CTX_reset(v->context);
    }
    return verdict_of(status);
}

/* OpenSSL returns 0 or below both for a bad signature and if it lacks memory. */
static bool was_out_of_memory(void)
{
    bool found = false;

    for (unsigned long error; (error = ERR_get_error()) != 0;)
        found = found || ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    return found;
}

enum signature signature_check(struct verifier *v, const struct key *key, enum algorithm alg, const void *input, size_t input_bytes,
                               const uint8_t *signature, size_t signature_bytes)
{
    enum signature result;

    v->has_sha256 = false;
    if (!key_fits(key, alg))
        return SIGNATURE_BAD;
    if (key->kind == KEY_HMAC)
        result = check_hmac(v, key, alg, input, input_bytes, signature, signature_bytes);
    else if (key->kind == KEY_ED25519)
        result = check_eddsa(v, key, input, input_bytes, signature, signature_bytes);
    else
        result = check_hashed(v, key, alg, input, input_bytes, signature, signature_bytes);
    if (result != SIGNATURE_GOOD && was_out_of_memory())
        return SIGNATURE_UNDECIDED;
    return result;
}
