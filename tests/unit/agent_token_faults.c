/* Each call into OpenSSL, and each allocation, that fails once: no key that is half of one, no name forgotten that must not be used, no
   signature called good, and none called bad for want of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "agent/token/keyset.h"
#include "agent/token/verify.h"
#include "failing.h"

#define INPUT "what is signed"
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define OCT(kid) "{\"kty\":\"oct\",\"k\":\"" SECRET "\",\"kid\":\"" kid "\"}"

enum { RSA_KEY, P256, P384, P521, ED25519, KEYS };

static EVP_PKEY *pkeys[KEYS];
static char pems[KEYS][2048], certificate[4096], jwk_rsa[4096], jwk_ec[4096];

static void to_text(BIO *bio, char *out, size_t room)
{
    int bytes = BIO_read(bio, out, (int)room - 1);

    assert_true(bytes > 0);
    out[bytes] = '\0';
    BIO_free(bio);
}

static void make_certificate(EVP_PKEY *pkey)
{
    X509 *made = X509_new();
    BIO *bio = BIO_new(BIO_s_mem());

    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(made), 0));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(made), 60));
    assert_int_equal(X509_set_pubkey(made, pkey), 1);
    assert_true(X509_sign(made, pkey, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(bio, made), 1);
    to_text(bio, certificate, sizeof certificate);
    X509_free(made);
}

static void encode_number(EVP_PKEY *pkey, const char *name, int width, char *out)
{
    uint8_t bytes[512];
    BIGNUM *number = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(pkey, name, &number), 1);
    int size = width > 0 ? width : BN_num_bytes(number);

    assert_int_equal(BN_bn2binpad(number, bytes, size), size);
    base64url_encode(bytes, (size_t)size, out);
    BN_free(number);
}

static int make_keys(void **state)
{
    char first[1024], second[1024];

    (void)state;
    pkeys[RSA_KEY] = EVP_RSA_gen(2048);
    pkeys[P256] = EVP_EC_gen("P-256");
    pkeys[P384] = EVP_EC_gen("P-384");
    pkeys[P521] = EVP_EC_gen("P-521");
    pkeys[ED25519] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    for (unsigned i = 0; i < KEYS; i++) {
        BIO *bio = BIO_new(BIO_s_mem());

        assert_int_equal(PEM_write_bio_PUBKEY(bio, pkeys[i]), 1);
        to_text(bio, pems[i], sizeof pems[i]);
    }
    make_certificate(pkeys[P256]);
    encode_number(pkeys[RSA_KEY], "n", 0, first);
    encode_number(pkeys[RSA_KEY], "e", 0, second);
    snprintf(jwk_rsa, sizeof jwk_rsa, "{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"a\",\"n\":\"%s\",\"e\":\"%s\"}]}", first, second);
    encode_number(pkeys[P256], "qx", 32, first);
    encode_number(pkeys[P256], "qy", 32, second);
    snprintf(jwk_ec, sizeof jwk_ec, "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"a\",\"x\":\"%s\",\"y\":\"%s\"}]}", first, second);
    return 0;
}

static int drop_keys(void **state)
{
    (void)state;
    for (unsigned i = 0; i < KEYS; i++)
        EVP_PKEY_free(pkeys[i]);
    return 0;
}

static struct keyset *parse(const char *text, const char *kid, char why[KEYSET_WHY_BYTES])
{
    why[0] = '\0';
    return keyset_parse(text, strlen(text), kid, why);
}

/* A set of one key is whole, or none, with a reason; and the next time it is whole again. */
static void one_key(const char *text, const char *kid)
{
    char why[KEYSET_WHY_BYTES];
    unsigned tries = 0;

    for (bool failed = true; failed; tries++) {
        fail_after(tries);
        struct keyset *set = parse(text, kid, why);

        failed = has_failed();
        if (failed && set != NULL)
            fail_msg("a key, although call %u failed: %s", tries, text);
        assert_true((set == NULL) == (why[0] != '\0'));
        assert_true(set != NULL || failed);
        keyset_drop(set);
        assert_int_equal(ERR_peek_error() == 0 || failed, true);
        ERR_clear_error();
    }
    assert_true(tries > 3);
}

static void no_half_of_a_key(void **state)
{
    (void)state;
    one_key(jwk_rsa, NULL);
    one_key(jwk_ec, NULL);
    one_key("{\"keys\":[" OCT("a") "]}", NULL);
    one_key("{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}", NULL);
    for (unsigned i = 0; i < KEYS; i++)
        one_key(pems[i], "a");
    one_key(certificate, NULL);
}

/* Of two keys none is left out because something failed: a set is whole or none. */
static void two_keys(const char *text)
{
    char why[KEYSET_WHY_BYTES];

    for (unsigned tries = 0, failed = true; failed; tries++) {
        fail_after(tries);
        struct keyset *set = parse(text, NULL, why);

        failed = has_failed();
        assert_true(set != NULL || failed);
        /* A curve of which OpenSSL tells no name is one without a name: that alone is no failure. */
        if (set != NULL && set->count != 2 && (set->warnings == 0 || strstr(set->warning[0], "it is not RSA") == NULL))
            fail_msg("%u keys, although call %u failed: %s; %s", set->count, tries, set->warnings > 0 ? set->warning[0] : "", text);
        keyset_drop(set);
        ERR_clear_error();
    }
}

static void no_key_of_two_is_left_out(void **state)
{
    char text[8192];

    (void)state;
    two_keys("{\"keys\":[" OCT("a") "," OCT("b") "]}");
    for (unsigned order = 0; order < 2; order++) {
        size_t bytes = strlen(jwk_ec) - 2 - strlen("{\"keys\":[");

        snprintf(text, sizeof text, "{\"keys\":[%s%.*s%s]}", order == 0 ? "" : OCT("b") ",", (int)bytes, jwk_ec + strlen("{\"keys\":["),
                 order == 0 ? "," OCT("b") : "");
        two_keys(text);
        for (unsigned i = 0; i < KEYS - 1; i++) {
            snprintf(text, sizeof text, "%.2047s%.2047s", pems[order == 0 ? i : KEYS - 1], pems[order == 0 ? KEYS - 1 : i]);
            two_keys(text);
        }
    }
}

/* Whatever fails: under a name that a damaged key has borne no other key is used. */
static void no_name_is_forgotten(void **state)
{
    static const char text[] = "{\"keys\":[" OCT("a") "," OCT("b") ",{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"b\"},"
                               "{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"c\"},{\"kty\":\"oct\",\"k\":\"AA\"},{\"kty\":\"x\"}]}";
    const struct key *keys[TOKEN_KEYS_TRIED_MAX];
    char why[KEYSET_WHY_BYTES];
    unsigned count, sets = 0, none = 0;

    (void)state;
    for (bool failed = true; failed; sets++) {
        fail_after(sets);
        struct keyset *set = parse(text, NULL, why);

        failed = has_failed();
        if (set == NULL) {
            none++;
            continue;
        }
        assert_int_equal(keyset_choose(set, ALG_HS256, "b", 1, keys, &count), CHOICE_NONE);
        assert_int_equal(keyset_choose(set, ALG_HS256, "c", 1, keys, &count), CHOICE_NONE);
        assert_true(set->skipped >= 4 && set->warnings + failed >= 4);
        keyset_drop(set);
    }
    assert_true(none >= 5 && none < sets);
}

static void no_half_of_a_verifier(void **state)
{
    unsigned tries = 0;

    (void)state;
    for (bool failed = true; failed; tries++) {
        fail_after(tries);
        struct verifier *verifier = verifier_new(0);

        failed = has_failed();
        assert_true((verifier == NULL) == failed);
        verifier_free(verifier);
    }
    assert_int_equal(tries, 1 + 3 + 3 + 1);
}

/* r and s side by side, from DER. */
static size_t jose_from_der(uint8_t *signature, size_t bytes, int half)
{
    const uint8_t *at = signature;
    ECDSA_SIG *both = d2i_ECDSA_SIG(NULL, &at, (long)bytes);

    assert_non_null(both);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(both), signature, half), half);
    assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(both), signature + half, half), half);
    ECDSA_SIG_free(both);
    return (size_t)half * 2;
}

static size_t sign(unsigned number, enum algorithm alg, uint8_t signature[1024])
{
    static const char *const names[DIGEST_COUNT] = {NULL, "SHA256", "SHA384", "SHA512"};
    const struct algorithm_facts *facts = &algorithm_facts[alg];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *its = NULL;
    size_t bytes = 1024;

    assert_int_equal(EVP_DigestSignInit_ex(context, &its, names[facts->digest], NULL, NULL, pkeys[number], NULL), 1);
    if (facts->pss) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(its, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(its, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    assert_int_equal(EVP_DigestSign(context, signature, &bytes, (const uint8_t *)INPUT, sizeof INPUT - 1), 1);
    EVP_MD_CTX_free(context);
    return facts->kind >= KEY_P256 && facts->kind <= KEY_P521 ? jose_from_der(signature, bytes, number == P256 ? 32 : number == P384 ? 48 : 66)
                                                               : bytes;
}

static void fails_at_each_call(const struct key *key, enum algorithm alg, const uint8_t *signature, size_t bytes)
{
    uint8_t bad[1024];
    unsigned tries = 0;

    memcpy(bad, signature, bytes);
    bad[bytes / 3] ^= 1;
    for (bool failed = true; failed; tries++) {
        struct verifier *verifier = verifier_new(tries % WORKERS_MAX);

        failed = false;
        for (int good = 0; good < 2; good++) {
            fail_after(tries);
            enum signature truth = good ? SIGNATURE_GOOD : SIGNATURE_BAD;
            enum signature found = signature_check(verifier, key, alg, INPUT, sizeof INPUT - 1, good ? signature : bad, bytes);

            bool now = has_failed();

            /* EdDSA's last call only wipes: the answer is known by then. What is bad is asked twice. */
            assert_int_equal(found, now && !(alg == ALG_EDDSA && tries % 4 == 3) ? SIGNATURE_UNDECIDED : truth);
            failed = failed || now;
            assert_int_equal(ERR_peek_error(), 0);
        }
        assert_int_equal(signature_check(verifier, key, alg, INPUT, sizeof INPUT - 1, bad, bytes), SIGNATURE_BAD);
        assert_int_equal(signature_check(verifier, key, alg, INPUT, sizeof INPUT - 1, signature, bytes), SIGNATURE_GOOD);
        assert_int_equal(signature_check(verifier, key, alg, INPUT, sizeof INPUT - 1, signature, bytes - 1), SIGNATURE_BAD);
        assert_int_equal(signature_check(verifier, key, alg, INPUT, sizeof INPUT - 2, signature, bytes), SIGNATURE_BAD);
        verifier_free(verifier);
    }
    assert_true(tries > 2);
}

static void no_signature_is_good_or_bad_by_mistake(void **state)
{
    static const struct {
        unsigned number;
        enum algorithm alg;
    } uses[] = {{RSA_KEY, ALG_RS256}, {RSA_KEY, ALG_PS384}, {RSA_KEY, ALG_RS512}, {P256, ALG_ES256}, {P384, ALG_ES384}, {P521, ALG_ES512},
                {ED25519, ALG_EDDSA}};
    uint8_t signature[1024];
    char why[KEYSET_WHY_BYTES];
    unsigned mac_bytes = 0;

    (void)state;
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        struct keyset *set = parse(pems[uses[i].number], NULL, why);

        assert_non_null(set);
        fails_at_each_call(set->keys[0], uses[i].alg, signature, sign(uses[i].number, uses[i].alg, signature));
        keyset_drop(set);
    }
    struct keyset *set = parse("{\"keys\":[" OCT("a") "]}", NULL, why);

    assert_non_null(HMAC(EVP_sha256(), set->keys[0]->secret, (int)set->keys[0]->secret_bytes, (const uint8_t *)INPUT, sizeof INPUT - 1, signature,
                         &mac_bytes));
    fails_at_each_call(set->keys[0], ALG_HS256, signature, mac_bytes);
    keyset_drop(set);
}

/* A check that could not be made is no answer. */
static void undecided_goes_up(void **state)
{
    static struct token_room room;
    struct text name = {"a", 1};
    char why[KEYSET_WHY_BYTES];
    struct issuer issuer = {.names = {&name, 1}, .types = {(struct text[]){{"", 0}}, 1}, .algorithms = ALGORITHMS_ALL,
                            .keys = parse("{\"keys\":[" OCT("a") "]}", NULL, why)};
    const struct issuer *issuers[] = {&issuer};
    struct verifier *verifier = verifier_new(0);
    struct question question = {.issuers = issuers, .issuer_count = 1, .room = &room, .verifier = verifier};
    static const char text[] = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"; /* HS256, {"iss":"a"} */
    struct token token = token_of(text, sizeof text - 1);

    (void)state;
    assert_int_equal(token_check(&token, &question, STAGE_FORM, STAGE_NOW), OUTCOME_REFUSED);
    assert_int_equal(token.reason, REASON_BAD_SIGNATURE);
    for (unsigned i = 0; i < 3; i++) {
        token = token_of(text, sizeof text - 1);
        fail_after(i);
        assert_int_equal(token_check(&token, &question, STAGE_FORM, STAGE_NOW), OUTCOME_UNDECIDED);
        assert_true(has_failed());
    }
    issuer.keys = (keyset_drop((struct keyset *)issuer.keys), NULL);
    token = token_of(text, sizeof text - 1);
    assert_int_equal(token_check(&token, &question, STAGE_FORM, STAGE_NOW), OUTCOME_REFUSED);
    assert_int_equal(token.reason, REASON_UNKNOWN_KEY); /* an issuer whose keys could not be had */
    verifier_free(verifier);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_half_of_a_key), cmocka_unit_test(no_key_of_two_is_left_out),
        cmocka_unit_test(no_name_is_forgotten),
        cmocka_unit_test(no_half_of_a_verifier),
        cmocka_unit_test(no_signature_is_good_or_bad_by_mistake),
        cmocka_unit_test(undecided_goes_up),
    };

    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
