/* Reads one HTTP request (RFC 9112) from bytes, or says why they are not one. Strict, because a gateway in front reads the same bytes: input that
   two readers could understand differently is refused. This code checks the head byte for byte before llhttp reads it; llhttp reads bodies. Pure:
   the caller keeps the bytes, and nothing is allocated. */
#ifndef ASSAY_HTTP_REQUEST_H
#define ASSAY_HTTP_REQUEST_H

#include <llhttp.h>

#include "agent/token/issuer.h"

/* The headers that the agent reads. */
enum http_name {
    HTTP_HOST,
    HTTP_CONTENT_LENGTH,
    HTTP_TRANSFER_ENCODING,
    HTTP_EXPECT,
    HTTP_AUTHORIZATION_HEADER,
    HTTP_ORIGINAL_METHOD,
    HTTP_ORIGINAL_URI,
    HTTP_FORWARDED_METHOD,
    HTTP_FORWARDED_URI,
    HTTP_CONTENT_TYPE,
    HTTP_TRACEPARENT,
    HTTP_NAMES
};

struct http_span {
    uint32_t at, bytes; /* counted from the request's first byte */
};

struct http_request {
    llhttp_t parser;
    uint32_t seen;        /* bytes checked so far */
    uint32_t head_bytes;  /* 0: the head is incomplete */
    uint32_t whole_bytes; /* of a whole request */
    uint32_t length;      /* of the body, by Content-Length */
    enum http_place { HTTP_START, HTTP_TARGET, HTTP_VERSION, HTTP_NAME, HTTP_VALUE, HTTP_CR, HTTP_LF } place; /* in the head */
    uint32_t name_at;     /* where the name of the current header begins */
    bool is_unread;       /* its value is not used */
    bool line_is_empty;                                                                                       /* so far */
    bool is_whole, keep_alive, is_old;                                                                        /* HTTP/1.0 */
    struct http_span method, target, body, name;
    struct http_span values[HTTP_NAMES];
    uint8_t counts[HTTP_NAMES]; /* how often each is present, up to 255 */
    int reading;                /* the header whose value is being read; -1: one that is not used */
    unsigned status;            /* of a bad request: the status of the answer */
    const char *why;
};

enum http_read { HTTP_BAD = 0, HTTP_MORE, HTTP_WHOLE };

void http_request_begin(struct http_request *request);

/* `bytes` begins with the request's first byte; it may have grown and moved since the last call. A chunked body is joined in place. HTTP_WHOLE:
   the request has request->whole_bytes. HTTP_BAD: the bytes after it cannot be read either. */
enum http_read http_request_read(struct http_request *request, char *bytes, size_t size);

/* The value of a header that is present exactly once; at NULL: absent, or repeated. */
struct text http_header(const struct http_request *request, const char *bytes, enum http_name name);
struct text http_text(struct http_span span, const char *bytes);

#endif
