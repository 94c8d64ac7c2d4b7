/* Admission: which numbers may be a key at all, at each limit and one beyond it; and which key a token means. */
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

#include "agent/token/base64url.h"
#include "agent/token/keyset.h"

static const char *admit(enum key_kind kind, enum algorithm alg, const void *first, size_t first_bytes, const void *second, size_t second_bytes)
{
    struct material material = {kind, first, first_bytes, second, second_bytes};
    const char *why = NULL;
    struct key *key = key_admit(&material, alg, NULL, 0, &why);

    if (key == NULL)
        assert_non_null(why);
    bool admitted = key != NULL;

    key_free(key);
    return admitted ? NULL : why;
}

#define ADMITTED(...) assert_null(admit(__VA_ARGS__))
#define REFUSED(words, ...) \
    do { \
        const char *its_why = admit(__VA_ARGS__); \
        if (its_why == NULL || strstr(its_why, words) == NULL) \
            fail_msg("expected `%s`, found: %s", words, its_why != NULL ? its_why : "admitted"); \
    } while (0)

/* An odd number of exactly that many bits. */
static const uint8_t *modulus(unsigned bits, size_t *ret_size)
{
    static uint8_t number[2048];
    size_t size = (bits + 7) / 8;

    memset(number, 0x5b, sizeof number);
    number[0] = (uint8_t)(1U << ((bits - 1) % 8));
    number[size - 1] |= 1;
    *ret_size = size;
    return number;
}

static void rsa(void **state)
{
    static const uint8_t e3[] = {3}, e1[] = {1}, e0[] = {0, 0}, e2[] = {2}, e65537[] = {1, 0, 1}, long_zeros[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1},
                         e64[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, e65[] = {1, 0, 0, 0, 0, 0, 0, 0, 1},
                         even[] = {1, 0, 0};
    uint8_t padded[300] = {0};
    size_t size;
    const uint8_t *n = modulus(2048, &size);

    (void)state;
    ADMITTED(KEY_RSA, ALG_NONE, n, size, e65537, sizeof e65537);
    ADMITTED(KEY_RSA, ALG_RS256, n, size, e3, 1);
    ADMITTED(KEY_RSA, ALG_PS512, n, size, e64, sizeof e64);
    ADMITTED(KEY_RSA, ALG_NONE, n, size, long_zeros, sizeof long_zeros);
    REFUSED("exponent below 3", KEY_RSA, ALG_NONE, n, size, e1, 1);
    REFUSED("exponent of zero", KEY_RSA, ALG_NONE, n, size, e0, 2);
    REFUSED("even RSA exponent", KEY_RSA, ALG_NONE, n, size, e2, 1);
    REFUSED("even RSA exponent", KEY_RSA, ALG_NONE, n, size, even, 3);
    REFUSED("above 64 bits", KEY_RSA, ALG_NONE, n, size, e65, sizeof e65);
    memcpy(padded + 44, n, size);
    ADMITTED(KEY_RSA, ALG_NONE, padded, sizeof padded, e65537, 3);
    padded[sizeof padded - 1] &= 0xfe;
    REFUSED("even RSA modulus", KEY_RSA, ALG_NONE, padded, sizeof padded, e65537, 3);
    n = modulus(2047, &size);
    REFUSED("below 2048 bits", KEY_RSA, ALG_NONE, n, size, e65537, 3);
    n = modulus(8192, &size);
    ADMITTED(KEY_RSA, ALG_NONE, n, size, e65537, 3);
    n = modulus(8193, &size);
    REFUSED("above 8192 bits", KEY_RSA, ALG_NONE, n, size, e65537, 3);
    memset(padded, 0, sizeof padded);
    REFUSED("below 2048 bits", KEY_RSA, ALG_NONE, padded, sizeof padded, e65537, 3);
}

static void ec(void **state)
{
    static const struct {
        enum key_kind kind;
        const char *group;
        size_t size;
    } curves[] = {{KEY_P256, "P-256", 32}, {KEY_P384, "P-384", 48}, {KEY_P521, "P-521", 66}};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *pkey = EVP_EC_gen(curves[i].group);
        uint8_t point[2 + 2 * 66] = {0};
        size_t size, half = curves[i].size;

        assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size), 1);
        EVP_PKEY_free(pkey);
        assert_int_equal(size, 1 + 2 * half);
        uint8_t *x = point + 1, *y = x + half;

        ADMITTED(curves[i].kind, ALG_NONE, x, half, y, half);
        REFUSED("wrong length for the curve", curves[i].kind, ALG_NONE, x, half - 1, y, half);
        REFUSED("wrong length for the curve", curves[i].kind, ALG_NONE, x, half, y, half - 1);
        REFUSED("wrong length for the curve", curves[i].kind, ALG_NONE, x, half, y, half + 1);
        REFUSED("wrong length for the curve", curves[(i + 1) % 3].kind, ALG_NONE, x, half, y, half);
        REFUSED("does not fit the type", curves[i].kind, curves[i].kind == KEY_P256 ? ALG_ES384 : ALG_ES256, x, half, y, half);
        y[half - 1] ^= 1;
        REFUSED("on its curve", curves[i].kind, ALG_NONE, x, half, y, half);
        memset(point, 0, sizeof point);
        REFUSED("on its curve", curves[i].kind, ALG_NONE, x, half, y, half);
        memset(point, 0xff, sizeof point);
        REFUSED("on its curve", curves[i].kind, ALG_NONE, x, half, y, half);
    }
}

/* Every encoding of the eight points of small order, in both signs and above the prime. */
static void ed25519(void **state)
{
    static const char *const small[] = {
        "0000000000000000000000000000000000000000000000000000000000000000", "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    static const uint8_t good[32] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
                                     0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
    uint8_t point[33] = {0};

    (void)state;
    ADMITTED(KEY_ED25519, ALG_EDDSA, good, 32, NULL, 0);
    memcpy(point, good, 32);
    REFUSED("32 bytes", KEY_ED25519, ALG_NONE, point, 31, NULL, 0);
    REFUSED("32 bytes", KEY_ED25519, ALG_NONE, point, 33, NULL, 0);
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        for (unsigned k = 0; k < 32; k++) {
            unsigned byte;

            assert_int_equal(sscanf(small[i] + 2 * k, "%2x", &byte), 1);
            point[k] = (uint8_t)byte;
        }
        for (unsigned sign = 0; sign < 2; sign++) {
            REFUSED("small order", KEY_ED25519, ALG_NONE, point, 32, NULL, 0);
            point[31] ^= 0x80;
        }
    }
}

static void hmac(void **state)
{
    static const uint8_t secret[1025] = {1};

    (void)state;
    ADMITTED(KEY_HMAC, ALG_NONE, secret, 32, NULL, 0);
    REFUSED("shorter than the hash", KEY_HMAC, ALG_NONE, secret, 31, NULL, 0);
    ADMITTED(KEY_HMAC, ALG_HS256, secret, 32, NULL, 0);
    REFUSED("shorter than the hash", KEY_HMAC, ALG_HS256, secret, 31, NULL, 0);
    ADMITTED(KEY_HMAC, ALG_HS384, secret, 48, NULL, 0);
    REFUSED("shorter than the hash", KEY_HMAC, ALG_HS384, secret, 47, NULL, 0);
    ADMITTED(KEY_HMAC, ALG_HS512, secret, 64, NULL, 0);
    REFUSED("shorter than the hash", KEY_HMAC, ALG_HS512, secret, 63, NULL, 0);
    ADMITTED(KEY_HMAC, ALG_HS256, secret, 1024, NULL, 0);
    REFUSED("above 1024", KEY_HMAC, ALG_HS256, secret, 1025, NULL, 0);
    REFUSED("does not fit the type", KEY_HMAC, ALG_RS256, secret, 64, NULL, 0);
    REFUSED("unknown type", KEY_NONE, ALG_NONE, secret, 64, NULL, 0);
}

static void which_algorithms_a_key_is_for(void **state)
{
    static const uint8_t secret[64] = {1};
    struct material material = {KEY_HMAC, secret, 48, NULL, 0};
    const char *why;
    struct key *any = key_admit(&material, ALG_NONE, NULL, 0, &why), *one = key_admit(&material, ALG_HS256, NULL, 0, &why);

    (void)state;
    assert_true(key_fits(any, ALG_HS256));
    assert_true(key_fits(any, ALG_HS384));
    assert_false(key_fits(any, ALG_HS512)); /* it is too short for that */
    assert_false(key_fits(any, ALG_RS256));
    assert_true(key_fits(one, ALG_HS256));
    assert_false(key_fits(one, ALG_HS384));
    key_free(any);
    key_free(one);
}

/* RFC 7638, section 3.1. */
static void thumbprint(void **state)
{
    static const char n[] = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
                            "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q"
                            "MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awap"
                            "JzKnqDKgw";
    static const uint8_t zero_then_e[] = {0, 1, 0, 1};
    uint8_t modulus_bytes[BASE64URL_DECODED_MAX(sizeof n)];
    char text[BASE64URL_ENCODED_MAX(THUMBPRINT_BYTES)];
    const char *why;
    size_t size;

    (void)state;
    assert_int_equal(base64url_decode(n, sizeof n - 1, modulus_bytes, &size), 0);
    struct material material = {KEY_RSA, modulus_bytes, size, zero_then_e, sizeof zero_then_e};
    struct key *key = key_admit(&material, ALG_RS256, "2011-04-29", 10, &why);

    assert_non_null(key);
    base64url_encode(key->thumbprint, THUMBPRINT_BYTES, text);
    assert_string_equal(text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    assert_string_equal(key->kid, "2011-04-29");
    key_free(key);
}

/* Sets for the choice: HMAC secrets, told apart by their letter, for they are short to write. */
static struct keyset *set_of(const char *text)
{
    char why[KEYSET_WHY_BYTES], json[4096] = "{\"keys\":[";

    for (const char *at = text; *at != '\0'; at += strcspn(at, " "), at += *at == ' ') {
        char secret = at[0], kid[16] = "", alg[8] = "", one[256];

        /* "a:kid:256": the secret of letters a, its kid and alg; either may be left out */
        sscanf(at + 1, ":%15[^: ]:%3[0-9]", kid, alg);
        if (kid[0] == '\0')
            sscanf(at + 1, "::%3[0-9]", alg);
        int size = snprintf(one, sizeof one, "%s{\"kty\":\"oct\",\"k\":\"", json[strlen(json) - 1] == '}' ? "," : "");

        memset(one + size, secret, 86);
        strcpy(one + size + 86, "\"");
        one[size + 85] = 'A';
        if (kid[0] != '\0')
            snprintf(one + strlen(one), 40, ",\"kid\":\"%s\"", kid);
        if (alg[0] != '\0')
            snprintf(one + strlen(one), 40, ",\"alg\":\"HS%s\"", alg);
        strcat(json, one);
        strcat(json, "}");
    }
    strcat(json, "]}");
    struct keyset *set = keyset_parse(json, strlen(json), NULL, why);

    if (set == NULL)
        fail_msg("%s: %s", json, why);
    return set;
}

/* The chosen keys by their letters, "-": none, "!": wrong algorithm. */
static const char *choose(const char *text, enum algorithm alg, const char *kid)
{
    static char found[TOKEN_KEYS_TRIED_MAX + 1];
    struct keyset *set = set_of(text);
    const struct key *keys[TOKEN_KEYS_TRIED_MAX];
    unsigned count = 0;
    enum choice choice = keyset_choose(set, alg, kid, kid != NULL ? strlen(kid) : 0, keys, &count);
    char letters[86 + 1];

    strcpy(found, choice == CHOICE_NONE ? "-" : choice == CHOICE_WRONG_ALGORITHM ? "!" : "");
    for (unsigned i = 0; choice == CHOICE_KEYS && i < count; i++) {
        base64url_encode(keys[i]->secret, 60, letters);
        found[i] = letters[0];
        found[i + 1] = '\0';
    }
    keyset_drop(set);
    return found;
}

static void the_key_that_a_token_means(void **state)
{
    (void)state;
    assert_string_equal(choose("a:1 b:2", ALG_HS256, "1"), "a");
    assert_string_equal(choose("a:1 b:2", ALG_HS256, "2"), "b");
    assert_string_equal(choose("a:1 b:2", ALG_HS256, "3"), "-");
    assert_string_equal(choose("a:1 b:2", ALG_HS256, ""), "-");
    assert_string_equal(choose("a:1 b:2", ALG_RS256, "1"), "!");
    assert_string_equal(choose("a:1:256 b:2", ALG_HS384, "1"), "!");
    assert_string_equal(choose("a:1 b:1", ALG_HS256, "1"), "ab");        /* two keys, one name */
    assert_string_equal(choose("a:1:256 b:1:384", ALG_HS384, "1"), "b"); /* told apart by alg */
    assert_string_equal(choose("a:1:256 b:1", ALG_HS256, "1"), "ab");
    assert_string_equal(choose("a:1:256 b:1", ALG_HS384, "1"), "b");
    assert_string_equal(choose("a:1 a:1", ALG_HS256, "1"), "a");         /* the same twice is one */
    assert_string_equal(choose("a:1:256 a:1", ALG_HS256, "1"), "a");
    assert_string_equal(choose("a:1 b:1 a:1", ALG_HS256, "1"), "ab");
    assert_string_equal(choose("a:1 b:1 c:1 d:1 e:1", ALG_HS256, "1"), "abcd"); /* four are tried */
    assert_string_equal(choose("a", ALG_HS256, "any"), "a");             /* a single key without kid */
    assert_string_equal(choose("a b", ALG_HS256, "any"), "-");
    assert_string_equal(choose("a:1", ALG_HS256, "2"), "-");
    assert_string_equal(choose("a b:1", ALG_HS256, "2"), "-");
}

static void a_token_without_kid(void **state)
{
    (void)state;
    assert_string_equal(choose("a:1 b:2 c", ALG_HS256, NULL), "abc");
    assert_string_equal(choose("a b c d e f", ALG_HS256, NULL), "abcd"); /* four are tried */
    assert_string_equal(choose("a::384 b c::384 d e f", ALG_HS256, NULL), "bdef");
    assert_string_equal(choose("a:1 a:2 b", ALG_HS256, NULL), "ab");
    assert_string_equal(choose("a::384", ALG_HS256, NULL), "!");
}

static void a_set_is_not_anything(void **state)
{
    static const char *const bad[] = {
        "", "{}", "[]", "null", "{\"keys\":{}}", "{\"keys\":[]}", "{\"keys\":[{}]}", "{\"keys\":[1]}", "{\"keys\":[],\"keys\":[]}",
        "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}", "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}", "{\"keys\":[]} x",
    };
    static const char key[] = "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"%s}";
    static const char *const unusable[] = {
        ",\"use\":\"enc\"", ",\"use\":1", ",\"key_ops\":[]", ",\"key_ops\":[\"sign\"]", ",\"key_ops\":\"verify\"", ",\"key_ops\":[\"verify\",1]",
        ",\"kid\":1", ",\"alg\":1", ",\"alg\":\"HS257\"", ",\"alg\":\"RS256\"", ",\"alg\":\"none\"", ",\"alg\":\"A256GCM\"", ",\"alg\":\"HS512\"",
    };
    static const char *const usable[] = {"", ",\"use\":\"sig\"", ",\"key_ops\":[\"sign\",\"verify\"]", ",\"alg\":\"HS256\"", ",\"x\":{}"};
    char why[KEYSET_WHY_BYTES], one[256], text[512];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why[0] = '\0';
        assert_null(keyset_parse(bad[i], strlen(bad[i]), NULL, why));
        assert_true(why[0] != '\0');
    }
    for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
        snprintf(one, sizeof one, key, unusable[i]);
        snprintf(text, sizeof text, "{\"keys\":[%s]}", one);
        if (keyset_parse(text, strlen(text), NULL, why) != NULL)
            fail_msg("usable: %s", text);
    }
    for (size_t i = 0; i < sizeof usable / sizeof *usable; i++) {
        snprintf(one, sizeof one, key, usable[i]);
        snprintf(text, sizeof text, "{\"keys\":[{\"kty\":\"new\"},%s]}", one);
        struct keyset *set = keyset_parse(text, strlen(text), NULL, why);

        assert_non_null(set);
        assert_int_equal(set->count, 1);
        assert_int_equal(set->skipped, 1);
        assert_true(set->has_secrets);
        keyset_drop(set);
        assert_null(keyset_parse(text, strlen(text), "kid", why)); /* a kid goes with a PEM */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsa),
        cmocka_unit_test(ec),
        cmocka_unit_test(ed25519),
        cmocka_unit_test(hmac),
        cmocka_unit_test(which_algorithms_a_key_is_for),
        cmocka_unit_test(thumbprint),
        cmocka_unit_test(the_key_that_a_token_means),
        cmocka_unit_test(a_token_without_kid),
        cmocka_unit_test(a_set_is_not_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
