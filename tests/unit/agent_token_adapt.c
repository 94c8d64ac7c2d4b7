/* Tokens that say in ways of their own what RFC 7519 has a way for: whose they are, and what becomes of their claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/token/adapt.h"
#include "agent/token/json.h"
#include "agent/token/keyset.h"
#include "client/wire/json.h"

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})

static struct token_room room;
static uint8_t header_wire[4096];

static size_t to_wire(const char *json, uint8_t *wire, size_t size)
{
    struct wire_writer writer;

    wire_writer_init(&writer, wire, size);
    assert_int_equal(json_to_wire(json, strlen(json), 16, &writer), 0);
    return wire_written(&writer);
}

/* A token as the checks before leave it. */
static struct token token_with(const char *header, const char *payload)
{
    struct token token = token_of("", 0);
    size_t bytes = to_wire(header, header_wire, sizeof header_wire);

    token.header = (struct wire_cursor){header_wire, header_wire + bytes};
    claims_index(&token.claims, room.payload, to_wire(payload, room.payload, sizeof room.payload));
    return token;
}

static char *shown;

/* The claims as the agent would send them: checked whole, and as JSON. */
static const char *claims_of(const struct token *token)
{
    static const struct wire_limits limits = {sizeof room.payload, sizeof room.payload, WIRE_DEPTH_MAX};
    struct wire_cursor cursor = {token->claims.wire, token->claims.wire + token->claims.bytes};
    struct value *value = NULL;
    size_t bytes;

    assert_int_equal(wire_measure(cursor.at, token->claims.bytes, &limits, &bytes), WIRE_OK);
    assert_int_equal(bytes, token->claims.bytes);
    free(shown);
    assert_int_equal(value_read(cursor, &value), 0);
    shown = json_text(value);
    free(value);
    assert_non_null(shown);
    return shown;
}

static const char *adapted(const struct issuer *issuer, const char *header, const char *payload)
{
    struct token token = token_with(header, payload);

    token.issuer = issuer;
    assert_int_equal(adapt_claims(&token, &room), 0);
    return claims_of(&token);
}

static struct text alb_names[] = {TEXT("arn:1"), TEXT("arn:2")}, plain_names[] = {TEXT("https://plain")}, kid_names[] = {TEXT("legacy")},
                   other_names[] = {TEXT("other")};
static struct issuer alb = {.names = {alb_names, 2}, .named_by = NAMED_BY_HEADER, .parameter = "signer"},
                     plain = {.names = {plain_names, 1}},
                     legacy = {.names = {kid_names, 1}, .named_by = NAMED_BY_KID}, other = {.names = {other_names, 1}, .named_by = NAMED_BY_KID};

static const struct issuer *found(const char *header, const char *payload, const char *kid)
{
    static const struct issuer *const issuers[] = {&plain, &legacy, &alb, &other};
    struct question question = {.issuers = issuers, .issuer_count = 4};
    struct token token = token_with(header, payload);

    if (kid != NULL)
        token.kid = (struct text){kid, strlen(kid)};
    return adapt_find_issuer(&token, &question);
}

static void whose_it_is(void **state)
{
    static const char set[] = "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"%s\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}";
    char text[256], why[KEYSET_WHY_BYTES];

    (void)state;
    snprintf(text, sizeof text, set, "old");
    struct keyset *first = keyset_parse(text, strlen(text), NULL, why);

    snprintf(text, sizeof text, set, "older");
    struct keyset *second = keyset_parse(text, strlen(text), NULL, why);

    assert_true(first != NULL && second != NULL);
    legacy.keys = first;
    other.keys = second;
    assert_ptr_equal(found("{\"alg\":\"x\"}", "{\"iss\":\"https://plain\"}", NULL), &plain);
    assert_ptr_equal(found("{\"signer\":\"arn:2\"}", "{\"iss\":\"https://plain\"}", NULL), &alb);
    assert_ptr_equal(found("{\"signer\":\"arn:3\"}", "{\"iss\":\"https://plain\"}", NULL), &plain);
    assert_ptr_equal(found("{\"signer\":7}", "{\"iss\":\"https://plain\"}", NULL), &plain);
    assert_null(found("{\"signer\":[\"arn:1\"]}", "{\"iss\":\"arn:1\"}", NULL)); /* nobody is this issuer by `iss` */
    assert_null(found("{}", "{\"iss\":\"arn:1\"}", NULL));
    assert_ptr_equal(found("{}", "{\"iss\":\"legacy\"}", "nobody's"), &legacy);
    assert_ptr_equal(found("{}", "{}", "old"), &legacy);
    assert_ptr_equal(found("{}", "{}", "older"), &other);
    assert_null(found("{}", "{\"iss\":7}", "old"));
    assert_null(found("{}", "{\"iss\":null}", "old"));
    assert_null(found("{}", "{\"iss\":\"\"}", "old"));
    assert_ptr_equal(found("{}", "{}", "ol"), &legacy); /* the first, for want of one that fetches */
    assert_ptr_equal(found("{}", "{}", NULL), &legacy);
    other.fetches_keys = true;
    assert_ptr_equal(found("{}", "{}", "nobody's"), &other);
    assert_ptr_equal(found("{}", "{}", "old"), &legacy);
    legacy.keys = other.keys = NULL;
    assert_ptr_equal(found("{}", "{}", "old"), &other);
    keyset_drop(first);
    keyset_drop(second);
}

static void the_headers_claims_are_added(void **state)
{
    (void)state;
    assert_string_equal(adapted(&alb, "{\"alg\":\"x\",\"signer\":\"arn:2\",\"kid\":\"k\",\"typ\":\"t\",\"exp\":7,\"client\":\"c\",\"deep\":{\"a\":[1]}}",
                                "{\"sub\":\"s\",\"exp\":9}"),
                        "{\"sub\":\"s\",\"exp\":9,\"signer\":\"arn:2\",\"client\":\"c\",\"deep\":{\"a\":[1]},\"iss\":\"arn:2\"}");
    assert_string_equal(adapted(&alb, "{\"signer\":\"arn:1\",\"iss\":\"provider\",\"x5t#S256\":\"x\",\"crit\":\"x\",\"b64\":\"x\"}", "{}"),
                        "{\"signer\":\"arn:1\",\"iss\":\"arn:1\"}");
    assert_string_equal(adapted(&alb, "{\"signer\":\"arn:1\"}", "{\"iss\":{\"a\":[1,2]},\"z\":1}"), "{\"iss\":\"arn:1\",\"z\":1,\"signer\":\"arn:1\"}");
    assert_string_equal(adapted(&plain, "{\"exp\":7}", "{\"iss\":\"https://plain\"}"), "{\"iss\":\"https://plain\"}");
}

/* The map's head grows where there are more than 15 pairs. */
static void many_claims(void **state)
{
    (void)state;
    for (unsigned own = 0; own < 20; own++) {
        for (unsigned more = 0; more < 20; more += 3) {
            char header[512] = "{\"signer\":\"arn:1\"", payload[512] = "{\"iss\":\"x\"";

            for (unsigned i = 0; i < own; i++)
                snprintf(payload + strlen(payload), 16, ",\"c%u\":%u", i, i);
            for (unsigned i = 0; i < more; i++)
                snprintf(header + strlen(header), 16, ",\"h%u\":%u", i, i);
            strcat(header, "}");
            strcat(payload, "}");
            const char *all = adapted(&alb, header, payload);
            unsigned names = 0;

            for (const char *at = all; (at = strchr(at, ':')) != NULL; at++)
                names += at[-1] == '"';
            assert_int_equal(names, own + more + 2);
        }
    }
}

static void the_issuer_is_named(void **state)
{
    char name[400];
    struct text names[] = {{name, 0}};
    struct issuer nameless = {.names = {names, 1}, .named_by = NAMED_BY_KID};

    (void)state;
    assert_string_equal(adapted(&legacy, "{}", "{\"sub\":\"s\"}"), "{\"sub\":\"s\",\"iss\":\"legacy\"}");
    assert_string_equal(adapted(&legacy, "{}", "{\"iss\":\"legacy\",\"sub\":\"s\"}"), "{\"iss\":\"legacy\",\"sub\":\"s\"}");
    memset(name, 'n', sizeof name);
    for (names[0].bytes = 0; names[0].bytes < sizeof name; names[0].bytes += 13) {
        const char *all = adapted(&nameless, "{}", "{\"a\":1}");

        assert_int_equal(strlen(all), strlen("{\"a\":1,\"iss\":\"\"}") + names[0].bytes);
    }
}

static void numbers_become_texts(void **state)
{
    struct issuer numeric = plain;

    (void)state;
    numeric.numeric_claims = CLAIM_BIT(CLAIM_SUB) | CLAIM_BIT(CLAIM_SID);
    assert_string_equal(adapted(&numeric, "{}", "{\"a\":1,\"sub\":18446744073709551615,\"jti\":7,\"sid\":-9223372036854775808,\"z\":[1]}"),
                        "{\"a\":1,\"sub\":\"18446744073709551615\",\"jti\":7,\"sid\":\"-9223372036854775808\",\"z\":[1]}");
    assert_string_equal(adapted(&numeric, "{}", "{\"sub\":0}"), "{\"sub\":\"0\"}");
    assert_string_equal(adapted(&numeric, "{}", "{\"sub\":\"7\",\"sid\":true}"), "{\"sub\":\"7\",\"sid\":true}");
    assert_string_equal(adapted(&numeric, "{}", "{\"sub\":7.5,\"sid\":null}"), "{\"sub\":7.5,\"sid\":null}");
    assert_string_equal(adapted(&plain, "{}", "{\"sub\":7}"), "{\"sub\":7}");
}

/* What does not fit is refused, and nothing is written beyond the room. */
static void a_room_that_is_too_small(void **state)
{
    uint8_t wire[64];
    size_t bytes = to_wire("{\"sub\":1234567}", wire, sizeof wire), needed = bytes - 5 + 8; /* a number of five bytes, a text of eight */

    (void)state;
    for (size_t size = bytes; size <= needed; size++) {
        uint8_t *exact = malloc(size);
        struct claims claims;

        memcpy(exact, wire, bytes);
        claims_index(&claims, exact, bytes);
        assert_int_equal(adapt_numbers(&claims, CLAIM_BIT(CLAIM_SUB), exact, size), size < needed ? -1 : 0);
        assert_int_equal(claim_item(&claims, CLAIM_SUB).type, size < needed ? WIRE_UINT : WIRE_STR);
        free(exact);
    }
}

static int tear_down(void **state)
{
    (void)state;
    free(shown);
    shown = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whose_it_is),
        cmocka_unit_test(the_headers_claims_are_added),
        cmocka_unit_test(many_claims),
        cmocka_unit_test(the_issuer_is_named),
        cmocka_unit_test(numbers_become_texts),
        cmocka_unit_test(a_room_that_is_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
