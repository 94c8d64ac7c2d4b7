/* What goes into an HTTP answer: its lines, and what is done so that no value of a token can break one. Pure. */
#ifndef ASSAY_HTTP_ANSWER_H
#define ASSAY_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/token/issuer.h"

/* Grows as it is written. What could not be written for want of memory is told at the end. All zero: empty. */
struct http_out {
    char *start;
    size_t bytes, room;
    bool failed;
};

void http_put(struct http_out *out, const char *at, size_t bytes);
void http_put_text(struct http_out *out, const char *text);
void http_out_free(struct http_out *out);

/* As a part of a header's value: what is not printable ASCII, and space, comma and percent, as %XX. `quoted`: also what would end a
   quoted string, or escape in it. */
void http_put_escaped(struct http_out *out, const char *at, size_t bytes, bool quoted);

/* The first line; 0 and what nobody knows are 500. */
void http_put_status(struct http_out *out, unsigned status);

/* A whole header. Values are ours, or were escaped. */
void http_put_header(struct http_out *out, const char *name, const char *value);

/* A JSON string of UTF-8. */
void http_put_json_text(struct http_out *out, const char *at, size_t bytes);

/* The end of the headers, and the body unless it was asked for the headers alone. */
enum http_after { HTTP_CLOSES = 0, HTTP_KEEPS, HTTP_KEEPS_AS_OLD };
void http_put_body(struct http_out *out, enum http_after after, const char *type, struct text body, bool is_head);

#endif
