#include "resource.h"

#include <string.h>

#include "agent/token/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* The byte at the cursor, unescaped. -1: a bad escape. *ret_escaped tells the two spellings apart. */
static int next_byte(const char **at, const char *end, bool *ret_escaped)
{
    *ret_escaped = **at == '%';
    if (!*ret_escaped)
        return (unsigned char)*(*at)++;
    if (end - *at < 3 || hex_digit((*at)[1]) < 0 || hex_digit((*at)[2]) < 0)
        return -1;
    int byte = hex_digit((*at)[1]) << 4 | hex_digit((*at)[2]);

    *at += 3;
    return byte;
}

/* What servers, proxies and frameworks read differently from each other. */
static bool is_ambiguous(int byte, bool escaped)
{
    return byte < 0x20 || byte == 0x7f || byte == '\\' || byte == ';' || (byte == '/' && escaped) || (byte == '#' && !escaped);
}

static bool is_dots(const char *start, size_t bytes)
{
    return (bytes == 1 && *start == '.') || (bytes == 2 && start[0] == '.' && start[1] == '.');
}

/* A client resolves empty and dot segments before it sends a request (RFC 3986 section 5.2.4). Of one that did not, servers make different
   paths: where the router reads `/admin/../orders` as it is written, the policy must not read `/orders`. */
static int end_segment(struct resource *resource, const char *start, const char *end)
{
    size_t bytes = (size_t)(end - start);

    if (bytes == 0 || is_dots(start, bytes) || resource->count == RESOURCE_SEGMENTS_MAX || !utf8_is_valid(start, bytes) ||
        utf8_has_c1_control(start, bytes))
        return -1;
    resource->segments[resource->count++] = (struct text){start, bytes};
    return 0;
}

int resource_normalize(const char *text, size_t bytes, struct resource *ret)
{
    const char *query = bytes > 0 ? memchr(text, '?', bytes) : NULL, *at = text, *end = query != NULL ? query : text + bytes;
    char *out = ret->bytes, *start = out;

    ret->count = 0;
    if (at == end || end - at > RESOURCE_BYTES_MAX || *text != '/')
        return -1;
    for (at++; at < end;) {
        bool escaped;
        int byte = next_byte(&at, end, &escaped);

        if (byte < 0 || is_ambiguous(byte, escaped))
            return -1;
        if (byte != '/') {
            *out++ = (char)byte;
            continue;
        }
        if (end_segment(ret, start, out) < 0)
            return -1;
        start = out;
    }
    return start == out ? 0 : end_segment(ret, start, out); /* one trailing slash may stay */
}
