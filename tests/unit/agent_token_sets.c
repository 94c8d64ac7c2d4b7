/* Key sets at their limits, and PEM files that are damaged, mixed or not for us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "agent/token/keyset.h"

#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ED "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"

#define ED_SET(more) "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"" more "}]}"

static char why[KEYSET_WHY_BYTES];

static struct keyset *parse(const char *text, const char *kid)
{
    why[0] = '\0';
    return keyset_parse(text, strlen(text), kid, why);
}

static void refused(const char *text, const char *kid, const char *words)
{
    struct keyset *set = parse(text, kid);

    if (set != NULL || strstr(why, words) == NULL)
        fail_msg("expected `%s`, found: %s", words, set != NULL ? "a set" : why);
}

/* That many keys of the same secret under different names, or without any. */
static char *many_keys(unsigned count, const char *format)
{
    char *text = malloc(32 + count * (size_t)256), *at = text;

    at += sprintf(at, "{\"keys\":[");
    for (unsigned i = 0; i < count; i++) {
        at += sprintf(at, "%s", i > 0 ? "," : "");
        at += sprintf(at, format, i);
    }
    sprintf(at, "]}");
    return text;
}

static void as_many_keys_as_there_may_be(void **state)
{
    static const char good[] = "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"%u\"}";
    char *text = many_keys(KEY_SET_KEYS_MAX, good);
    struct keyset *set = parse(text, NULL);

    (void)state;
    assert_non_null(set);
    assert_int_equal(set->count, KEY_SET_KEYS_MAX);
    assert_ptr_equal(keyset_hold(set), set);
    keyset_drop(set);
    assert_int_equal(set->count, KEY_SET_KEYS_MAX); /* it is held once more */
    keyset_drop(set);
    free(text);
    text = many_keys(KEY_SET_KEYS_MAX + 1, good);
    refused(text, NULL, "it has 1025 keys; at most 1024");
    free(text);
    text = many_keys(KEY_SET_WARNINGS_MAX + 1, "{\"kty\":\"x\",\"n\":%u}");
    refused(text, NULL, "it has no usable key: key 1 (kid none) is skipped");
    free(text);
}

static void as_long_as_a_file_may_be(void **state)
{
    char *text = malloc(KEY_FILE_BYTES_MAX + 2);
    struct keyset *set;

    (void)state;
    memset(text, ' ', KEY_FILE_BYTES_MAX + 1);
    text[KEY_FILE_BYTES_MAX + 1] = '\0';
    memcpy(text, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\"}]}", sizeof SECRET + 39 - 9);
    refused(text, NULL, "a key set has at most 1048576");
    text[KEY_FILE_BYTES_MAX] = '\0';
    set = parse(text, NULL);
    if (set == NULL)
        fail_msg("%s", why);
    keyset_drop(set);
    free(text);
}

static void members_of_a_key(void **state)
{
    static const char *const bad[] = {
        "{\"kty\":\"oct\",\"k\":\"\"}", "{\"kty\":\"oct\",\"k\":1}", "{\"kty\":\"oct\"}", "{\"kty\":\"RSA\",\"n\":\"AQAB\"}",
        "{\"kty\":\"foo\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}", "{\"kty\":\"EC\",\"crv\":\"P-257\",\"x\":\"AA\",\"y\":\"AA\"}",
        "{\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AA\"}", "{\"kty\":\"EC\"}", "{\"kty\":1}", "[]", "1", "null",
        "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"use\":null}", "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"key_ops\":null}",
        "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":null}", "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"alg\":null}"};
    char text[512], *number = malloc(4096);

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{\"keys\":[%s]}", bad[i]);
        refused(text, NULL, "it has no usable key");
    }
    snprintf(text, sizeof text, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"key_ops\":[\"verify\",\"sign\"]},{\"d\":\"x\",\"kty\":\"x\"}]}");
    struct keyset *set = parse(text, NULL);

    assert_non_null(set);
    assert_true(set->has_secrets);
    keyset_drop(set);
    set = parse(ED_SET(""), NULL);
    assert_non_null(set);
    assert_false(set->has_secrets);
    keyset_drop(set);
    set = parse(ED_SET(",\"d\":\"x\""), NULL);
    assert_true(set != NULL && set->has_secrets);
    keyset_drop(set);
    for (int size = 2048; size <= 2052; size += 4) { /* characters of a number: at most as many as are decoded */
        int used = sprintf(number, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"");

        memset(number + used, 'A', (size_t)size);
        strcpy(number + used + size, "\"}]}");
        refused(number, NULL, size == 2048 ? "above 1024 bytes" : "not base64url");
    }
    free(number);
}

/* The same material: once without a name, once with one, and for two algorithms, are different uses of it. */
static void one_material(void **state)
{
    static const char text[] = "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\"},{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"a\"},"
                               "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"b\"},{\"kty\":\"oct\",\"k\":\"" SECRET "\"},"
                               "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"aa\"},{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"a\"},"
                               "{\"kty\":\"oct\",\"k\":\"BAAA" SECRET "\",\"kid\":\"c\"}]}";
    struct keyset *set = parse(text, NULL);
    const struct key *keys[TOKEN_KEYS_TRIED_MAX];
    unsigned count;

    (void)state;
    assert_non_null(set);
    assert_int_equal(set->count, 5); /* none, a, b, aa, c */
    assert_int_equal(keyset_choose(set, ALG_HS256, NULL, 0, keys, &count), CHOICE_KEYS);
    assert_int_equal(count, 2);
    assert_int_equal(keyset_choose(set, ALG_HS256, "a", 1, keys, &count), CHOICE_KEYS);
    assert_int_equal(count, 1);
    keyset_drop(set);
    set = parse("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"a\"},{\"kty\":\"oct\",\"k\":\"" SECRET "\"},"
                "{\"kty\":\"oct\",\"k\":\"BAAA" SECRET "\"},{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"b\"}]}", NULL);
    assert_int_equal(set->count, 4);
    assert_int_equal(keyset_choose(set, ALG_HS256, NULL, 0, keys, &count), CHOICE_KEYS);
    assert_int_equal(count, 2);
    assert_true(keys[0] == set->keys[0] && keys[1] == set->keys[2]);
    keyset_drop(set);
}

/* A key of a kind that is not known here is none of ours: its name is free for another, and only so many are told. */
static void keys_of_other_kinds(void **state)
{
    static const char good[] = "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"a\"}";
    char text[4096] = "{\"keys\":[";
    const struct key *keys[TOKEN_KEYS_TRIED_MAX];
    unsigned count;

    (void)state;
    for (unsigned i = 0; i <= KEY_SET_WARNINGS_MAX; i++)
        strcat(text, "{\"kty\":\"x\",\"kid\":\"a\"},");
    strcat(text, good);
    strcat(text, "]}");
    struct keyset *set = parse(text, NULL);

    assert_non_null(set);
    assert_int_equal(set->warnings, KEY_SET_WARNINGS_MAX);
    assert_int_equal(set->skipped, KEY_SET_WARNINGS_MAX + 1);
    assert_int_equal(keyset_choose(set, ALG_HS256, "a", 1, keys, &count), CHOICE_KEYS);
    keyset_drop(set);
}

/* What tells two keys of a set apart: the name, whole, an empty one too, and the algorithm; and a damaged key takes its own name alone. */
static void names_and_algorithms(void **state)
{
    static const char text[] = "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\"},{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"\"},"
                               "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"ab\",\"alg\":\"HS256\"},"
                               "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"ab\",\"alg\":\"HS384\"},"
                               "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"aa\",\"alg\":\"HS384\"},"
                               "{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"ac\"}]}";
    struct keyset *set = parse(text, NULL);
    const struct key *keys[TOKEN_KEYS_TRIED_MAX];
    unsigned count;

    (void)state;
    assert_non_null(set);
    assert_int_equal(set->count, 5);
    assert_int_equal(keyset_choose(set, ALG_HS384, "ab", 2, keys, &count), CHOICE_KEYS);
    assert_ptr_equal(keys[0], set->keys[3]);
    assert_int_equal(keyset_choose(set, ALG_HS384, "aa", 2, keys, &count), CHOICE_KEYS);
    assert_ptr_equal(keys[0], set->keys[4]);
    assert_int_equal(keyset_choose(set, ALG_HS384, "", 0, keys, &count), CHOICE_KEYS);
    assert_ptr_equal(keys[0], set->keys[1]);
    assert_int_equal(keyset_choose(set, ALG_HS384, "ac", 2, keys, &count), CHOICE_NONE);
    keyset_drop(set);
    set = parse("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"\"},{\"kty\":\"oct\",\"k\":\"" SECRET "\"}]}", NULL);
    assert_int_equal(set->count, 2);
    keyset_drop(set);
    set = parse("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"a\"},{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"\"}]}", NULL);
    assert_int_equal(keyset_choose(set, ALG_HS384, NULL, 0, keys, &count), CHOICE_KEYS); /* no name is not an empty one */
    keyset_drop(set);
}

static char *pem_of(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    static char text[16384];

    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    int bytes = BIO_read(bio, text, sizeof text - 1);

    assert_true(bytes > 0);
    text[bytes] = '\0';
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return text;
}

/* A modulus of so many bytes, which nobody has made from primes. */
static EVP_PKEY *wide_rsa(size_t bytes)
{
    uint8_t *number = malloc(bytes);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *e = BN_new();
    EVP_PKEY *pkey = NULL;

    memset(number, 0xff, bytes);
    BIGNUM *n = BN_bin2bn(number, (int)bytes, NULL);

    BN_set_word(e, 65537);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);

    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(context);
    BN_free(n);
    BN_free(e);
    free(number);
    return pkey;
}

static void keys_that_are_not_for_us(void **state)
{
    (void)state;
    refused(pem_of(EVP_EC_gen("secp256k1")), NULL, "it is not RSA, EC P-256");
    refused(pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED448")), NULL, "it is not RSA, EC P-256");
    refused(pem_of(wide_rsa(1025)), NULL, "above 8192 bits");
    refused(pem_of(wide_rsa(2048)), NULL, "above 8192 bits");
    refused(pem_of(wide_rsa(2049)), NULL, "its numbers are too large to read");
    refused("-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n", NULL, "it is neither a public key nor a certificate");
    refused("-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n", NULL, "it is neither a public key nor a certificate");
    refused("-----BEGIN X509 CRL-----\nMCow\n-----END X509 CRL-----\n", NULL, "PEM block 1 (X509 CRL) is skipped");
    refused("-----BEGIN RSA PRIVATE KEY-----\nMCow\n-----END RSA PRIVATE KEY-----\n", NULL, "it holds a private key");
    refused(ED "-----BEGIN PRIVATE KEY-----\nMCow\n-----END PRIVATE KEY-----\n", NULL, "it holds a private key");
}

static void pem_files(void **state)
{
    static char text[KEY_SET_KEYS_MAX * sizeof ED];
    struct keyset *set = parse(ED, "k");

    (void)state;
    assert_non_null(set);
    assert_string_equal(set->keys[0]->kid, "k");
    keyset_drop(set);
    refused(ED ED, "k", "cannot share one `kid`");
    refused(ED "-----BEGIN PUBLIC KEY-----\nMCow\n", NULL, "it contains a damaged PEM block");
    refused(ED "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", NULL, "it contains a damaged PEM block");
    refused("-----BEGIN ", NULL, "no usable key");
    refused(ED "{", NULL, "expected a JWK Set");
    for (unsigned i = 0; i < 64; i++)
        strcat(text, ED);
    set = parse(text, NULL);
    assert_non_null(set);
    assert_int_equal(set->count, 1);
    keyset_drop(set);
    strcat(text, ED);
    refused(text, NULL, "it has more than 64 keys");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_keys_as_there_may_be), cmocka_unit_test(as_long_as_a_file_may_be), cmocka_unit_test(members_of_a_key),
        cmocka_unit_test(keys_of_other_kinds), cmocka_unit_test(names_and_algorithms), cmocka_unit_test(one_material),                 cmocka_unit_test(keys_that_are_not_for_us), cmocka_unit_test(pem_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
