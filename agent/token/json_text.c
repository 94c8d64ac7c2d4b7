/* Strings in JSON: UTF-8 and escapes. */
#include <string.h>

#include "client/wire/utf8.h"
#include "json_parser.h"

static int hex4(struct parser *p, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        if (p->at == p->end)
            return json_ended(p);
        char c = *p->at++;

        if (c >= '0' && c <= '9')
            unit = unit << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            unit = unit << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return json_fail(p, p->at - 1, "`\\u` must be followed by four hexadecimal digits (RFC 8259 section 7)");
    }
    *ret_unit = unit;
    return 0;
}

static void put_utf8(struct wire_writer *out, uint32_t point)
{
    uint8_t bytes[4];
    size_t size;

    if (point < 0x80) {
        bytes[0] = (uint8_t)point;
        size = 1;
    } else if (point < 0x800) {
        bytes[0] = (uint8_t)(0xc0 | point >> 6);
        bytes[1] = (uint8_t)(0x80 | (point & 0x3f));
        size = 2;
    } else if (point < 0x10000) {
        bytes[0] = (uint8_t)(0xe0 | point >> 12);
        bytes[1] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (point & 0x3f));
        size = 3;
    } else {
        bytes[0] = (uint8_t)(0xf0 | point >> 18);
        bytes[1] = (uint8_t)(0x80 | (point >> 12 & 0x3f));
        bytes[2] = (uint8_t)(0x80 | (point >> 6 & 0x3f));
        bytes[3] = (uint8_t)(0x80 | (point & 0x3f));
        size = 4;
    }
    wire_put_raw(out, bytes, size);
}

/* \uXXXX, the u already taken: a pair of surrogates is one character, a lone one is invalid. */
static int parse_unicode_escape(struct parser *p)
{
    static const char lone[] = "an escape is a lone surrogate, half of a character (RFC 8259 section 8.2)";
    const char *start = p->at - 2;
    uint32_t point, low;

    if (hex4(p, &point) < 0)
        return -1;
    if (point == 0)
        return json_fail(p, start, "`\\u0000` is refused, because C programs would end the string there");
    if (point >= 0xdc00 && point <= 0xdfff)
        return json_fail(p, start, lone);
    if (point >= 0xd800 && point <= 0xdbff) {
        if (p->at == p->end || (*p->at == '\\' && p->at + 1 == p->end))
            return json_ended(p);
        if (json_take(p, '\\') < 0 || json_take(p, 'u') < 0)
            return json_fail(p, start, lone);
        if (hex4(p, &low) < 0)
            return -1;
        if (low < 0xdc00 || low > 0xdfff)
            return json_fail(p, start, lone);
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(p->out, point);
    return 0;
}

static int parse_escape(struct parser *p)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    if (p->at == p->end)
        return json_ended(p);
    char c = *p->at++;

    if (c == 'u')
        return parse_unicode_escape(p);
    const char *found = c != '\0' ? strchr(from, c) : NULL;

    if (found == NULL)
        return json_fail(p, p->at - 2, "unknown escape (RFC 8259 section 7)");
    wire_put_raw(p->out, &to[found - from], 1);
    return 0;
}

/* Characters that are copied unchanged, each one byte. */
static const bool is_plain[256] = {
    [0x20 ... '"' - 1] = true, ['"' + 1 ... '\\' - 1] = true, ['\\' + 1 ... 0x7f] = true};

/* Copied in runs. */
int json_characters(struct parser *p)
{
    const char *run = p->at;

    while (p->at < p->end) {
        uint8_t c = (uint8_t)*p->at;

        if (is_plain[c]) {
            p->at++;
            continue;
        }
        if (c >= 0x80) {
            size_t length = utf8_sequence(p->at, (size_t)(p->end - p->at));

            if (length == 0)
                return json_fail(p, p->at, "this is not UTF-8 (RFC 8259 section 8.1)");
            p->at += length;
            continue;
        }
        wire_put_raw(p->out, run, (size_t)(p->at - run));
        if (c == '"') {
            p->at++;
            return 0;
        }
        if (c != '\\')
            return json_fail(p, p->at, "a string has an unescaped control character (RFC 8259 section 7)");
        p->at++;
        if (parse_escape(p) < 0)
            return -1;
        run = p->at;
    }
    return json_ended(p);
}
