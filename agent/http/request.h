/* From bytes to one HTTP request (RFC 9112), or to why they are none. Strict, since a gateway in front reads the same bytes:
   whatever two readers could understand differently is refused. Its head is looked at here byte for byte, before llhttp reads it; a
   body is llhttp's. Pure: the caller keeps the bytes, and nothing is allocated. */
#ifndef ASSAY_HTTP_REQUEST_H
#define ASSAY_HTTP_REQUEST_H

#include <llhttp.h>

#include "agent/token/issuer.h"

/* The headers that somebody here reads. */
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
    HTTP_NAMES
};

struct http_span {
    uint32_t at, bytes; /* from the request's first byte */
};

struct http_request {
    llhttp_t parser;
    uint32_t seen;        /* bytes that were looked at */
    uint32_t head_bytes;  /* 0: the head is not there yet */
    uint32_t whole_bytes; /* of a whole one */
    uint32_t length;      /* of the body, as Content-Length says it */
    enum http_place { HTTP_START, HTTP_TARGET, HTTP_VERSION, HTTP_NAME, HTTP_VALUE, HTTP_CR, HTTP_LF } place; /* in the head */
    uint32_t name_at;     /* where the header's name begins that is being looked at */
    bool is_unread;       /* nobody looks into its value */
    bool line_is_empty;                                                                                       /* so far */
    bool is_whole, keep_alive, is_old;                                                                        /* HTTP/1.0 */
    struct http_span method, target, body, name;
    struct http_span values[HTTP_NAMES];
    uint8_t counts[HTTP_NAMES]; /* how often each is there, up to 255 */
    int reading;                /* the header whose value is being read; -1: nobody's */
    unsigned status;            /* of a bad one: what is answered */
    const char *why;
};

enum http_read { HTTP_BAD = 0, HTTP_MORE, HTTP_WHOLE };

void http_request_begin(struct http_request *request);

/* `bytes` begins with the request's first one, and may be longer than at the last call, and lie elsewhere. A body in chunks is
   moved together where it stands. HTTP_WHOLE: it is request->whole_bytes long. HTTP_BAD: what follows cannot be read either. */
enum http_read http_request_read(struct http_request *request, char *bytes, size_t size);

/* The value of a header that is there once; at NULL: it is not, or more often. */
struct text http_header(const struct http_request *request, const char *bytes, enum http_name name);
struct text http_text(struct http_span span, const char *bytes);

#endif
