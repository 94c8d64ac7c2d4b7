/* What goes into an HTTP answer: nothing of a token can end a header, or a quoted string in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http/answer.h"

static bool no_memory;

void *__real_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_realloc(void *memory, size_t size)
{
    return no_memory ? NULL : __real_realloc(memory, size);
}

static void assert_is(const struct http_out *out, const char *expected)
{
    assert_false(out->failed);
    assert_int_equal(out->bytes, strlen(expected));
    assert_memory_equal(out->start, expected, out->bytes);
}

static void escaped(void **state)
{
    static const struct {
        const char *text, *plain, *quoted;
    } values[] = {
        {"alice", "alice", "alice"},
        {"a,b c%d", "a%2Cb%20c%25d", "a%2Cb%20c%25d"},
        {"a\r\nX-User-Role: admin", "a%0D%0AX-User-Role:%20admin", "a%0D%0AX-User-Role:%20admin"},
        {"\"\\", "\"\\", "%22%5C"},
        {"\x01\x1f\x7f\x80\xff", "%01%1F%7F%80%FF", "%01%1F%7F%80%FF"},
        {"\xc3\xa4", "%C3%A4", "%C3%A4"},
        {"!#$&'()*+-./:;<=>?@[]^_`{|}~", "!#$&'()*+-./:;<=>?@[]^_`{|}~", "!#$&'()*+-./:;<=>?@[]^_`{|}~"},
        {",", "%2C", "%2C"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct http_out plain = {0}, quoted = {0};

        http_put_escaped(&plain, values[i].text, strlen(values[i].text), false);
        http_put_escaped(&quoted, values[i].text, strlen(values[i].text), true);
        assert_is(&plain, values[i].plain);
        assert_is(&quoted, values[i].quoted);
        http_out_free(&plain);
        http_out_free(&quoted);
    }
}

/* All 256 bytes come back, and no byte that could end anything goes out. */
static void every_byte(void **state)
{
    (void)state;
    for (int quoted = 0; quoted < 2; quoted++) {
        for (unsigned c = 0; c < 256; c++) {
            struct http_out out = {0};
            char byte = (char)c;

            http_put_escaped(&out, &byte, 1, quoted == 1);
            assert_true(out.bytes == 1 || out.bytes == 3);
            if (out.bytes == 3)
                assert_true(out.start[0] == '%' && strtoul((char[]){out.start[1], out.start[2], 0}, NULL, 16) == c);
            else
                assert_true(out.start[0] == byte && c > 0x20 && c < 0x7f && strchr(quoted ? ",%\"\\" : ",%", (int)c) == NULL);
            http_out_free(&out);
        }
    }
}

static void whole_answers(void **state)
{
    struct http_out out = {0};

    (void)state;
    http_put_status(&out, 401);
    http_put_header(&out, "WWW-Authenticate", "Bearer");
    http_put_body(&out, HTTP_KEEPS, "text/plain", (struct text){NULL, 0}, false);
    assert_is(&out, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n");
    out.bytes = 0;
    http_put_status(&out, 200);
    http_put_body(&out, HTTP_CLOSES, "application/json", (struct text){"{}", 2}, false);
    assert_is(&out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}");
    out.bytes = 0;
    http_put_status(&out, 0); /* nobody has decided */
    http_put_body(&out, HTTP_KEEPS_AS_OLD, "application/json", (struct text){"{}", 2}, true);
    assert_is(&out, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: "
                    "keep-alive\r\n\r\n");
    http_out_free(&out);
}

static void json_texts(void **state)
{
    struct http_out out = {0};

    (void)state;
    http_put_json_text(&out, "a\"\\\n\x7f\xc3\xa4", 7);
    assert_is(&out, "\"a\\u0022\\u005c\\u000a\\u007f\xc3\xa4\"");
    http_out_free(&out);
}

static void without_memory(void **state)
{
    struct http_out out = {0};
    char large[5000];

    (void)state;
    memset(large, 'x', sizeof large);
    http_put(&out, large, 1000);
    assert_int_equal(out.bytes, 1000);
    no_memory = true;
    http_put(&out, large, sizeof large);
    assert_true(out.failed && out.bytes == 1000);
    no_memory = false;
    http_put(&out, large, 1);
    assert_true(out.failed && out.bytes == 1000);
    http_out_free(&out);
    assert_true(out.start == NULL && !out.failed);
    http_put(&out, large, sizeof large);
    assert_true(!out.failed && out.bytes == sizeof large && memcmp(out.start, large, sizeof large) == 0);
    http_out_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escaped),    cmocka_unit_test(every_byte),     cmocka_unit_test(whole_answers),
        cmocka_unit_test(json_texts), cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
