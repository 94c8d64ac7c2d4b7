/* What no token, key set or configuration can bring about by itself, but the code says something about: bytes that end early, rooms that are
   too small, times that are no numbers; and the ends of what they can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/token/json.h"
#include "agent/token/keyset.h"
#include "agent/token/pointer.h"
#include "agent/token/verify.h"
#include "client/wire/utf8.h"

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static size_t to_wire(const char *json, uint8_t *room, size_t size)
{
    struct wire_writer writer;

    wire_writer_init(&writer, room, size);
    return json_to_wire(json, strlen(json), 16, &writer) == 0 ? wire_written(&writer) : 0;
}

static bool says_last(const void *context, const char *at, size_t bytes)
{
    (void)context;
    return bytes == 4 && memcmp(at, "last", 4) == 0;
}

/* However much of the claims is there, what lies behind the end is neither found nor equal to anything. */
static void claims_that_end_early(void **state)
{
    static const char json[] = "{\"a\":{\"b\":[1,[2,3],\"x\",{\"c\":null}]},\"aud\":[[\"no\"],1,\"orders\",\"last\"],\"z\":[{\"a\":1},\"text\",7]}";
    static uint8_t room[512];
    enum claim_value kind = VALUE_NUMBER;
    double seven = 7;
    struct text none = {NULL, 0};
    struct claim_rule rule = {TEXT("z"), &kind, &none, &seven, 1};
    size_t bytes = to_wire(json, room, sizeof room);

    (void)state;
    assert_true(bytes > 0);
    for (size_t cut = 0; cut <= bytes; cut++) {
        uint8_t *exact = malloc(cut + 1); /* so that a sanitizer sees its end */
        struct wire_cursor value;
        struct claims claims;
        bool whole = cut == bytes;

        memcpy(exact, room, cut);
        claims_index(&claims, exact, cut);
        assert_int_equal(claim_rule_holds(&claims, &rule), whole);
        assert_int_equal(claims_point(&claims, TEXT("/z/2"), &value) && value.at < value.end, whole);
        assert_false(claims_point(&claims, TEXT("/z/3"), &value) || claims_point(&claims, TEXT("/a/b/4/d"), &value));
        assert_false(claim_find(&claims, TEXT("nothing"), &value));
        if (any_text(claim_cursor(&claims, CLAIM_AUD), says_last, NULL))
            assert_true(memmem(exact, cut, "last", 4) != NULL);
        free(exact);
    }
    static const uint8_t other[] = {0x93, 1, 2, 3}, numbered[] = {0x82, 1, 2, 0xa1, 'a', 3};
    struct claims claims;
    struct wire_cursor value;

    claims_index(&claims, other, sizeof other);
    assert_false(claim_find(&claims, TEXT("a"), &value));
    assert_true(claims_point(&claims, TEXT("/1"), &value));
    assert_int_equal(claim_item(&claims, CLAIM_EXP).type, 0);
    claims = (struct claims){.wire = numbered, .bytes = sizeof numbered}; /* a name that is no text is none */
    assert_true(claims_point(&claims, TEXT("/a"), &value) && !claims_point(&claims, TEXT("/1"), &value));
}

/* Values of one type are never those of another, and a number is neither above nor below. */
static void values_of_a_claim(void **state)
{
    static const struct {
        enum claim_value kind;
        double number;
        const char *claim;
        bool holds;
    } rules[] = {{VALUE_NUMBER, 7, "7", true},   {VALUE_NUMBER, 7, "6.5", false}, {VALUE_NUMBER, 7, "8", false},  {VALUE_NUMBER, -7, "-7.0", true},
                 {VALUE_BOOL, 1, "true", true},  {VALUE_BOOL, 0, "false", true},  {VALUE_BOOL, 0, "true", false}, {VALUE_BOOL, 1, "false", false},
                 {VALUE_TEXT, 0, "false", false}, {VALUE_TEXT, 0, "0", false},    {VALUE_BOOL, 0, "0", false},    {VALUE_NUMBER, 0, "false", false},
                 {VALUE_NUMBER, 1, "true", false}, {VALUE_TEXT, 0, "\"t\"", true}, {VALUE_BOOL, 0, "\"t\"", false}, {VALUE_NUMBER, 0, "\"t\"", false},
                 {VALUE_TEXT, 0, "[\"s\",\"t\"]", true}, {VALUE_TEXT, 0, "[]", false}, {VALUE_TEXT, 0, "[\"x\",5]", false}, {VALUE_TEXT, 0, "[\"x\",true]", false}, {VALUE_TEXT, 0, "{\"t\":\"t\"}", false}};
    struct text wanted = TEXT("t");

    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        enum claim_value kind = rules[i].kind;
        double number = rules[i].number;
        struct claim_rule rule = {TEXT("z"), &kind, &wanted, &number, 1};
        uint8_t room[128];
        char json[64];
        struct claims claims;

        snprintf(json, sizeof json, "{\"z\":%s,\"t\":\"t\"}", rules[i].claim);
        claims_index(&claims, room, to_wire(json, room, sizeof room));
        if (claim_rule_holds(&claims, &rule) != rules[i].holds)
            fail_msg("rule %zu and %s", i, json);
    }
}

static enum outcome judge_claims(const uint8_t *wire, size_t bytes, enum reason *ret_reason)
{
    struct text name = TEXT("i"), audience = TEXT("orders");
    struct issuer issuer = {.names = {&name, 1}, .audiences = {&audience, 1}};
    struct question question = {.now = 1000};
    struct token token = token_of("", 0);

    token.issuer = &issuer;
    claims_index(&token.claims, wire, bytes);
    enum outcome outcome = token_check(&token, &question, STAGE_CLAIMS, STAGE_NOW);

    *ret_reason = token.reason;
    return outcome;
}

static void judged_before_its_end(void **state)
{
    uint8_t room[128];
    size_t bytes = to_wire("{\"exp\":2000,\"aud\":[\"x\",\"orders\",\"y\"]}", room, sizeof room);
    enum reason reason;

    (void)state;
    for (size_t cut = 0; cut < bytes; cut++)
        assert_int_equal(judge_claims(room, cut, &reason), OUTCOME_REFUSED);
    assert_int_equal(judge_claims(room, bytes, &reason), OUTCOME_ACCEPTED);
}

static void times_that_are_no_numbers(void **state)
{
    static const double times[] = {INFINITY, -INFINITY, NAN, -1, -0.5, 9007199254740994.0};
    static const char *const names[] = {"exp", "nbf", "iat"};
    enum reason reason;

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        for (size_t k = 0; k < 3; k++) {
            uint8_t room[128];
            struct wire_writer writer;

            wire_writer_init(&writer, room, sizeof room);
            wire_put_map(&writer, 3);
            wire_put_text(&writer, "aud");
            wire_put_text(&writer, "orders");
            wire_put_text(&writer, names[k]);
            wire_put_double(&writer, times[i]);
            wire_put_text(&writer, k == 0 ? "x" : "exp");
            wire_put_int(&writer, 2000);
            assert_int_equal(judge_claims(room, wire_written(&writer), &reason), OUTCOME_REFUSED);
            assert_int_equal(reason, REASON_BAD_CLAIM);
        }
    }
}

static const char long_json[] = "{\"a\":-1,\"b\":1.5e+7,\"c\":[1e9,-9223372036854775809,true,false,null,0],\"d\":\"\\u00e9\\ud83d\\ude00\\n\xc3\xa9\","
                                "\"0123456789012345678901234567890123456789\":{\"e\":{}},\"f\":18446744073709551615}";

/* No beginning of a text is one, and no text fits into less room than it needs. */
static void json_that_ends_early(void **state)
{
    static uint8_t room[512];
    size_t bytes = to_wire(long_json, room, sizeof room);

    (void)state;
    assert_true(bytes > 0);
    for (size_t cut = 0; cut < sizeof long_json - 1; cut++) {
        char *exact = malloc(cut + 1);
        struct wire_writer writer;

        memcpy(exact, long_json, cut);
        exact[cut] = '1'; /* a number must not go on behind the end */
        wire_writer_init(&writer, room, sizeof room);
        assert_int_equal(json_to_wire(exact, cut, 16, &writer), -1);
        free(exact);
    }
    for (size_t size = 0; size < bytes; size++) {
        uint8_t *exact = malloc(size + 1);

        assert_int_equal(to_wire(long_json, exact, size), 0);
        free(exact);
    }
    assert_int_equal(to_wire(long_json, room, bytes), bytes);
}

/* The last whole number below zero, and the one after it, which is a double. */
static void json_numbers(void **state)
{
    uint8_t room[64];

    (void)state;
    assert_true(to_wire("{\"\":-9223372036854775808}", room, sizeof room) == 11 && room[2] == 0xd3 && room[3] == 0x80);
    assert_true(to_wire("{\"\":-9223372036854775809}", room, sizeof room) == 11 && room[2] == 0xcb);
    assert_true(to_wire("{\"\":18446744073709551615}", room, sizeof room) == 11 && room[2] == 0xcf);
    assert_true(to_wire("{\"\":18446744073709551616}", room, sizeof room) == 11 && room[2] == 0xcb);
    assert_int_equal(to_wire("{\"\":1e400}", room, sizeof room), 0);
}

static void json_strings(void **state)
{
    static const char *const bad[] = {"{\"a\":\"\\ud83d\"}",       "{\"a\":\"\\ud83dx\"}",      "{\"a\":\"\\ud83d\\n\"}",
                                      "{\"a\":\"\\ud83d\\u12g4\"}", "{\"a\":\"\\ud83d\\u0041\"}", "{\"a\":\"\\ud83d\\ue000\"}",
                                      "{\"a\":\"\\ude00\"}",       "{\"a\":\"\\u0000\"}",       "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\x1f\"}",          "{\"a\":\"\\u00:0\"}",       "{\"a\":\"\\u00`0\"}",
                                      "{\"a\":trux}", "{\"a\":falsy}", "{\"a\":nulx}", "{\"a\":Null}", "{\"a\":tRue}",
                                      "{\"a\":\"\\u00/0\"}",       "{\"a\":\"\\u00G0\"}",       "{\"a\":\"\\u00@0\"}"};
    static const char *const good[] = {"{\"a\":\"\\ud800\\udc00\\udbff\\udfff\"}", "{\"a\":\"\\ud7ff\\ue000\\u0001\\u007f\\u0080\\u07ff\\u0800\\uffff\"}",
                                       "{\"a\":\"\\uAFaf\x7f\x20\"}"};
    static const char zero[] = {'{', '"', 'a', '"', ':', '"', '\\', '\0', '"', '}'};
    static uint8_t room[512];
    struct wire_writer writer;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (to_wire(bad[i], room, sizeof room) != 0)
            fail_msg("taken: %s", bad[i]);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(to_wire(good[i], room, sizeof room) > 0);
    wire_writer_init(&writer, room, sizeof room);
    assert_int_equal(json_to_wire(zero, sizeof zero, 16, &writer), -1);
}

/* Where an escape's bytes become one more. */
static void json_escapes(void **state)
{
    static const struct {
        const char *escape, *bytes;
    } points[] = {{"\\u0001", "\x01"},         {"\\u007f", "\x7f"},         {"\\u0080", "\xc2\x80"},       {"\\u07ff", "\xdf\xbf"},
                  {"\\u0800", "\xe0\xa0\x80"}, {"\\ud7ff", "\xed\x9f\xbf"}, {"\\ue000", "\xee\x80\x80"},   {"\\uFFFF", "\xef\xbf\xbf"},
                  {"\\ud800\\udc00", "\xf0\x90\x80\x80"}, {"\\udbff\\udfff", "\xf4\x8f\xbf\xbf"}, {"\x7f", "\x7f"}, {"\xc2\x80", "\xc2\x80"}};
    static const char *const bad[] = {"\\udc00", "\\udfff", "\\udbff", "\\ud800\\udbff", "\\ud800\\ue000", "\x80", "\x81", "\xc2\x7f"};
    char json[64];
    uint8_t room[128];

    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        size_t length = strlen(points[i].bytes);

        snprintf(json, sizeof json, "{\"\":\"%s\"}", points[i].escape);
        assert_int_equal(to_wire(json, room, sizeof room), 3 + length);
        assert_memory_equal(room + 3, points[i].bytes, length);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(json, sizeof json, "{\"\":\"%s\"}", bad[i]);
        assert_int_equal(to_wire(json, room, sizeof room), 0);
    }
}

/* What looks like a type from behind, or as far as it goes, is none. */
static void types_of_tokens(void **state)
{
    static const struct {
        const char *typ;
        bool good;
    } types[] = {{"JWT", true},   {"application/jwt", true},   {"APPLICATION/at+JWT", true}, {"abcdefghijkljwt", false}, {"application/", true},
                 {"jw", false},   {"jwtx", false},             {"", false},                  {"x/jwt", false},           {"at+jw", false},
                 {"j", true},    {"application/x", false}};
    static struct token_room room;
    struct text name = TEXT("i"), allowed[] = {TEXT("jwt"), TEXT("at+jwt"), TEXT("j"), TEXT("application/")};
    struct issuer issuer = {.names = {&name, 1}, .types = {allowed, 4}, .algorithms = ALGORITHMS_ALL};
    const struct issuer *issuers[] = {&issuer};
    struct question question = {.issuers = issuers, .issuer_count = 1, .room = &room};

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char header[128], text[512];

        snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"typ\":\"%s\"}", types[i].typ);
        base64url_encode((const uint8_t *)header, strlen(header), text);
        strcat(text, ".eyJpc3MiOiJpIn0.AA"); /* {"iss":"i"} */
        struct token token = token_of(text, strlen(text));

        assert_int_equal(token_check(&token, &question, STAGE_FORM, STAGE_FORM), OUTCOME_REFUSED);
        assert_int_equal(token.reason, types[i].good ? REASON_UNKNOWN_KEY : REASON_WRONG_TYPE); /* the issuer has no keys here */
    }
}

/* Two pairs of different names with one hash: of the same length, and of different ones. */
static void json_names(void **state)
{
    static const struct {
        unsigned names;
        bool fits;
    } counts[] = {{4096, true}, {4097, false}};
    static char text[65536];
    static uint8_t room[65536];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        size_t used = 1;

        text[0] = '{';
        for (unsigned k = 0; k < counts[i].names; k++)
            used += (size_t)snprintf(text + used, sizeof text - used, "\"%x\":1%s", k, k + 1 < counts[i].names ? "," : "}");
        assert_int_equal(to_wire(text, room, sizeof room) > 0, counts[i].fits);
    }
    for (unsigned others = 0; others < 20; others += 19) {
        static const struct {
            const char *first, *second;
            bool fits;
        } pairs[] = {{"costarring", "liquid", true}, {"declinate", "macallums", true}, {"costarring", "costarring", false},
                     {"liquid", "costarring", true}, {"macallums", "macallums", false}};

        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
            size_t used = (size_t)snprintf(text, sizeof text, "{\"%s\":1", pairs[i].first);

            for (unsigned k = 0; k < others; k++)
                used += (size_t)snprintf(text + used, sizeof text - used, ",\"%u\":1", k);
            snprintf(text + used, sizeof text - used, ",\"%s\":1}", pairs[i].second);
            assert_int_equal(to_wire(text, room, sizeof room) > 0, pairs[i].fits);
        }
    }
}

static void pointers(void **state)
{
    static const char *const good[] = {"/", "/a", "/a~0b~1c", "//", "/~0", "/~1"}, *const bad[] = {"", "a", "a/b", "/~", "/~2", "/a~", "/a~0~"};
    static const struct {
        const char *pointer;
        bool found;
    } steps[] = {{"/a~1b", true}, {"/a~0b", true}, {"/a", false},   {"/a~1b/c", false}, {"/", true},     {"/l/0", true},       {"/l/1", true},
                 {"/l/2", false}, {"/m/9", true}, {"/m/10", true}, {"/m/11", false}, {"/l/01", false}, {"/l/-", false}, {"/l/", false},      {"/l/1x", false}, {"/l/:", false},      {"/l//", false},
                 {"/l/000000", false}, {"/l/1000000", false}, {"/l/999999", false}, {"/l/a", false}, {"/l/1/a", false}, {"", true}, {"/a~1", false}};
    static uint8_t room[256];
    size_t bytes = to_wire("{\"a/b\":1,\"a~b\":2,\"\":3,\"l\":[[1,2],5],\"m\":[0,1,2,3,4,5,6,7,8,9,10]}", room, sizeof room);
    struct wire_cursor value;
    struct claims claims;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(pointer_is_valid((struct text){good[i], strlen(good[i])}));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pointer_is_valid((struct text){bad[i], strlen(bad[i])}));
    claims_index(&claims, room, bytes);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        if (claims_point(&claims, (struct text){steps[i].pointer, strlen(steps[i].pointer)}, &value) != steps[i].found)
            fail_msg("%s: %d expected", steps[i].pointer, steps[i].found);
    }
    struct wire_item item;

    assert_true(claims_point(&claims, TEXT("/a~1b"), &value) && wire_next(&value, &item) == WIRE_OK && item.uint == 1);
    assert_true(claims_point(&claims, TEXT("/a~0b"), &value) && wire_next(&value, &item) == WIRE_OK && item.uint == 2);
    assert_true(claims_find(&claims, TEXT("a/b"), &value) && claims_find(&claims, TEXT("/a~1b"), &value) && claims_find(&claims, TEXT(""), &value));
}

static void watch(void *observer, const char *check, enum outcome outcome, const struct token *token)
{
    unsigned *seen = observer;

    (void)token;
    assert_non_null(check);
    assert_int_not_equal(outcome, OUTCOME_UNDECIDED);
    ++*seen;
}

/* A JWS that is no JWT says no issuer: without one that is configured there are no keys. */
static void a_jws_alone(void **state)
{
    static const char text[] = "eyJhbGciOiJIUzI1NiJ9.eA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    static const char set_text[] = "{\"keys\":[{\"kty\":\"oct\",\"k\":\"" SECRET "\"}]}";
    static struct token_room room;
    char why[KEYSET_WHY_BYTES];
    unsigned seen = 0;
    struct issuer issuer = {.algorithms = ALGORITHMS_ALL, .keys = keyset_parse(set_text, strlen(set_text), NULL, why)};
    const struct issuer *issuers[] = {&issuer};
    struct question question = {.issuers = issuers, .room = &room, .verifier = verifier_new(0), .jws_only = true, .observe = watch, .observer = &seen};

    (void)state;
    for (unsigned count = 0; count < 2; count++) {
        struct token token = token_of(text, sizeof text - 1);

        question.issuer_count = count;
        assert_int_equal(token_check(&token, &question, STAGE_FORM, STAGE_NOW), OUTCOME_REFUSED);
        assert_int_equal(token.reason, count == 0 ? REASON_ALGORITHM_MISMATCH : REASON_BAD_SIGNATURE);
    }
    struct token known = token_of(text, sizeof text - 1);

    known.issuer = &issuer; /* it is judged once more, up to its key */
    question.issuers = NULL;
    question.observe = NULL;
    assert_int_equal(token_check(&known, &question, STAGE_FORM, STAGE_FORM), OUTCOME_ACCEPTED);
    assert_int_equal(known.key_count, 1);
    assert_int_equal(seen, 6 + 8); /* size, segments, header, two of the algorithm and crit; and then key and signature */
    assert_string_equal(reason_name(REASON_COUNT), "none");
    assert_string_equal(reason_name(REASON_REVOKED), "revoked");
    verifier_free(question.verifier);
    keyset_drop((struct keyset *)issuer.keys);
}

static void utf8(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } texts[] = {{"", true},  {"a\xc2\x80", true}, {"\xc2", false}, {"\xc1\xbf", false}, {"\xe0\x9f\xbf", false}, {"\xe0\xa0\x80", true},
                 {"\xed\x9f\xbf", true}, {"\xed\xa0\x80", false}, {"\xf0\x8f\xbf\xbf", false}, {"\xf0\x90\x80\x80", true},
                 {"\xf4\x8f\xbf\xbf", true}, {"\xf4\x90\x80\x80", false}, {"\xf5\x80\x80\x80", false}, {"\xe1\x80", false}, {"\xe1\x80\x7f", false},
                 {"\xf1\x80\x80\xc0", false}, {"\x80", false}, {"\xff", false}};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(utf8_is_valid(texts[i].text, strlen(texts[i].text)), texts[i].valid);
    assert_true(utf8_has_c1_control("a\xc2\x80", 3) && utf8_has_c1_control("\xc2\x9f", 2));
    assert_false(utf8_has_c1_control("\xc2\xa0", 2) || utf8_has_c1_control("\xc3\x80", 2) || utf8_has_c1_control("\xc2", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_that_end_early), cmocka_unit_test(values_of_a_claim), cmocka_unit_test(judged_before_its_end), cmocka_unit_test(times_that_are_no_numbers),
        cmocka_unit_test(json_that_ends_early),  cmocka_unit_test(json_strings),          cmocka_unit_test(json_names), cmocka_unit_test(json_escapes), cmocka_unit_test(types_of_tokens),            cmocka_unit_test(json_numbers),
        cmocka_unit_test(pointers),              cmocka_unit_test(a_jws_alone),           cmocka_unit_test(utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
