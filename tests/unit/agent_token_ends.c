/* What lies behind the end of a text is never read: here it cannot be read, in any build. And what only looks like a map or a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/policy/pattern.h"
#include "agent/policy/resource.h"
#include "agent/token/base64url.h"
#include "agent/token/json.h"
#include "agent/token/key.h"
#include "agent/token/pointer.h"
#include "agent/token/verify.h"
#include "client/wire/utf8.h"

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})
#define EDGE_BYTES 65536

static char *edge; /* the first byte that cannot be read */

static int make_edge(void **state)
{
    char *pages = mmap(NULL, 2 * EDGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    edge = pages + EDGE_BYTES;
    return pages != MAP_FAILED && mprotect(edge, EDGE_BYTES, PROT_NONE) == 0 ? 0 : -1;
}

static char *at_edge(const void *bytes, size_t size)
{
    return size > 0 ? memcpy(edge - size, bytes, size) : edge;
}

static int read_json(const char *json, size_t size)
{
    static uint8_t room[4096];
    struct wire_writer writer;

    wire_writer_init(&writer, room, sizeof room);
    return json_to_wire(at_edge(json, size), size, 16, &writer);
}

static void json(void **state)
{
    static const char text[] = " {\"a\":-1,\"b\":1.5e+7,\"c\":[1E-9,-0.5,true,false,null,0,[],{}],\"d\":\"\\u00e9\\ud83d\\ude00\\n\xc3\xa9\xe2\x82\xac\",\"e\":9e1} ";
    static const char *const bad[] = {"{a\":1}", "{\"a:1}", "{\"a\"1}", "{\"a\":1,}", "{,}", "{\"a\":[1,]}", "{\"a\":[1 2]}", "{\"a\":1]", "{\"a\":[1}",
                                      "[1]",     "\"a\"",    "1",         "{}{}",       "{} x"};

    (void)state;
    assert_int_equal(read_json(text, sizeof text - 1), 0);
    for (size_t cut = 0; cut < sizeof text - 2; cut++)
        assert_int_equal(read_json(text, cut), -1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (read_json(bad[i], strlen(bad[i])) != -1)
            fail_msg("taken: %s", bad[i]);
    }
}

/* The names of an object inside are not those of the one around it, however many there are, and whichever is sorted last. */
static void names_of_an_object_inside(void **state)
{
    (void)state;
    for (unsigned count = 2; count < 40; count++) {
        for (unsigned same = 0; same < count; same++) {
            char text[2048];
            int used = snprintf(text, sizeof text, "{");

            for (unsigned i = 0; i < count; i++)
                used += snprintf(text + used, sizeof text - (size_t)used, "\"n%u\":%s", i, i + 1 < count ? "1," : "");
            snprintf(text + used, sizeof text - (size_t)used, "{\"n%u\":1}}", same);
            assert_int_equal(read_json(text, strlen(text)), 0);
        }
    }
}

static void utf8(void **state)
{
    static const char text[] = "a\xc2\x80\xe2\x82\xac\xf0\x9f\x98\x80";

    (void)state;
    for (size_t from = 0; from < sizeof text - 1; from++) {
        for (size_t to = from; to < sizeof text; to++) {
            const char *at = at_edge(text + from, to - from);
            bool starts = from <= 1 || from == 3 || from == 6 || from == 10, ends = to <= 1 || to == 3 || to == 6 || to == 10;

            assert_int_equal(utf8_is_valid(at, to - from), from == to || (starts && ends));
            (void)utf8_has_c1_control(at, to - from);
        }
    }
    assert_true(utf8_is_valid(at_edge("\x7f", 1), 1));
    assert_false(utf8_is_valid(at_edge("\x80", 1), 1));
}

static void resources(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } texts[] = {{"", false},      {"/", true},      {"/a", true},     {"/%", false},    {"/%4", false},   {"/%41", true},  {"/%4a/", true}, {"/%4F", true},
                 {"/%4g", false},  {"/%g4", false},  {"/%4/", false},  {"/%/4", false},  {"/%4:", false},  {"/%:4", false}, {"/%4`", false}, {"/%`4", false},
                 {"/%4@", false},  {"/%@4", false},  {"/%4G", false},  {"/%7e", true},   {"/%00", false},  {"/%0a", false}, {"/%20", true},  {"/%4.", false},
                 {"/%.4", false},  {"/% 4", false},  {"/%4 ", false},  {"/%c3%a9", true}, {"/%c3%a", false}, {"/%c3", false}, {"/a?%", true},  {"/%1f", false},
                 {"/%41%", false}, {"/%F0", false},  {"/.", false},    {"/..", false},   {"/a/..", false}, {"/%2e", false}, {"/..a", true},   {"/.a", true},   {"/a/.", false}, {"/a//", false}, {"/%f0%9f%98%80", true}};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct resource resource;
        size_t size = strlen(texts[i].text);

        if ((resource_normalize(at_edge(texts[i].text, size), size, (struct resource_reading){0}, &resource) == 0) != texts[i].good)
            fail_msg("%s: %d expected", texts[i].text, texts[i].good);
    }
}

static void valid_pointers(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } texts[] = {{"", false}, {"/", true}, {"/~", false}, {"/~0", true}, {"/~1", true}, {"/~2", false}, {"/a~", false}, {"/a~1b", true}, {"/~/0", false}, {"/~/", false}};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t size = strlen(texts[i].text);

        if (pointer_is_valid((struct text){at_edge(texts[i].text, size), size}) != texts[i].good)
            fail_msg("%s: %d expected", texts[i].text, texts[i].good);
    }
}

static bool points(const struct claims *claims, const char *pointer)
{
    struct wire_cursor value;
    size_t size = strlen(pointer);

    return claims_find(claims, (struct text){at_edge(pointer, size), size}, &value);
}

/* A name behind the last of a map's is not in it, and a step into an array stays in it. */
static void pointers(void **state)
{
    static const char text[] = "{\"o\":{\"x\":1},\"after\":2,\"e\":{},\"l\":[[1,[2]],{\"k\":3}],\"\":4,\"s\":\"after\",\"n\":5,\"a/b\":{\"c~\":6}}";
    static const char *const found[] = {"/o", "/o/x", "/after", "/e", "/l/0/0", "/l/0/1/0", "/l/1/k", "/", "", "o", "after", "/a~1b/c~0"};
    static const char *const none[] = {"/o/after", "/o/y", "/e/l", "/e/", "/l/2", "/l/0/2", "/l/1/0", "/l/1/k/x", "/s/after", "/n/0", "/o/x/0", "x", "/x", "/a~1b/c", "/l/",
                                       "/l/00", "/l/1000000", "/l/0000001", "/l/-", "/l/:", "/l/0:", "/l/0/", "/s/", "/s/0", "/a/b", "//"};
    uint8_t room[256];
    struct wire_writer writer;
    struct claims claims;

    (void)state;
    wire_writer_init(&writer, room, sizeof room);
    assert_int_equal(json_to_wire(text, sizeof text - 1, 16, &writer), 0);
    claims_index(&claims, room, wire_written(&writer));
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        if (!points(&claims, found[i]))
            fail_msg("not found: %s", found[i]);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        if (points(&claims, none[i]))
            fail_msg("found: %s", none[i]);
    }
}

/* An index has at most six digits, however many elements there are, and nothing but digits. */
static void long_arrays(void **state)
{
    static const uint8_t head[] = {0x81, 0xa1, 'l', 0xdd, 0x00, 0x0f, 0x42, 0x41}; /* 1,000,001 elements, of one byte each */
    static const char *const found[] = {"/l/0", "/l/9", "/l/10", "/l/100000", "/l/999999"};
    static const char *const none[] = {"/l/1000000", "/l/0000001", "/l/00", "/l/:", "/l/1-", "/l/1 ", "/l/a", "/l/4294967296", "/l/"};
    uint8_t *room = calloc(1, sizeof head + 1000001);
    struct claims claims;

    (void)state;
    assert_non_null(room);
    memcpy(room, head, sizeof head);
    claims_index(&claims, room, sizeof head + 1000001);
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        if (!points(&claims, found[i]))
            fail_msg("not found: %s", found[i]);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        if (points(&claims, none[i]))
            fail_msg("found: %s", none[i]);
    }
    free(room);
}

static bool is_b(const void *context, const char *at, size_t bytes)
{
    (void)context;
    return bytes == 1 && *at == 'b';
}

/* Claims that are no map have no names; where a value cannot be stepped over, what is in it is not looked at as if it stood beside it. */
static void claims_that_are_none(void **state)
{
    static const uint8_t array[] = {0x92, 0xa3, 'e', 'x', 'p', 1}, torn[] = {0x84, 0xa1, 'a', 0x94, 0xa1, 'b', 0xa1, 'b', 0xa1, 'b'},
                         list[] = {0x81, 0xa3, 'a', 'u', 'd', 0x93, 0x92, 0xa1, 'b'}, deep[] = {0x81, 0xa1, 'l', 0x92, 0x93, 0xa1, 'b', 0xa1, 'b'};
    struct wire_cursor value;
    struct claims claims;

    (void)state;
    claims_index(&claims, array, sizeof array);
    assert_false(claims_have(&claims, CLAIM_EXP) || claim_find(&claims, TEXT("exp"), &value) || claims_point(&claims, TEXT("/exp"), &value));
    claims_index(&claims, torn, sizeof torn);
    assert_false(claim_find(&claims, TEXT("b"), &value) || claims_point(&claims, TEXT("/b"), &value));
    claims_index(&claims, list, sizeof list);
    assert_false(any_text(claim_cursor(&claims, CLAIM_AUD), is_b, NULL));
    claims_index(&claims, deep, sizeof deep);
    assert_false(claims_point(&claims, TEXT("/l/1"), &value));
}

static void base64url(void **state)
{
    static const char text[] = "AAAAAAAAAAAAAAAAAAAA";
    static uint8_t room[64];
    size_t bytes;

    (void)state;
    for (size_t size = 0; size < sizeof text; size++)
        assert_int_equal(base64url_decode(at_edge(text, size), size, room, &bytes) == 0, size % 4 != 1);
}

/* Numbers of nothing but zeros, and a pattern of no characters. */
static void nothing_at_all(void **state)
{
    static const uint8_t zeros[300], ones[256] = {0xff, [255] = 1};

    (void)state;
    for (size_t size = 1; size <= sizeof zeros; size++) {
        const char *why = NULL;
        struct material modulus = {KEY_RSA, (const uint8_t *)at_edge(zeros, size), size, ones, 1};

        assert_null(key_admit(&modulus, ALG_NONE, NULL, 0, &why));
        struct material exponent = {KEY_RSA, ones, sizeof ones, (const uint8_t *)at_edge(zeros, size), size};

        assert_null(key_admit(&exponent, ALG_NONE, NULL, 0, &why));
    }
    assert_non_null(pattern_refuse((struct text){edge, 0}, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json),
        cmocka_unit_test(names_of_an_object_inside),
        cmocka_unit_test(utf8),
        cmocka_unit_test(resources),
        cmocka_unit_test(valid_pointers),
        cmocka_unit_test(pointers),
        cmocka_unit_test(long_arrays),
        cmocka_unit_test(claims_that_are_none),
        cmocka_unit_test(base64url),
        cmocka_unit_test(nothing_at_all),
    };

    return cmocka_run_group_tests(tests, make_edge, NULL);
}
