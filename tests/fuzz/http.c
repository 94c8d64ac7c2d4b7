/* Bytes of any gateway, or of whoever found the socket, through the agent's reader of HTTP requests: in pieces it reads what it
   reads in one; what it calls a request is one to a second reader, written here line by line as RFC 9112 says it, with the same
   headers and the same end; and no request has a line that two readers could end differently. The first byte says how large the
   pieces are. */
#include <strings.h>

#include "agent/base/limits.h"
#include "agent/http/request.h"
#include "tests/fuzz/target.h"

static const char *const names[HTTP_NAMES] = {
    "Host",           "Content-Length",     "Transfer-Encoding", "Expect",      "Authorization", "X-Original-Method",
    "X-Original-URI", "X-Forwarded-Method", "X-Forwarded-Uri",   "Content-Type", "traceparent"};

/* What the second reader has found. */
struct second {
    unsigned counts[HTTP_NAMES];
    struct text values[HTTP_NAMES];
};

static bool is_control(char c)
{
    unsigned char byte = (unsigned char)c;

    return (byte < ' ' && byte != '\t') || byte == 0x7f;
}

/* A header that neither the agent nor llhttp reads may have any character but these three. */
static bool is_read(const char *at, size_t bytes)
{
    static const char *const others[] = {"Connection", "Proxy-Connection", "Upgrade"};
    bool found = false;

    for (int i = 0; i < HTTP_NAMES; i++)
        found = found || (strlen(names[i]) == bytes && strncasecmp(names[i], at, bytes) == 0);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        found = found || (strlen(others[i]) == bytes && strncasecmp(others[i], at, bytes) == 0);
    return found;
}

static const char *line_end(const char *at, const char *end, bool is_header)
{
    const char *cr = memchr(at, '\r', (size_t)(end - at)), *colon = is_header ? memchr(at, ':', (size_t)(end - at)) : NULL;
    bool strict = true;

    CHECK(cr != NULL && cr + 1 < end && cr[1] == '\n');
    for (const char *c = at; c < cr; c++) {
        strict = strict && (colon == NULL || c <= colon || is_read(at, (size_t)(colon - at)));
        CHECK(!is_control(*c) || (!strict && *c != '\0' && *c != '\n'));
    }
    return cr;
}

static struct text trim(const char *at, const char *end)
{
    for (; at < end && (*at == ' ' || *at == '\t'); at++)
        ;
    for (; end > at && (end[-1] == ' ' || end[-1] == '\t'); end--)
        ;
    return (struct text){at, (size_t)(end - at)};
}

static void read_line(struct second *second, const char *at, const char *end)
{
    const char *colon = memchr(at, ':', (size_t)(end - at));

    CHECK(colon != NULL && colon > at && *at != ' ' && *at != '\t' && colon[-1] != ' ' && colon[-1] != '\t');
    for (int i = 0; i < HTTP_NAMES; i++) {
        if (strlen(names[i]) == (size_t)(colon - at) && strncasecmp(names[i], at, strlen(names[i])) == 0) {
            second->counts[i]++;
            second->values[i] = trim(colon + 1, end);
        }
    }
}

static size_t read_head(struct second *second, const char *bytes, size_t size)
{
    const char *end = bytes + size, *cr = line_end(bytes, end, false);
    unsigned spaces = 0;

    for (const char *c = bytes; c < cr; c++)
        spaces += *c == ' ';
    CHECK(spaces == 2 && cr - bytes > 9 && (memcmp(cr - 9, " HTTP/1.1", 9) == 0 || memcmp(cr - 9, " HTTP/1.0", 9) == 0));
    for (const char *at = cr + 2;; at = cr + 2) {
        cr = line_end(at, end, true);
        if (cr == at)
            return (size_t)(cr + 2 - bytes);
        read_line(second, at, cr);
    }
}

static size_t number(struct text text, unsigned base)
{
    char digits[24] = "", *end;

    for (; text.bytes > 1 && *text.at == '0'; text.at++, text.bytes--)
        ;
    CHECK(text.bytes > 0 && text.bytes < sizeof digits);
    memcpy(digits, text.at, text.bytes);
    CHECK(strspn(digits, base == 10 ? "0123456789" : "0123456789abcdefABCDEF") == text.bytes);
    size_t value = strtoul(digits, &end, (int)base);

    CHECK(*end == '\0');
    return value;
}

/* The chunks, one after the other; their end is the request's. */
static void read_chunks(const char *at, const char *end, const char *body, size_t body_bytes)
{
    size_t done = 0, length;

    do {
        const char *cr = line_end(at, end, false);

        length = number((struct text){at, (size_t)(cr - at)}, 16);
        at = cr + 2;
        CHECK(length <= (size_t)(end - at) && done + length <= body_bytes && memcmp(body + done, at, length) == 0);
        at += length;
        done += length;
        CHECK(end - at >= 2 && at[0] == '\r' && at[1] == '\n');
        at += 2;
    } while (length > 0);
    CHECK(at == end && done == body_bytes);
}

static void compare(const struct http_request *request, const char *bytes, const char *original)
{
    struct second second = {0};
    size_t head = read_head(&second, original, request->whole_bytes);
    const char *body = bytes + request->body.at;

    CHECK(head == request->head_bytes && head <= HTTP_HEAD_BYTES_MAX && request->body.bytes <= HTTP_BODY_BYTES_MAX);
    for (size_t i = 0; i < head; i++)
        CHECK(bytes[i] == original[i] || (bytes[i] == '?' && is_control(original[i])));
    for (int i = 0; i < HTTP_NAMES; i++) {
        struct text value = http_header(request, bytes, (enum http_name)i);

        CHECK((second.counts[i] > UINT8_MAX ? UINT8_MAX : second.counts[i]) == request->counts[i]);
        CHECK((value.at != NULL) == (second.counts[i] == 1));
        if (value.at != NULL)
            CHECK(value.bytes == second.values[i].bytes && memcmp(value.at, second.values[i].at, value.bytes) == 0);
    }
    CHECK(second.counts[HTTP_CONTENT_LENGTH] + second.counts[HTTP_TRANSFER_ENCODING] <= 1 && second.counts[HTTP_HOST] <= 1 &&
          second.counts[HTTP_AUTHORIZATION_HEADER] <= 1);
    struct text method = http_text(request->method, bytes), target = http_text(request->target, bytes);

    CHECK(method.bytes > 0 && method.at == bytes && target.at == bytes + method.bytes + 1 && *target.at == '/');
    CHECK(bytes[method.bytes] == ' ' && target.at[target.bytes] == ' ');
    if (second.counts[HTTP_TRANSFER_ENCODING] == 1) {
        read_chunks(original + head, original + request->whole_bytes, body, request->body.bytes);
        return;
    }
    CHECK(request->body.bytes == (second.counts[HTTP_CONTENT_LENGTH] == 1 ? number(second.values[HTTP_CONTENT_LENGTH], 10) : 0));
    CHECK(request->whole_bytes == head + request->body.bytes && memcmp(body, original + head, request->body.bytes) == 0);
}

/* In pieces, each time in memory of its own that ends where they do. Returns the outcome, and the bytes as they are then. */
static enum http_read read_pieces(struct http_request *request, const char *data, size_t size, size_t piece, char **ret)
{
    enum http_read status = HTTP_MORE;
    char *bytes = exactly((const uint8_t *)data, 0);

    http_request_begin(request);
    for (size_t had = 0; had < size && status == HTTP_MORE;) {
        size_t now = size - had < piece ? size : had + piece;
        char *more = malloc(now);

        CHECK(more != NULL);
        memcpy(more, bytes, had);
        memcpy(more + had, data + had, now - had);
        free(bytes);
        bytes = more;
        status = http_request_read(request, bytes, now);
        had = now;
    }
    *ret = bytes;
    return status;
}

static size_t read_one(const char *data, size_t size, size_t piece)
{
    struct http_request at_once, in_pieces;
    char *bytes, *others;
    enum http_read status = read_pieces(&at_once, data, size, size, &bytes);
    enum http_read again = read_pieces(&in_pieces, data, size, piece, &others);

    CHECK(status == again);
    if (status == HTTP_BAD)
        CHECK(at_once.status >= 400 && at_once.status < 600 && at_once.why != NULL && in_pieces.status >= 400);
    if (status == HTTP_WHOLE) {
        CHECK(at_once.whole_bytes == in_pieces.whole_bytes && at_once.whole_bytes <= size &&
              at_once.keep_alive == in_pieces.keep_alive);
        CHECK(at_once.body.bytes == in_pieces.body.bytes && memcmp(bytes, others, at_once.body.at + at_once.body.bytes) == 0);
        compare(&at_once, bytes, data);
        compare(&in_pieces, others, data);
    }
    size_t done = status == HTTP_WHOLE ? at_once.whole_bytes : size;

    free(bytes);
    free(others);
    return done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *bytes = exactly(data + 1, size - 1);
    size_t piece = 1 + *data;

    if (size > 4096 && piece < size / 64) /* each piece is copied with all before it */
        piece = size / 64;
    for (size_t at = 0; at < size - 1;)
        at += read_one(bytes + at, size - 1 - at, piece);
    free(bytes);
    return 0;
}
