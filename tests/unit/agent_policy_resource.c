/* One spelling for each resource, and none for what servers read differently from each other. */
#include <stdlib.h>
#include <string.h>

#include "agent_policy.h"

/* "/a/b", or "bad". The text lies at the end of its memory, so that a sanitizer sees a read behind it. */
static const char *normal(const char *text, size_t bytes)
{
    static char out[RESOURCE_BYTES_MAX + RESOURCE_SEGMENTS_MAX + 2];
    static struct resource resource;
    char *copy = malloc(bytes + 1), *at = out;

    assert_non_null(copy);
    memcpy(copy + 1, text, bytes);
    int status = resource_normalize(copy + 1, bytes, (struct resource_reading){0}, &resource);

    assert_true(status == 0 || (resource.fault != NULL && resource.fault_at >= copy + 1 && resource.fault_at <= copy + 1 + bytes));
    free(copy);
    assert_true(status == 0 || status == -1);
    if (status < 0)
        return "bad";
    assert_true(resource.count <= RESOURCE_SEGMENTS_MAX);
    for (unsigned i = 0; i < resource.count; i++) {
        assert_true(resource.segments[i].bytes > 0 && memchr(resource.segments[i].at, '/', resource.segments[i].bytes) == NULL);
        *at++ = '/';
        memcpy(at, resource.segments[i].at, resource.segments[i].bytes);
        at += resource.segments[i].bytes;
    }
    if (at == out)
        *at++ = '/';
    *at = '\0';
    return out;
}

#define BECOMES(text, expected) assert_string_equal(normal(text, sizeof text - 1), expected)
#define IS_BAD(text) BECOMES(text, "bad")

static void what_is_normal_stays(void **state)
{
    (void)state;
    BECOMES("/", "/");
    BECOMES("/a", "/a");
    BECOMES("/orders/42/items", "/orders/42/items");
    BECOMES("/a.b/.c/d./...", "/a.b/.c/d./...");
    BECOMES("/..a/b..", "/..a/b..");
    BECOMES("/a b/~x/$&'()*+,=:@!", "/a b/~x/$&'()*+,=:@!");
    BECOMES("/{sub}/*/**", "/{sub}/*/**");
    BECOMES("/\xc3\xa4/\xe2\x82\xac/\xf0\x9f\x98\x80", "/\xc3\xa4/\xe2\x82\xac/\xf0\x9f\x98\x80");
}

static void one_trailing_slash_may_stay(void **state)
{
    (void)state;
    BECOMES("/a/", "/a");
    BECOMES("/a/b/", "/a/b");
    BECOMES("/a/?x", "/a");
    IS_BAD("/a//");
    IS_BAD("//");
    IS_BAD("/a//?x");
}

static void empty_segments_are_no_resource(void **state)
{
    (void)state;
    IS_BAD("//a");
    IS_BAD("/a//b");
    IS_BAD("///");
    IS_BAD("///a////b///");
    IS_BAD("/a//../b");
    IS_BAD("//example.com/a");
    IS_BAD("//products/admin/users");
}

static void dot_segments_are_no_resource(void **state)
{
    (void)state;
    IS_BAD("/.");
    IS_BAD("/./");
    IS_BAD("/./a");
    IS_BAD("/a/.");
    IS_BAD("/a/./b");
    IS_BAD("/..");
    IS_BAD("/../");
    IS_BAD("/../a");
    IS_BAD("/a/..");
    IS_BAD("/a/../");
    IS_BAD("/a/../b");
    IS_BAD("/a/..?x");
    IS_BAD("/admin/../products/7");
    IS_BAD("/%2e");
    IS_BAD("/%2E/a");
    IS_BAD("/%2e%2e/a");
    IS_BAD("/a/%2E%2e/b");
    IS_BAD("/a/.%2E/b");
    IS_BAD("/a/%2e./b");
    IS_BAD("/a/%2e");
    IS_BAD("/a/%2e%2e");
}

static void escapes_are_decoded_once(void **state)
{
    (void)state;
    BECOMES("/%61dmin", "/admin");
    BECOMES("/%41dmin", "/Admin");
    BECOMES("/%6a%6A%6B", "/jjk");
    BECOMES("/%c3%A4", "/\xc3\xa4");
    BECOMES("/\xc3%a4", "/\xc3\xa4");
    BECOMES("/a%20b", "/a b");
    BECOMES("/a+b", "/a+b");
    BECOMES("/%2a/%7bsub%7d", "/*/{sub}");
    BECOMES("/%3F%23", "/?#");
    BECOMES("/%25", "/%");
    BECOMES("/%252e%252e/a", "/%2e%2e/a");
    BECOMES("/a%252fb", "/a%2fb");
    BECOMES("/%253b", "/%3b");
}

static void the_query_is_cut(void **state)
{
    (void)state;
    BECOMES("/a?b=c", "/a");
    BECOMES("/a?b#c", "/a");
    BECOMES("/?", "/");
    BECOMES("/a/?x=/../..", "/a");
    BECOMES("/a?/../admin", "/a");
    BECOMES("/a?%zz;\\%2f", "/a");
    BECOMES("/a?%00", "/a");
}

static void a_fragment_is_no_resource(void **state)
{
    (void)state;
    IS_BAD("/#");
    IS_BAD("/a#b");
    IS_BAD("/a#b?c");
    IS_BAD("/products/x#/../../admin/secret.txt");
}

static void what_is_ambiguous_is_no_resource(void **state)
{
    (void)state;
    IS_BAD("/a%2fb");
    IS_BAD("/a%2Fb");
    IS_BAD("/%2f");
    IS_BAD("/orders%2f..%2fadmin");
    IS_BAD("/a\\b");
    IS_BAD("/\\");
    IS_BAD("/a%5cb");
    IS_BAD("/a%5Cb");
    IS_BAD("/..\\..\\admin");
    IS_BAD("/a;x");
    IS_BAD("/a;x=1/b");
    IS_BAD("/a/..;/b");
    IS_BAD("/;");
    IS_BAD("/a%3bx");
    IS_BAD("/a%3Bx");
}

static void controls_are_no_resource(void **state)
{
    char raw[] = "/a?b", escaped[] = "/a%00b", second[] = "/a\xc2\x80" "b";

    (void)state;
    for (int c = 0; c < 256; c++) {
        bool control = c < 0x20 || c == 0x7f;
        const char *digits = "0123456789abcdef";

        escaped[3] = digits[c >> 4];
        escaped[4] = digits[c & 15];
        bool fine = !control && c < 0x80 && c != '/' && c != '\\' && c != ';';

        assert_int_equal(strcmp(normal(escaped, 6), "bad") != 0, fine);
        raw[2] = (char)c;
        fine = (fine && c != '%' && c != '#') || c == '/';
        assert_int_equal(strcmp(normal(raw, 4), "bad") != 0, fine);
    }
    for (int c = 0x80; c < 0xc0; c++) { /* U+0080 to U+009F are controls, U+00A0 to U+00BF are not */
        second[3] = (char)c;
        assert_int_equal(strcmp(normal(second, 5), "bad") != 0, c >= 0xa0);
    }
    IS_BAD("/%C2%85");
    IS_BAD("/a\xc2\x85");
    IS_BAD("/\xc2\x9f/b");
    IS_BAD("/a\0");
    IS_BAD("/a%0a");
}

static void bad_escapes_are_no_resource(void **state)
{
    (void)state;
    IS_BAD("/%");
    IS_BAD("/%2");
    IS_BAD("/a%");
    IS_BAD("/a%4");
    IS_BAD("/%g1");
    IS_BAD("/%1g");
    IS_BAD("/%zz");
    IS_BAD("/%%41");
    IS_BAD("/% 1");
    IS_BAD("/%+1");
    IS_BAD("/%-1");
    IS_BAD("/%u0041");
    IS_BAD("/%4\x21");
    IS_BAD("/%@1");
    IS_BAD("/%1`");
    IS_BAD("/%4?1");
}

static void bytes_that_are_no_text_are_no_resource(void **state)
{
    (void)state;
    IS_BAD("/%c0%ae%c0%ae/admin"); /* overlong . */
    IS_BAD("/%c0%af");             /* overlong / */
    IS_BAD("/%e0%80%af");
    IS_BAD("/%f0%80%80%af");
    IS_BAD("/\xc0\x80");
    IS_BAD("/\xc1\xbf");
    IS_BAD("/\xe0\x9f\xbf");
    IS_BAD("/\xed\xa0\x80"); /* a surrogate */
    IS_BAD("/\xed\xbf\xbf");
    IS_BAD("/\xf4\x90\x80\x80");
    IS_BAD("/\xf5\x80\x80\x80");
    IS_BAD("/\xff");
    IS_BAD("/\x80");
    IS_BAD("/\xc3");
    IS_BAD("/\xc3/\xa4"); /* half a character in each segment */
    IS_BAD("/\xe2\x82");
    IS_BAD("/a\xf0\x9f\x98");
    BECOMES("/\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80\xc2\xa0",
            "/\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80\xc2\xa0");
}

static void what_is_not_absolute_is_no_resource(void **state)
{
    (void)state;
    IS_BAD("");
    IS_BAD("a");
    IS_BAD("a/b");
    IS_BAD("./a");
    IS_BAD("*");
    IS_BAD("?");
    IS_BAD(" /a");
    IS_BAD("%2fa");
    IS_BAD("\\a");
    IS_BAD("https://example.com/a");
}

static void limits_hold_at_the_byte(void **state)
{
    static char text[RESOURCE_BYTES_MAX + 2];

    (void)state;
    memset(text, 'a', sizeof text);
    text[0] = '/';
    assert_string_not_equal(normal(text, RESOURCE_BYTES_MAX), "bad");
    assert_string_equal(normal(text, RESOURCE_BYTES_MAX + 1), "bad");
    text[RESOURCE_BYTES_MAX] = '?'; /* a query is cut first, however long it is */
    assert_string_not_equal(normal(text, RESOURCE_BYTES_MAX + 1), "bad");
    text[5] = '?';
    assert_string_equal(normal(text, RESOURCE_BYTES_MAX + 1), "/aaaa");
    memset(text, '/', sizeof text);
    for (size_t i = 0; i <= RESOURCE_SEGMENTS_MAX; i++)
        text[2 * i + 1] = 'a';
    assert_string_not_equal(normal(text, 2 * RESOURCE_SEGMENTS_MAX), "bad");
    assert_string_not_equal(normal(text, 2 * RESOURCE_SEGMENTS_MAX + 1), "bad");
    assert_string_equal(normal(text, 2 * RESOURCE_SEGMENTS_MAX + 2), "bad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_normal_stays),
        cmocka_unit_test(one_trailing_slash_may_stay),
        cmocka_unit_test(empty_segments_are_no_resource),
        cmocka_unit_test(dot_segments_are_no_resource),
        cmocka_unit_test(escapes_are_decoded_once),
        cmocka_unit_test(the_query_is_cut),
        cmocka_unit_test(a_fragment_is_no_resource),
        cmocka_unit_test(what_is_ambiguous_is_no_resource),
        cmocka_unit_test(controls_are_no_resource),
        cmocka_unit_test(bad_escapes_are_no_resource),
        cmocka_unit_test(bytes_that_are_no_text_are_no_resource),
        cmocka_unit_test(what_is_not_absolute_is_no_resource),
        cmocka_unit_test(limits_hold_at_the_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
