/* Signatures and keys that are refused for what they are, not because something failed; and what an issuer in shadow mode leaves behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "agent/policy/pattern.h"
#include "agent/token/json.h"
#include "agent/token/keyset.h"
#include "agent/token/signature.h"
#include "agent/token/verify.h"

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define ED "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n"
/* A certificate, under whatever name. */
#define CERTIFICATE(name)                                                                                                            \
    "-----BEGIN " name "-----\n"                                                                                                      \
    "MIIBbjCCARWgAwIBAgIUfFmKJJBYisyxN6HaFkXopkQNXxgwCgYIKoZIzj0EAwIwDDEKMAgGA1UEAwwBeDAgFw0yNjExMjQxODUyMjNaGA8yMTI2MTAzMTE4NTIyM1ow\n" \
    "DDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGXDSg9a2fvEpSYj/4YMMKpPHHHLrtYCD6IHQNUHly8LO2o7FNJYjuy7ZyBsUxHULXPqPXlBcc/6\n" \
    "t+Kw3KglKumjUzBRMB0GA1UdDgQWBBQLg6e+y3F/EFc4nf5BsMT3Ao6FjjAfBgNVHSMEGDAWgBQLg6e+y3F/EFc4nf5BsMT3Ao6FjjAPBgNVHRMBAf8EBTADAQH/MAoG\n" \
    "CCqGSM49BAMCA0cAMEQCIG3pEtlCApPtBx/LSKhi/97XEBjUhrzAf+kMG1x+J6rMAiASrnb19L6vpO0LCUMNC5QuR5NOpHWZMW6vuE7As3zVlg==\n"              \
    "-----END " name "-----\n"

/* Its exponent is 3, which is one byte. */
static const char rsa_3[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIDANBgkqhkiG9w0BAQEFAAOCAQ0AMIIBCAKCAQEAso4R7k7mUOdM/L3Eoda8zfaHxcwNEwAZOvs+8gtbcLVvIg8yzw21a4dVreZHc/QeXLRxhLe8tk1Y+SM9q9Vm\n"
    "pRuhJaOfSGj/6HC6FPI3F9PpIWWjev2ny/H+ECLiR5y3Qrj4orBUWoXxginw8mEErkxDH2WS8N57yCTh93KSzCfu0U92wvhta//nXXpAdPKsDUk+mJwuKo6DqjCzYjV2\n"
    "ROntyk4OU3hsxU6ySa8gQIFDcD1l2EhvJnGs5TLmw2zT7dMBootHuVwoyGStxbwm4yGBlDqYSlRYy6HKibR5z5iKHfj+NgMsDFwsLY5AYAHthBR1qfGrRwtnhDK8zc/W\n"
    "4QIBAw==\n-----END PUBLIC KEY-----\n";

static char why[KEYSET_WHY_BYTES];

static struct keyset *parse(const char *text, const char *kid)
{
    return keyset_parse(text, strlen(text), kid, why);
}

static struct keyset *set_of(EVP_PKEY *pkey)
{
    char text[1024];
    BIO *bio = BIO_new(BIO_s_mem());

    assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    int bytes = BIO_read(bio, text, sizeof text - 1);

    assert_true(bytes > 0);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return keyset_parse(text, (size_t)bytes, NULL, why);
}

/* Numbers of every length, with and without the bit that takes one byte more: all are put to OpenSSL in a form that it reads. */
static void ecdsa_numbers_of_every_length(void **state)
{
    static const struct {
        const char *curve;
        enum algorithm alg;
        size_t half;
    } curves[] = {{"P-256", ALG_ES256, 32}, {"P-384", ALG_ES384, 48}, {"P-521", ALG_ES512, 66}};
    struct verifier *verifier = verifier_new(0);

    (void)state;
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        struct keyset *set = set_of(EVP_EC_gen(curves[i].curve));
        size_t half = curves[i].half;

        assert_non_null(set);
        for (size_t zeros = half == 66; zeros < half; zeros++) {
            for (unsigned first = 0x01; first <= 0x81; first += 0x80) {
                uint8_t signature[2 * 66];

                memset(signature, 0, sizeof signature);
                memset(signature + zeros, 0x55, half - zeros);
                memset(signature + half + zeros, 0x55, half - zeros);
                signature[zeros] = 0x01;
                signature[half + zeros] = zeros > 1 ? (uint8_t)first : 0x01;
                assert_int_equal(signature_check(verifier, set->keys[0], curves[i].alg, "text", 4, signature, 2 * half), SIGNATURE_BAD);
            }
        }
        keyset_drop(set);
    }
    verifier_free(verifier);
}

static void signatures_of_another_length(void **state)
{
    static const uint8_t signature[1024] = {1};
    static const size_t sizes[] = {0, 1, 31, 63, 64, 65, 255, 257, 1024};
    struct verifier *verifier = verifier_new(0);
    struct keyset *rsa = parse(rsa_3, NULL), *ed = parse(ED, NULL);

    (void)state;
    assert_non_null(rsa);
    assert_non_null(ed);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(signature_check(verifier, rsa->keys[0], ALG_RS256, "text", 4, signature, sizes[i]), SIGNATURE_BAD);
        assert_int_equal(signature_check(verifier, rsa->keys[0], ALG_PS512, "text", 4, signature, sizes[i]), SIGNATURE_BAD);
        assert_int_equal(signature_check(verifier, ed->keys[0], ALG_EDDSA, "text", 4, signature, sizes[i]), SIGNATURE_BAD);
    }
    keyset_drop(rsa);
    keyset_drop(ed);
    verifier_free(verifier);
}

/* A secret verifies what was made for it under its own algorithms, and nothing under another's name. */
static void a_key_of_another_kind(void **state)
{
    struct verifier *verifier = verifier_new(0);
    struct keyset *set = parse("{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\"}]}", NULL);
    uint8_t mac[64];
    unsigned bytes;

    (void)state;
    assert_non_null(set);
    assert_non_null(HMAC(EVP_sha256(), set->keys[0]->secret, (int)set->keys[0]->secret_bytes, (const uint8_t *)"text", 4, mac, &bytes));
    assert_int_equal(signature_check(verifier, set->keys[0], ALG_HS256, "text", 4, mac, bytes), SIGNATURE_GOOD);
    assert_int_equal(signature_check(verifier, set->keys[0], ALG_RS256, "text", 4, mac, bytes), SIGNATURE_BAD);
    assert_int_equal(signature_check(verifier, set->keys[0], ALG_ES256, "text", 4, mac, bytes), SIGNATURE_BAD);
    keyset_drop(set);
    verifier_free(verifier);
}

/* Good numbers under a name that is none of ours; blocks of another name; and a `kid` for several keys, however many. */
static void keys_by_another_name(void **state)
{
    static const char point[] = "\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    char text[512] = "{\"keys\":[{\"kty\":\"EC\",";
    struct keyset *set;

    (void)state;
    set = parse(strcat(text, point), NULL);
    assert_non_null(set);
    keyset_drop(set);
    strcpy(text, "{\"keys\":[{\"kty\":\"foo\",");
    assert_null(parse(strcat(text, point), NULL));
    /* A point that is none is left out; nothing has failed that the other key should be refused for. */
    for (unsigned i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\"},{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%.42s8\",\"y\":\"%.42s8\"}]}",
                 i == 0 ? "__________________________________________" : "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        set = parse(text, NULL);
        assert_true(set != NULL && set->count == 1 && set->skipped == 1);
        keyset_drop(set);
    }
    set = parse(CERTIFICATE("CERTIFICATE"), NULL);
    assert_non_null(set);
    keyset_drop(set);
    assert_null(parse(CERTIFICATE("ATTRIBUTE CERTIFICATE"), NULL));
    for (unsigned count = 2; count < 5; count++) {
        text[0] = '\0';
        for (unsigned i = 0; i < count; i++)
            strcat(text, ED);
        assert_null(parse(text, "k"));
    }
}

static enum outcome judge(struct issuer *issuer, const char *json, struct token *ret_token)
{
    static uint8_t room[512];
    struct wire_writer writer;
    struct question question = {.now = 1000};

    wire_writer_init(&writer, room, sizeof room);
    assert_int_equal(json_to_wire(json, strlen(json), 16, &writer), 0);
    *ret_token = token_of("", 0);
    ret_token->issuer = issuer;
    claims_index(&ret_token->claims, room, wire_written(&writer));
    return token_check(ret_token, &question, STAGE_CLAIMS, STAGE_NOW);
}

/* What it would have been without the mode is noted, and nothing where nothing was wrong. */
static void an_issuer_in_shadow(void **state)
{
    struct text name = TEXT("i"), audience = TEXT("orders");
    struct issuer issuer = {.names = {&name, 1}, .audiences = {&audience, 1}, .shadow = true};
    struct question question = {.now = 1000};
    struct token token;

    (void)state;
    assert_int_equal(judge(&issuer, "{\"exp\":2000,\"aud\":\"orders\"}", &token), OUTCOME_REFUSED);
    assert_true(token.reason == REASON_UNKNOWN_ISSUER && token.judged == REASON_NONE);
    assert_int_equal(judge(&issuer, "{\"exp\":1000,\"aud\":\"orders\"}", &token), OUTCOME_REFUSED);
    assert_true(token.reason == REASON_UNKNOWN_ISSUER && token.judged == REASON_EXPIRED);
    token.reason = REASON_NONE;
    assert_int_equal(token_check(&token, &question, STAGE_CLAIMS, STAGE_CLAIMS), OUTCOME_ACCEPTED);
    assert_true(token.reason == REASON_NONE && token.judged == REASON_NONE);
}

static void a_lifetime_of_a_second(void **state)
{
    struct text name = TEXT("i"), audience = TEXT("orders");
    struct issuer issuer = {.names = {&name, 1}, .audiences = {&audience, 1}, .lifetime_max = 1};
    struct token token;

    (void)state;
    assert_int_equal(judge(&issuer, "{\"exp\":1001,\"aud\":\"orders\",\"iat\":1000}", &token), OUTCOME_ACCEPTED);
    assert_int_equal(judge(&issuer, "{\"exp\":1001,\"aud\":\"orders\",\"iat\":999}", &token), OUTCOME_REFUSED);
    assert_int_equal(token.reason, REASON_LIFETIME_TOO_LONG);
    assert_int_equal(judge(&issuer, "{\"exp\":1001,\"aud\":\"orders\"}", &token), OUTCOME_REFUSED);
    assert_int_equal(token.reason, REASON_MISSING_CLAIM);
}

static void every_reason_has_a_name(void **state)
{
    (void)state;
    for (enum reason reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
        assert_string_not_equal(reason_name(reason), "none");
}

static void patterns_with_control_characters(void **state)
{
    (void)state;
    assert_null(pattern_refuse(TEXT("/ "), 0));
    assert_non_null(pattern_refuse(TEXT("/\x1f"), 0));
    assert_non_null(pattern_refuse(TEXT("/\x01"), 0));
    assert_non_null(pattern_refuse(TEXT("/\x7f"), 0));
    assert_non_null(pattern_refuse(TEXT("/**/"), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecdsa_numbers_of_every_length),
        cmocka_unit_test(signatures_of_another_length),
        cmocka_unit_test(a_key_of_another_kind),
        cmocka_unit_test(keys_by_another_name),
        cmocka_unit_test(an_issuer_in_shadow),
        cmocka_unit_test(a_lifetime_of_a_second),
        cmocka_unit_test(every_reason_has_a_name),
        cmocka_unit_test(patterns_with_control_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
