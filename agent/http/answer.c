#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void http_out_free(struct http_out *out)
{
    free(out->start);
    *out = (struct http_out){0};
}

void http_put(struct http_out *out, const char *at, size_t bytes)
{
    size_t room = out->room == 0 ? 1024 : out->room;

    while (room < out->bytes + bytes)
        room *= 2;
    if (room > out->room && !out->failed) {
        char *larger = realloc(out->start, room);

        out->failed = larger == NULL;
        if (larger != NULL) {
            out->start = larger;
            out->room = room;
        }
    }
    if (out->failed || bytes == 0)
        return;
    memcpy(out->start + out->bytes, at, bytes);
    out->bytes += bytes;
}

void http_put_text(struct http_out *out, const char *text)
{
    http_put(out, text, strlen(text));
}

static bool goes_as_it_is(unsigned char c, bool quoted)
{
    return c > ' ' && c < 0x7f && c != ',' && c != '%' && !(quoted && (c == '"' || c == '\\'));
}

void http_put_escaped(struct http_out *out, const char *at, size_t bytes, bool quoted)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t plain = 0;

    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)at[i];
        char escape[3] = {'%', digits[c >> 4], digits[c & 15]};

        if (goes_as_it_is(c, quoted))
            continue;
        http_put(out, at + plain, i - plain);
        http_put(out, escape, sizeof escape);
        plain = i + 1;
    }
    http_put(out, at + plain, bytes - plain);
}

void http_put_status(struct http_out *out, unsigned status)
{
    static const struct {
        unsigned status;
        const char *line;
    } lines[] = {
        {200, "HTTP/1.1 200 OK\r\n"},
        {400, "HTTP/1.1 400 Bad Request\r\n"},
        {401, "HTTP/1.1 401 Unauthorized\r\n"},
        {403, "HTTP/1.1 403 Forbidden\r\n"},
        {404, "HTTP/1.1 404 Not Found\r\n"},
        {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
        {413, "HTTP/1.1 413 Content Too Large\r\n"},
        {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
        {417, "HTTP/1.1 417 Expectation Failed\r\n"},
        {421, "HTTP/1.1 421 Misdirected Request\r\n"},
        {429, "HTTP/1.1 429 Too Many Requests\r\n"},
        {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
        {503, "HTTP/1.1 503 Service Unavailable\r\n"},
        {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
    };

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (lines[i].status == status) {
            http_put_text(out, lines[i].line);
            return;
        }
    }
    http_put_text(out, "HTTP/1.1 500 Internal Server Error\r\n");
}

void http_put_header(struct http_out *out, const char *name, const char *value)
{
    http_put_text(out, name);
    http_put_text(out, ": ");
    http_put_text(out, value);
    http_put_text(out, "\r\n");
}

void http_put_json_text(struct http_out *out, const char *at, size_t bytes)
{
    char escape[8];

    http_put(out, "\"", 1);
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)at[i];

        snprintf(escape, sizeof escape, "\\u%04x", c);
        if (c < 0x20 || c == 0x7f || c == '"' || c == '\\')
            http_put_text(out, escape);
        else
            http_put(out, at + i, 1);
    }
    http_put(out, "\"", 1);
}

void http_put_body(struct http_out *out, enum http_after after, const char *type, struct text body, bool is_head)
{
    char length[24];

    snprintf(length, sizeof length, "%zu", body.bytes);
    http_put_header(out, "Content-Length", length);
    if (body.bytes > 0)
        http_put_header(out, "Content-Type", type);
    if (after != HTTP_KEEPS)
        http_put_header(out, "Connection", after == HTTP_CLOSES ? "close" : "keep-alive");
    http_put_text(out, "\r\n");
    if (!is_head)
        http_put(out, body.at, body.bytes);
}
