/* The strict JSON of tokens: what is one object to the letter, and what it becomes on the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/token/json.h"

#define ROOM 65536

static uint8_t room[ROOM];

/* The bytes it became; 0: refused. */
static size_t convert_bytes(const char *text, size_t size, unsigned depth)
{
    struct wire_writer writer;
    char *copy = malloc(size + 1); /* so that a sanitizer sees a read behind the end */

    assert_non_null(copy);
    memcpy(copy, text, size);
    wire_writer_init(&writer, room, WIRE_BYTES_OF_JSON(size) < ROOM ? WIRE_BYTES_OF_JSON(size) : ROOM);
    int status = json_to_wire(copy, size, depth, &writer);

    free(copy);
    assert_true(status == 0 || status == -1);
    return status == 0 ? wire_written(&writer) : 0;
}

static size_t convert(const char *text)
{
    return convert_bytes(text, strlen(text), 16);
}

#define BECOMES(text, bytes) \
    do { \
        assert_int_equal(convert(text), sizeof bytes - 1); \
        assert_memory_equal(room, bytes, sizeof bytes - 1); \
    } while (0)

static void values_become_the_same_values(void **state)
{
    (void)state;
    BECOMES("{}", "\x80");
    BECOMES(" \t\r\n{ } \n", "\x80");
    BECOMES("{\"a\":null}", "\x81\xa1" "a\xc0");
    BECOMES("{\"a\":true,\"b\":false}", "\x82\xa1" "a\xc3\xa1" "b\xc2");
    BECOMES("{\"a\":\"\"}", "\x81\xa1" "a\xa0");
    BECOMES("{\"a\":[1,[2],{}]}", "\x81\xa1" "a\x93\x01\x91\x02\x80");
    BECOMES("{\"\":0}", "\x81\xa0\x00");
    BECOMES("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}", "\x81\xa1" "a\xa9\"\\/\b\f\n\r\tA");
    BECOMES("{\"a\":\"\\u00e4\\u20ac\\ud83d\\ude00\"}", "\x81\xa1" "a\xa9\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    BECOMES("{\"\xc3\xa4\":1}", "\x81\xa2\xc3\xa4\x01");
}

static void numbers_keep_their_value(void **state)
{
    (void)state;
    BECOMES("{\"a\":127}", "\x81\xa1" "a\x7f");
    BECOMES("{\"a\":128}", "\x81\xa1" "a\xcc\x80");
    BECOMES("{\"a\":-1}", "\x81\xa1" "a\xff");
    BECOMES("{\"a\":-33}", "\x81\xa1" "a\xd0\xdf");
    BECOMES("{\"a\":18446744073709551615}", "\x81\xa1" "a\xcf\xff\xff\xff\xff\xff\xff\xff\xff");
    BECOMES("{\"a\":18446744073709551616}", "\x81\xa1" "a\xcb\x43\xf0\x00\x00\x00\x00\x00\x00");
    BECOMES("{\"a\":-9223372036854775807}", "\x81\xa1" "a\xd3\x80\x00\x00\x00\x00\x00\x00\x01");
    BECOMES("{\"a\":0.5}", "\x81\xa1" "a\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00");
    assert_true(convert("{\"a\":1.7976931348623157e308}") > 0);
    assert_true(convert("{\"a\":5e-324}") > 0);
    assert_true(convert("{\"a\":1e-99999}") > 0); /* near enough to zero */
    assert_true(convert("{\"a\":-0}") > 0);
    assert_int_equal(convert("{\"a\":1e309}"), 0);
    assert_int_equal(convert("{\"a\":-1e309}"), 0);
    assert_int_equal(convert("{\"a\":1e99999999999999999999}"), 0);
}

static void what_is_no_json(void **state)
{
    static const char *const bad[] = {
        "", " ", "null", "1", "\"a\"", "[]", "[{}]", "{", "}", "{}}", "{}{}", "{} x", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}",
        "{a:1}", "{'a':1}", "{\"a\":1;}", "{\"a\":01}", "{\"a\":+1}", "{\"a\":.5}", "{\"a\":5.}", "{\"a\":-}", "{\"a\":1e}", "{\"a\":1e+}", "{\"a\":0x1}",
        "{\"a\":NaN}", "{\"a\":Infinity}", "{\"a\":-Infinity}", "{\"a\":nul}", "{\"a\":nulll}", "{\"a\":True}", "{\"a\":tru", "{\"a\":[}", "{\"a\":[1,]}",
        "{\"a\":[1 2]}", "{\"a\":[1}", "{\"a\":\"}", "{\"a\":\"\t\"}", "{\"a\":\"\n\"}", "{\"a\":\"\\x41\"}", "{\"a\":\"\\u12\"}", "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\\"}", "{/**/}", "{} //", "\xef\xbb\xbf{}", "\v{}", "{}\xc2\xa0", "{\"a\":1\f}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (convert(bad[i]) != 0)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void what_is_no_text(void **state)
{
    static const char *const bad[] = {
        "\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe", "\xf0\x9f\x98",
        "\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud800x", "\\ud800\\n", "\\udc00\\ud800", "\\u0000", "\\ud83d\\u0041",
    };
    static const char *const good[] = {"\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
                                       "\xf4\x8f\xbf\xbf", "\\udbff\\udfff", "\\ufffe", "\x7f", "\\u0001"};
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text, sizeof text, "{\"a\":\"%s\"}", bad[i]);
        if (convert(text) != 0)
            fail_msg("accepted as a value: number %zu", i);
        snprintf(text, sizeof text, "{\"%s\":1}", bad[i]);
        if (convert(text) != 0)
            fail_msg("accepted as a name: number %zu", i);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(text, sizeof text, "{\"%s\":\"%s\"}", good[i], good[i]);
        if (convert(text) == 0)
            fail_msg("refused: number %zu", i);
    }
    assert_int_equal(convert_bytes("{\"a\":\"\0\"}", 9, 16), 0);
    assert_int_equal(convert_bytes("{}\0", 3, 16), 0);
    assert_int_equal(convert_bytes("{\"a\":1\0}", 8, 16), 0);
}

static void no_name_twice(void **state)
{
    (void)state;
    assert_int_equal(convert("{\"a\":1,\"a\":1}"), 0);
    assert_int_equal(convert("{\"a\":1,\"\\u0061\":1}"), 0);
    assert_int_equal(convert("{\"\":1,\"\":1}"), 0);
    assert_int_equal(convert("{\"x\":{\"a\":1,\"b\":{},\"a\":1}}"), 0);
    assert_int_equal(convert("{\"x\":[{\"a\":1},{\"b\":1,\"b\":2}]}"), 0);
    assert_true(convert("{\"a\":{\"a\":{\"a\":1}},\"A\":1,\"b\":[{\"a\":1},{\"a\":1}],\"aa\":1}") > 0);
}

/* The same in objects of every size, whichever two of the names are the same: pairs below 17 members, sorted above. */
static void no_name_twice_among_many(void **state)
{
    static char text[65536];

    (void)state;
    for (unsigned count = 2; count <= 40; count++) {
        for (unsigned twin = 0; twin <= count; twin++) {
            size_t size = (size_t)snprintf(text, sizeof text, "{\"o\":{\"inner\":[{\"m0\":0}],");

            for (unsigned i = 0; i < count; i++)
                size += (size_t)snprintf(text + size, sizeof text - size, "\"m%u\":{\"m0\":%u},", i + 1 == count && twin < count ? twin : i, i);
            snprintf(text + size - 1, sizeof text - size + 1, "},\"m0\":0}");
            bool twice = twin + 1 < count;

            assert_int_equal(convert(text) > 0, !twice);
        }
    }
}

static void a_thousand_members(void **state)
{
    static char text[65536];
    struct wire_cursor cursor;
    struct wire_item item;

    (void)state;
    for (int twice = 0; twice < 2; twice++) {
        size_t size = 1;

        text[0] = '{';
        for (unsigned i = 0; i < 1000; i++)
            size += (size_t)snprintf(text + size, sizeof text - size, "\"%x\":%u,", i * 2654435761U, i);
        snprintf(text + size, sizeof text - size, "\"%s\":1}", twice ? "9e3779b1" : "last");
        assert_int_equal(convert(text) > 0, !twice);
        if (!twice) {
            cursor = (struct wire_cursor){room, room + ROOM};
            assert_int_equal(wire_next(&cursor, &item), WIRE_OK);
            assert_int_equal(item.type, WIRE_MAP);
            assert_int_equal(item.count, 1001);
        }
    }
}

static void counts_of_every_width(void **state)
{
    static char text[ROOM];
    static const unsigned counts[] = {0, 1, 15, 16, 17, 255, 256, 5000};

    (void)state;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t size = (size_t)snprintf(text, sizeof text, "{\"a\":[");

        for (unsigned i = 0; i < counts[c]; i++)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s{}", i > 0 ? "," : "");
        snprintf(text + size, sizeof text - size, "],\"b\":7}");
        size_t bytes = convert(text);
        struct wire_cursor cursor = {room, room + bytes}, value;
        struct wire_item item;

        assert_true(bytes > 0);
        assert_true(wire_find(cursor, "a", &value));
        assert_int_equal(wire_next(&value, &item), WIRE_OK);
        assert_int_equal(item.type, WIRE_ARRAY);
        assert_int_equal(item.count, counts[c]);
        assert_true(wire_find(cursor, "b", &value));
        assert_int_equal(wire_next(&value, &item), WIRE_OK);
        assert_int_equal(item.uint, 7);
        assert_int_equal(wire_skip(&cursor), WIRE_OK);
        assert_ptr_equal(cursor.at, cursor.end);
    }
}

/* `count` levels: objects and arrays in turn. */
static size_t nested(unsigned count, unsigned depth)
{
    char text[512] = "";

    for (unsigned i = 0; i < count; i++)
        strcat(text, i % 2 == 0 ? "{\"a\":" : "[");
    strcat(text, "1");
    for (unsigned i = count; i-- > 0;)
        strcat(text, i % 2 == 0 ? "}" : "]");
    return convert_bytes(text, strlen(text), depth);
}

static void depth_at_and_above_the_limit(void **state)
{
    (void)state;
    for (unsigned depth = 1; depth <= 16; depth++) {
        assert_true(nested(depth, depth) > 0);
        assert_int_equal(nested(depth + 1, depth), 0);
    }
    /* Beside each other is not inside each other. */
    static const char flat[] = "{\"a\":{},\"b\":{},\"c\":[],\"d\":[]}";

    assert_true(convert_bytes(flat, sizeof flat - 1, 2) > 0);
}

static void no_room_is_no_answer(void **state)
{
    static const char text[] = "{\"alpha\":[1,2,3,\"four\"],\"beta\":{\"c\":1.5}}";
    struct wire_writer writer;
    size_t whole = convert(text);

    (void)state;
    assert_true(whole > 0);
    for (size_t size = 0; size < whole; size++) {
        uint8_t *small = malloc(size > 0 ? size : 1);

        assert_non_null(small);
        wire_writer_init(&writer, small, size);
        assert_int_equal(json_to_wire(text, sizeof text - 1, 16, &writer), -1);
        free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_the_same_values),
        cmocka_unit_test(numbers_keep_their_value),
        cmocka_unit_test(what_is_no_json),
        cmocka_unit_test(what_is_no_text),
        cmocka_unit_test(no_name_twice),
        cmocka_unit_test(no_name_twice_among_many),
        cmocka_unit_test(a_thousand_members),
        cmocka_unit_test(counts_of_every_width),
        cmocka_unit_test(depth_at_and_above_the_limit),
        cmocka_unit_test(no_room_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
