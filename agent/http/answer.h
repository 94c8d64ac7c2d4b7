/* Builds HTTP answers: their lines, and escaping so that no value from a token can break one. Pure. */
#ifndef ASSAY_HTTP_ANSWER_H
#define ASSAY_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/token/issuer.h"

/* A buffer that grows as it is written. A failure to allocate is reported at the end. All zero: empty. */
struct http_out {
    char *start;
    size_t bytes, room;
    bool failed;
};

void http_put(struct http_out *out, const char *at, size_t bytes);
void http_put_text(struct http_out *out, const char *text);
void http_out_free(struct http_out *out);

/* Writes a part of a header's value: bytes that are not printable ASCII, and space, comma and percent, become %XX. `quoted`: also characters that
   would end a quoted string, or escape in it. */
void http_put_escaped(struct http_out *out, const char *at, size_t bytes, bool quoted);

/* The first line; 0 and unknown codes become 500. */
void http_put_status(struct http_out *out, unsigned status);

/* A whole header. The caller has made or escaped the value. */
void http_put_header(struct http_out *out, const char *name, const char *value);

/* A JSON string of UTF-8. */
void http_put_json_text(struct http_out *out, const char *at, size_t bytes);

/* The end of the headers, and the body unless the request was HEAD. */
enum http_after { HTTP_CLOSES = 0, HTTP_KEEPS, HTTP_KEEPS_AS_OLD };
void http_put_body(struct http_out *out, enum http_after after, const char *type, struct text body, bool is_head);

#endif
