#include "request.h"

#include <string.h>
#include <strings.h>

#include "agent/base/limits.h"

static const char *const names[HTTP_NAMES] = {
    [HTTP_HOST] = "Host",
    [HTTP_CONTENT_LENGTH] = "Content-Length",
    [HTTP_TRANSFER_ENCODING] = "Transfer-Encoding",
    [HTTP_EXPECT] = "Expect",
    [HTTP_AUTHORIZATION_HEADER] = "Authorization",
    [HTTP_ORIGINAL_METHOD] = "X-Original-Method",
    [HTTP_ORIGINAL_URI] = "X-Original-URI",
    [HTTP_FORWARDED_METHOD] = "X-Forwarded-Method",
    [HTTP_FORWARDED_URI] = "X-Forwarded-Uri",
    [HTTP_CONTENT_TYPE] = "Content-Type",
    [HTTP_TRACEPARENT] = "traceparent",
};

struct text http_text(struct http_span span, const char *bytes)
{
    return (struct text){bytes + span.at, span.bytes};
}

struct text http_header(const struct http_request *request, const char *bytes, enum http_name name)
{
    struct text value = http_text(request->values[name], bytes);

    if (request->counts[name] != 1)
        return (struct text){NULL, 0};
    for (; value.bytes > 0 && (value.at[value.bytes - 1] == ' ' || value.at[value.bytes - 1] == '\t'); value.bytes--)
        ;
    return value;
}

static enum http_read refuse(struct http_request *request, unsigned status, const char *why)
{
    request->status = status;
    request->why = why;
    return HTTP_BAD;
}

/* RFC 9110 section 5.6.2 */
static bool is_token_char(unsigned char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* What llhttp's callbacks need: the request, and the bytes that positions are relative to. */
struct glue {
    struct http_request *request;
    char *bytes;
};

static int extend(struct glue *glue, struct http_span *span, const char *at, size_t bytes)
{
    if (span->bytes == 0)
        span->at = (uint32_t)(at - glue->bytes);
    else if (glue->bytes + span->at + span->bytes != at)
        return -1; /* in two pieces: impossible in a head that is read as a whole */
    span->bytes += (uint32_t)bytes;
    return 0;
}

static int on_target(llhttp_t *parser, const char *at, size_t bytes)
{
    struct glue *glue = parser->data;

    return extend(glue, &glue->request->target, at, bytes);
}

static int on_name(llhttp_t *parser, const char *at, size_t bytes)
{
    struct glue *glue = parser->data;

    if (glue->request->head_bytes < (size_t)(at - glue->bytes))
        return -1; /* a trailer: a reader that takes it for a header would understand the request differently */
    return extend(glue, &glue->request->name, at, bytes);
}

static int on_name_end(llhttp_t *parser)
{
    struct glue *glue = parser->data;
    struct http_request *request = glue->request;

    request->reading = -1;
    for (int i = 0; i < HTTP_NAMES; i++) {
        if (strlen(names[i]) == request->name.bytes &&
            strncasecmp(names[i], glue->bytes + request->name.at, request->name.bytes) == 0)
            request->reading = i;
    }
    request->name = (struct http_span){0, 0};
    if (request->reading >= 0 && request->counts[request->reading] < UINT8_MAX)
        request->counts[request->reading]++;
    if (request->reading >= 0)
        request->values[request->reading] = (struct http_span){0, 0};
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t bytes)
{
    struct glue *glue = parser->data;

    return glue->request->reading < 0 ? 0 : extend(glue, &glue->request->values[glue->request->reading], at, bytes);
}

/* If a client wants to change to another protocol behind the gateway, the request is treated like all others here. */
static int on_head_end(llhttp_t *parser)
{
    parser->upgrade = 0;
    return 0;
}

static int on_body(llhttp_t *parser, const char *at, size_t bytes)
{
    struct glue *glue = parser->data;
    struct http_span *body = &glue->request->body;

    memmove(glue->bytes + body->at + body->bytes, at, bytes);
    body->bytes += (uint32_t)bytes;
    return 0;
}

static int on_extension(llhttp_t *parser, const char *at, size_t bytes)
{
    (void)parser;
    (void)at;
    (void)bytes;
    return -1;
}

static int on_end(llhttp_t *parser)
{
    struct glue *glue = parser->data;

    glue->request->keep_alive = llhttp_should_keep_alive(parser) != 0;
    glue->request->is_whole = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_target,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_end,
    .on_header_value = on_value,
    .on_headers_complete = on_head_end,
    .on_body = on_body,
    .on_chunk_extension_name = on_extension,
    .on_message_complete = on_end,
};

void http_request_begin(struct http_request *request)
{
    memset(request, 0, sizeof *request);
    llhttp_init(&request->parser, HTTP_REQUEST, &settings);
    request->line_is_empty = true;
    request->reading = -1;
}

/* Which byte may come next in a head. Stricter than llhttp, which lets some lines end without a CR. */
static bool step(struct http_request *request, unsigned char c)
{
    bool first = request->line_is_empty;

    request->line_is_empty = false;
    switch (request->place) {
    case HTTP_START: /* the method; then two more words, which llhttp checks */
        request->place = c == ' ' ? HTTP_TARGET : HTTP_START;
        request->line_is_empty = c == ' ';
        return is_token_char(c) || (c == ' ' && !first);
    case HTTP_TARGET:
        request->place = c == ' ' ? HTTP_VERSION : HTTP_TARGET;
        return (c > ' ' && c != 0x7f) || (c == ' ' && !first);
    case HTTP_VERSION:
        request->place = c == '\r' ? HTTP_CR : HTTP_VERSION;
        return c == '\r' || (c > ' ' && c < 0x7f);
    case HTTP_NAME:
        request->place = c == ':' ? HTTP_VALUE : c == '\r' ? HTTP_LF : HTTP_NAME;
        return is_token_char(c) || (c == ':' && !first) || (c == '\r' && first);
    case HTTP_VALUE:
        request->place = c == '\r' ? HTTP_CR : HTTP_VALUE;
        return c == '\r' || c == '\t' || (c >= ' ' && c != 0x7f);
    case HTTP_CR:
        request->place = HTTP_NAME;
        request->line_is_empty = true;
        return c == '\n';
    case HTTP_LF:
        return c == '\n';
    }
    return false;
}

/* Is it a header that neither the agent nor llhttp uses? */
static bool is_unread(const char *name, size_t bytes)
{
    static const char *const others[] = {"Connection", "Proxy-Connection", "Upgrade"};

    for (int i = 0; i < HTTP_NAMES; i++) {
        if (strlen(names[i]) == bytes && strncasecmp(names[i], name, bytes) == 0)
            return false;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (strlen(others[i]) == bytes && strncasecmp(others[i], name, bytes) == 0)
            return false;
    }
    return true;
}

/* The decision does not depend on unused headers: gateways pass on all headers of a request, and some cookies contain a control character. llhttp
   would refuse it, so it gets another byte in its place. */
static void note_header(struct http_request *request, char *bytes)
{
    char *at = bytes + request->seen;

    if (request->place == HTTP_NAME && request->line_is_empty)
        request->name_at = request->seen;
    if (request->place == HTTP_NAME && *at == ':')
        request->is_unread = is_unread(bytes + request->name_at, request->seen - request->name_at);
    if (request->place == HTTP_VALUE && request->is_unread && *at != '\0' && *at != '\r' && *at != '\n' && *at != '\t' &&
        ((unsigned char)*at < ' ' || *at == 0x7f))
        *at = '?';
}

/* Searches for the head's end. */
static enum http_read look(struct http_request *request, char *bytes, size_t size)
{
    while (request->seen < size && request->seen < HTTP_HEAD_BYTES_MAX) {
        bool at_end = request->place == HTTP_LF;

        note_header(request, bytes);

        if (!step(request, (unsigned char)bytes[request->seen]))
            return refuse(request, 400,
                          "the request's head is not valid HTTP/1.1: a character or a line end is not allowed there");
        request->seen++;
        if (at_end) {
            request->head_bytes = request->seen;
            return HTTP_WHOLE;
        }
    }
    if (request->seen == HTTP_HEAD_BYTES_MAX)
        return refuse(request, 431, "the request's head is too large");
    return HTTP_MORE;
}

static bool is_number(struct text text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
    }
    return text.bytes > 0 && text.bytes < 19;
}

/* Checks that the body's length is given once and in one way. */
static enum http_read check_length(struct http_request *request, const char *bytes)
{
    const uint8_t *counts = request->counts;
    struct text coding = http_header(request, bytes, HTTP_TRANSFER_ENCODING);

    if (counts[HTTP_CONTENT_LENGTH] + counts[HTTP_TRANSFER_ENCODING] > 1)
        return refuse(request, 400, "Content-Length or Transfer-Encoding is given twice, or both are given");
    if (counts[HTTP_CONTENT_LENGTH] == 1 && !is_number(http_header(request, bytes, HTTP_CONTENT_LENGTH)))
        return refuse(request, 400, "Content-Length is not a number");
    if (coding.at != NULL && (request->is_old || coding.bytes != 7 || strncasecmp(coding.at, "chunked", 7) != 0))
        return refuse(request, 400, "the only supported Transfer-Encoding is chunked, and only in HTTP/1.1");
    if (counts[HTTP_CONTENT_LENGTH] == 1 && request->parser.content_length > HTTP_BODY_BYTES_MAX)
        return refuse(request, 413, "the request's body is too large");
    request->length = counts[HTTP_CONTENT_LENGTH] == 1 ? (uint32_t)request->parser.content_length : 0;
    if (counts[HTTP_EXPECT] > 0 &&
        (request->length > 0 || coding.at != NULL)) /* gateways pass the header on without the body that it describes */
        return refuse(request, 417, "Expect is not supported; send the body at once");
    return HTTP_WHOLE;
}

static enum http_read check_head(struct http_request *request, const char *bytes)
{
    if (request->parser.http_major != 1 || request->parser.http_minor > 1)
        return refuse(request, 505, "only HTTP/1.1 and HTTP/1.0 are supported");
    request->is_old = request->parser.http_minor == 0;
    if (request->parser.method == HTTP_CONNECT || request->target.bytes == 0 || bytes[request->target.at] != '/')
        return refuse(request, 400, "the request's target is not a path");
    if (request->counts[HTTP_HOST] > 1 || (request->counts[HTTP_HOST] == 0 && !request->is_old))
        return refuse(request, 400, "Host is missing, or given twice");
    if (request->counts[HTTP_AUTHORIZATION_HEADER] > 1)
        return refuse(request, 400, "Authorization is given twice");
    return check_length(request, bytes);
}

/* Has llhttp read as far as it should? It stops where a request ends. */
static enum http_read feed(struct http_request *request, char *bytes, size_t from, size_t to)
{
    struct glue glue = {request, bytes};

    request->parser.data = &glue;
    llhttp_errno_t status = llhttp_execute(&request->parser, bytes + from, to - from);

    request->parser.data = NULL;
    if (status != HPE_OK && !(status == HPE_PAUSED && request->is_whole)) {
        const char *why = llhttp_get_error_reason(&request->parser);

        return refuse(request, 400, why != NULL && *why != '\0' ? why : "the request is not valid HTTP/1.1");
    }
    request->seen = request->is_whole ? (uint32_t)(llhttp_get_error_pos(&request->parser) - bytes) : (uint32_t)to;
    return HTTP_WHOLE;
}

static enum http_read read_head(struct http_request *request, char *bytes, size_t size)
{
    enum http_read status = look(request, bytes, size);
    const char *end = memchr(bytes, ' ', request->head_bytes);

    if (status != HTTP_WHOLE)
        return status;
    request->method.bytes = end != NULL ? (uint32_t)(end - bytes) : 0;
    request->body.at = request->head_bytes;
    status = feed(request, bytes, 0, request->head_bytes);
    if (status == HTTP_WHOLE)
        status = check_head(request, bytes);
    if (status != HTTP_WHOLE)
        return status;
    if (request->is_whole && request->seen != request->head_bytes)
        return refuse(request, 400, "the request's head ends twice");
    request->whole_bytes = request->head_bytes;
    return HTTP_WHOLE;
}

/* A body with a length is taken by its length; a chunked one ends where llhttp says, which must be after the last chunk's end. */
static enum http_read read_body(struct http_request *request, char *bytes, size_t size)
{
    size_t most = (size_t)request->head_bytes + HTTP_BODY_BYTES_MAX, to = size < most ? size : most;

    if (request->length > 0 && to > (size_t)request->head_bytes + request->length)
        to = (size_t)request->head_bytes + request->length;
    if (to > request->seen && feed(request, bytes, request->seen, to) == HTTP_BAD)
        return HTTP_BAD;
    if (!request->is_whole)
        return request->seen < most ? HTTP_MORE : refuse(request, 413, "the request's body is too large");
    if (request->length > 0 ? request->body.bytes != request->length : memcmp(bytes + request->seen - 4, "\r\n\r\n", 4) != 0)
        return refuse(request, 400, "the request's body does not end where it should");
    request->whole_bytes = request->seen;
    return HTTP_WHOLE;
}

enum http_read http_request_read(struct http_request *request, char *bytes, size_t size)
{
    if (request->status != 0)
        return HTTP_BAD;
    if (request->head_bytes == 0) {
        enum http_read status = read_head(request, bytes, size);

        if (status != HTTP_WHOLE)
            return status;
    }
    return request->is_whole ? HTTP_WHOLE : read_body(request, bytes, size);
}
