/* Values of an answer: found by JSON pointer, and written as JSON. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "client/pointer.h"
#include "client/wire/json.h"
#include "client/wire/utf8.h"

static struct value *read_value(const char *bytes, size_t size)
{
    struct wire_cursor cursor = {(const uint8_t *)bytes, (const uint8_t *)bytes + size};
    struct value *value = NULL;

    assert_int_equal(value_read(cursor, &value), 0);
    return value;
}

#define READ(text) read_value(text, sizeof(text) - 1)

/* RFC 6901 section 5, as far as its document goes without JSON's escapes; "a" is an array of three. */
static const char document[] = "\x8a\xa3"
                               "foo\x92\xa3"
                               "bar\xa3"
                               "baz\xa0\x00\xa3"
                               "a/b\x01\xa3"
                               "c%d\x02\xa3"
                               "e^f\x03\xa3"
                               "g|h\x04\xa3"
                               "i\\j\x05\xa3"
                               "k\"l\x06\xa1 \x07\xa3"
                               "m~n\x08";

static void pointers_point_as_in_the_rfc(void **state)
{
    static const struct {
        const char *pointer;
        uint64_t number;
    } cases[] = {{"/", 0},     {"/a~1b", 1}, {"/c%d", 2}, {"/e^f", 3}, {"/g|h", 4},
                 {"/i\\j", 5}, {"/k\"l", 6}, {"/ ", 7},   {"/m~0n", 8}};
    struct value *root = read_value(document, sizeof document - 1);
    const struct value *found;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(pointer_find(root, cases[i].pointer, &found), 0);
        assert_int_equal(found->uint, cases[i].number);
    }
    assert_int_equal(pointer_find(root, "", &found), 0);
    assert_ptr_equal(found, root);
    assert_int_equal(pointer_find(root, "/foo/1", &found), 0);
    assert_string_equal(found->str, "baz");
    free(root);
}

static void pointers_to_nothing_find_nothing(void **state)
{
    static const char *const nothing[] = {"/foo/2",          "/foo/-",  "/foo/01", "/foo/00",  "/foo/",
                                          "/foo/+1",         "/foo/ 1", "/foo/1/", "/foo/0x1", "/foo/18446744073709551616",
                                          "/foo/4294967296", "/fo",     "/fooo",   "/foo/0/x", "//",
                                          "/a~01b"};
    static const char *const no_pointer[] = {"foo", "#/foo", "/foo/~", "/~2", "/nothing/~x"};
    struct value *root = read_value(document, sizeof document - 1);
    const struct value *found = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        assert_int_equal(pointer_find(root, nothing[i], &found), ASSAY_E_NO_CLAIM);
    for (size_t i = 0; i < sizeof no_pointer / sizeof no_pointer[0]; i++)
        assert_int_equal(pointer_find(root, no_pointer[i], &found), ASSAY_E_ARGUMENT);
    assert_null(found);
    free(root);
}

static void check_json(const char *bytes, size_t size, const char *expected)
{
    struct value *value = read_value(bytes, size);
    char *text = json_text(value);

    assert_string_equal(text, expected);
    free(text);
    free(value);
}

#define JSON(bytes, expected) check_json(bytes, sizeof(bytes) - 1, expected)

static void values_are_written_as_json(void **state)
{
    (void)state;
    JSON("\xc0", "null");
    JSON("\xc3", "true");
    JSON("\x90", "[]");
    JSON("\x80", "{}");
    JSON("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
    JSON("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    JSON("\x82\xa1"
         "a\x93\x01\x91\x02\x80\xa1"
         "b\x81\xa1"
         "c\xc2",
         "{\"a\":[1,[2],{}],\"b\":{\"c\":false}}");
}

static void strings_are_escaped(void **state)
{
    (void)state;
    JSON("\xa9\"\\/\b\f\n\r\t\x01", "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\"");
    JSON("\xa1\x7f", "\"\\u007f\"");
    JSON("\xa2\xc2\x9b", "\"\\u009b\""); /* CSI, which terminals obey */
    JSON("\xa6\xc3\xbc\xf0\x9f\x98\x80", "\"\xc3\xbc\xf0\x9f\x98\x80\"");
}

static void doubles_come_back_the_same_in_every_locale(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        JSON("\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1");
        JSON("\xcb\xbf\xf8\x00\x00\x00\x00\x00\x00", "-1.5");
        JSON("\xcb\x3f\xd5\x55\x55\x55\x55\x55\x55", "0.3333333333333333");
        JSON("\xcb\x7f\xef\xff\xff\xff\xff\xff\xff", "1.7976931348623157e+308");
        JSON("\xca\x3f\x00\x00\x00", "0.5");
        JSON("\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00", "null");
        if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL)
            break;
    }
    setlocale(LC_NUMERIC, "C");
}

static void only_utf8_is_text(void **state)
{
    static const char *const bad[] = {"\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x9f\xbf",
                                      "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xc3",         "\xe2\x82",         "\xf0\x9f\x98",     "\xc3("};
    static const char *const good[] = {
        "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(utf8_sequence(bad[i], strlen(bad[i])), 0);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(utf8_sequence(good[i], strlen(good[i])), strlen(good[i]));
    assert_int_equal(utf8_sequence("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_point_as_in_the_rfc),
        cmocka_unit_test(pointers_to_nothing_find_nothing),
        cmocka_unit_test(values_are_written_as_json),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(doubles_come_back_the_same_in_every_locale),
        cmocka_unit_test(only_utf8_is_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
