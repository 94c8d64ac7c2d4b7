/* HTTP requests: where their parts are found, and the bounds to the byte. What is refused is in tests/lib/http_bad.py, which the
   fuzzer's corpus is made of too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/http/request.h"

static void assert_text(struct text text, const char *expected)
{
    assert_int_equal(text.bytes, strlen(expected));
    assert_memory_equal(text.at, expected, text.bytes);
}

static void parts(void **state)
{
    char bytes[] =
        "PATCH /a?b=c HTTP/1.1\r\nhost:x\r\nAUTHORIZATION:  \t Bearer a \t\r\nX-Forwarded-Method: GET\r\nX-Original-URI: /1\r\n"
        "x-original-uri: /2\r\nX_Original_URI: /3\r\nX-Original-Method:\r\nContent-Length: 3\r\n\r\nabcGET";
    struct http_request request;

    (void)state;
    http_request_begin(&request);
    assert_int_equal(http_request_read(&request, bytes, sizeof bytes - 1), HTTP_WHOLE);
    assert_int_equal(request.whole_bytes, sizeof bytes - 1 - 3);
    assert_true(request.keep_alive && !request.is_old);
    assert_text(http_text(request.method, bytes), "PATCH");
    assert_text(http_text(request.target, bytes), "/a?b=c");
    assert_text(http_text(request.body, bytes), "abc");
    assert_text(http_header(&request, bytes, HTTP_HOST), "x");
    assert_text(http_header(&request, bytes, HTTP_AUTHORIZATION_HEADER), "Bearer a");
    assert_text(http_header(&request, bytes, HTTP_FORWARDED_METHOD), "GET");
    assert_text(http_header(&request, bytes, HTTP_ORIGINAL_METHOD), "");
    assert_non_null(http_header(&request, bytes, HTTP_ORIGINAL_METHOD).at);
    assert_null(http_header(&request, bytes, HTTP_ORIGINAL_URI).at); /* twice */
    assert_int_equal(request.counts[HTTP_ORIGINAL_URI], 2);
    assert_null(http_header(&request, bytes, HTTP_CONTENT_TYPE).at);
}

static void chunks_are_moved_together(void **state)
{
    char bytes[] =
        "POST /verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n00B\r\nbcdefghijkl\r\n0\r\n\r\nGET ";
    struct http_request request;

    (void)state;
    for (size_t size = 1; size < sizeof bytes - 1 - 4; size++) {
        char some[sizeof bytes];

        memcpy(some, bytes, sizeof bytes);
        http_request_begin(&request);
        assert_int_equal(http_request_read(&request, some, size), HTTP_MORE);
        assert_int_equal(http_request_read(&request, some, sizeof bytes - 1), HTTP_WHOLE);
        assert_int_equal(request.whole_bytes, sizeof bytes - 1 - 4);
        assert_text(http_text(request.body, some), "abcdefghijkl");
        assert_memory_equal(some + request.whole_bytes, "GET ", 4);
    }
}

/* A head of exactly so many bytes. */
static char *head_of(size_t size)
{
    static const char start[] = "GET / HTTP/1.1\r\nHost: x\r\nA: ";
    char *bytes = malloc(size + 1);

    assert_non_null(bytes);
    memset(bytes, 'x', size);
    memcpy(bytes, start, sizeof start - 1);
    memcpy(bytes + size - 4, "\r\n\r\n", 5);
    return bytes;
}

static void largest_head(void **state)
{
    struct http_request request;
    char *bytes = head_of(HTTP_HEAD_BYTES_MAX), *larger = head_of(HTTP_HEAD_BYTES_MAX + 1);

    (void)state;
    http_request_begin(&request);
    assert_int_equal(http_request_read(&request, bytes, HTTP_HEAD_BYTES_MAX - 1), HTTP_MORE);
    assert_int_equal(http_request_read(&request, bytes, HTTP_HEAD_BYTES_MAX), HTTP_WHOLE);
    http_request_begin(&request);
    assert_int_equal(http_request_read(&request, larger, HTTP_HEAD_BYTES_MAX + 1), HTTP_BAD);
    assert_int_equal(request.status, 431);
    assert_int_equal(http_request_read(&request, larger, HTTP_HEAD_BYTES_MAX + 1), HTTP_BAD); /* and stays so */
    free(bytes);
    free(larger);
}

static unsigned read_body(size_t announced, const char *framing, size_t sent)
{
    struct http_request request;
    char *bytes = malloc(256 + sent);

    assert_non_null(bytes);
    int head = snprintf(bytes, 256, "POST / HTTP/1.1\r\nHost: x\r\n%s%zx\r\n", framing, announced);

    if (strstr(framing, "Length") != NULL)
        head = snprintf(bytes, 256, "POST / HTTP/1.1\r\nHost: x\r\n%s%zu\r\n\r\n", framing, announced);
    memset(bytes + head, 'x', sent);
    http_request_begin(&request);
    enum http_read status = http_request_read(&request, bytes, (size_t)head + sent);

    free(bytes);
    return status == HTTP_BAD ? request.status : status == HTTP_WHOLE ? 200 : 100;
}

static void largest_body(void **state)
{
    static const char chunked[] = "Transfer-Encoding: chunked\r\n\r\n", length[] = "Content-Length: ";

    (void)state;
    assert_int_equal(read_body(HTTP_BODY_BYTES_MAX, length, HTTP_BODY_BYTES_MAX), 200);
    assert_int_equal(read_body(HTTP_BODY_BYTES_MAX, length, HTTP_BODY_BYTES_MAX - 1), 100);
    assert_int_equal(read_body(HTTP_BODY_BYTES_MAX + 1, length, 0), 413);
    assert_int_equal(read_body(0, length, 0), 200);
    assert_int_equal(read_body(HTTP_BODY_BYTES_MAX, chunked, HTTP_BODY_BYTES_MAX - 10), 100);
    assert_int_equal(read_body(HTTP_BODY_BYTES_MAX, chunked, HTTP_BODY_BYTES_MAX), 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(chunks_are_moved_together),
        cmocka_unit_test(largest_head),
        cmocka_unit_test(largest_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
