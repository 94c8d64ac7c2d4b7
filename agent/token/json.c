#include "json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Names of the objects that are open: where each stands in the output, and a hash to tell them apart quickly. More than these
   cannot be in a token, whose payload has 12 KiB and whose shortest member has 5 bytes. */
#define NAMES_MAX 4096

struct name {
    uint32_t hash;
    uint32_t offset; /* in the output */
};

struct parser {
    const char *at;
    const char *end;
    unsigned depth_left;
    struct wire_writer *out;
    unsigned names;
    struct name name[NAMES_MAX];
};

static int parse_value(struct parser *p);

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static int take(struct parser *p, char expected)
{
    if (p->at == p->end || *p->at != expected)
        return -1;
    p->at++;
    return 0;
}

/* Length of the well-formed UTF-8 sequence here (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF), 0 if there is none. */
static size_t utf8_length(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (at[0] < forms[i].first_min || at[0] > forms[i].first_max)
            continue;
        if (left < forms[i].length || at[1] < forms[i].second_min || at[1] > forms[i].second_max)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

static int hex4(struct parser *p, uint32_t *ret_unit)
{
    uint32_t unit = 0;

    if (p->end - p->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = *p->at++;

        if (c >= '0' && c <= '9')
            unit = unit << 4 | (uint32_t)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            unit = unit << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
        else
            return -1;
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

/* \uXXXX, the u already taken: a pair of surrogates is one character, a lone one is nothing. */
static int parse_unicode_escape(struct parser *p)
{
    uint32_t point, low;

    if (hex4(p, &point) < 0 || point == 0)
        return -1;
    if (point >= 0xdc00 && point <= 0xdfff)
        return -1;
    if (point >= 0xd800 && point <= 0xdbff) {
        if (take(p, '\\') < 0 || take(p, 'u') < 0 || hex4(p, &low) < 0 || low < 0xdc00 || low > 0xdfff)
            return -1;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(p->out, point);
    return 0;
}

static int parse_escape(struct parser *p)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";

    if (p->at == p->end)
        return -1;
    char c = *p->at++;

    if (c == 'u')
        return parse_unicode_escape(p);
    const char *found = c != '\0' ? strchr(from, c) : NULL;

    if (found == NULL)
        return -1;
    wire_put_raw(p->out, &to[found - from], 1);
    return 0;
}

/* The characters of a string up to its closing quote, copied in runs. */
static int parse_characters(struct parser *p)
{
    const char *run = p->at;

    while (p->at < p->end) {
        uint8_t c = (uint8_t)*p->at;

        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
            p->at++;
            continue;
        }
        if (c >= 0x80) {
            size_t length = utf8_length((const uint8_t *)p->at, (size_t)(p->end - p->at));

            if (length == 0)
                return -1;
            p->at += length;
            continue;
        }
        wire_put_raw(p->out, run, (size_t)(p->at - run));
        if (c == '"') {
            p->at++;
            return 0;
        }
        if (c != '\\')
            return -1;
        p->at++;
        if (parse_escape(p) < 0)
            return -1;
        run = p->at;
    }
    return -1;
}

/* A value's head stands before its body, but is known only after it. One byte is kept for it, which is all that most need; the body is
   moved where it is longer. */
static size_t open_value(struct parser *p)
{
    size_t start = wire_written(p->out);

    wire_put_raw(p->out, "", 1);
    return start;
}

static int close_value(struct parser *p, size_t start, void (*put)(struct wire_writer *, uint32_t), uint32_t count)
{
    uint8_t bytes[5];
    struct wire_writer head;

    wire_writer_init(&head, bytes, sizeof bytes);
    put(&head, count);
    size_t head_bytes = wire_written(&head), body = wire_written(p->out) - start - 1;

    if (p->out->full || head_bytes - 1 > (size_t)(p->out->end - p->out->at))
        return -1;
    uint8_t *at = p->out->start + start;

    if (head_bytes > 1)
        memmove(at + head_bytes, at + 1, body);
    memcpy(at, bytes, head_bytes);
    p->out->at = at + head_bytes + body;
    return 0;
}

static void put_str_head(struct wire_writer *out, uint32_t bytes)
{
    wire_put_str_head(out, bytes);
}

/* The opening quote already taken. */
static int parse_string(struct parser *p)
{
    size_t start = open_value(p);

    if (parse_characters(p) < 0)
        return -1;
    return close_value(p, start, put_str_head, (uint32_t)(wire_written(p->out) - start - 1));
}

static void skip_digits(struct parser *p)
{
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
}

/* RFC 8259 section 6. *ret_whole: neither fraction nor exponent. */
static int scan_number(struct parser *p, bool *ret_whole)
{
    bool whole = true;
    const char *digits;

    if (p->at < p->end && *p->at == '-')
        p->at++;
    digits = p->at;
    skip_digits(p);
    if (p->at == digits || (*digits == '0' && p->at - digits > 1))
        return -1;
    if (p->at < p->end && *p->at == '.') {
        digits = ++p->at;
        skip_digits(p);
        if (p->at == digits)
            return -1;
        whole = false;
    }
    if (p->at < p->end && (*p->at | 0x20) == 'e') {
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
            p->at++;
        digits = p->at;
        skip_digits(p);
        if (p->at == digits)
            return -1;
        whole = false;
    }
    *ret_whole = whole;
    return p->at < p->end ? 0 : -1; /* inside an object something always follows: strtod stops there */
}

static int parse_number(struct parser *p)
{
    const char *start = p->at;
    bool whole, negative = *start == '-';

    if (scan_number(p, &whole) < 0)
        return -1;
    uint64_t value = 0;
    bool fits = whole;

    for (const char *at = start + negative; fits && at < p->at; at++)
        fits = !__builtin_mul_overflow(value, 10U, &value) && !__builtin_add_overflow(value, (unsigned)(*at - '0'), &value);
    if (fits && !negative) {
        wire_put_uint(p->out, value);
    } else if (fits && value <= (uint64_t)INT64_MAX) {
        wire_put_int(p->out, -(int64_t)value);
    } else {
        double real = strtod(start, NULL);

        if (!isfinite(real))
            return -1;
        wire_put_double(p->out, real);
    }
    return 0;
}

static int parse_word(struct parser *p, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0)
        return -1;
    p->at += size;
    return 0;
}

static int parse_array(struct parser *p)
{
    size_t start = open_value(p);
    uint32_t count = 0;

    skip_space(p);
    if (take(p, ']') == 0)
        return close_value(p, start, wire_put_array, 0);
    do {
        if (parse_value(p) < 0)
            return -1;
        count++;
        skip_space(p);
    } while (take(p, ',') == 0);
    if (take(p, ']') < 0)
        return -1;
    return close_value(p, start, wire_put_array, count);
}

static struct wire_item name_at(const struct parser *p, uint32_t offset)
{
    struct wire_cursor cursor = {p->out->start + offset, p->out->at};
    struct wire_item item = {0};

    (void)wire_next(&cursor, &item);
    return item;
}

static int add_name(struct parser *p, size_t offset)
{
    if (p->names == NAMES_MAX || p->out->full)
        return -1;
    struct wire_item item = name_at(p, (uint32_t)offset);
    uint32_t hash = 2166136261U; /* FNV-1a: it only orders them, equal names are compared */

    for (uint32_t i = 0; i < item.count; i++)
        hash = (hash ^ (uint8_t)item.str[i]) * 16777619U;
    p->name[p->names].hash = hash;
    p->name[p->names++].offset = (uint32_t)offset;
    return 0;
}

static int compare_names(const void *left, const void *right, void *parser)
{
    const struct name *a = left, *b = right;

    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    struct wire_item x = name_at(parser, a->offset), y = name_at(parser, b->offset);

    if (x.count != y.count)
        return x.count < y.count ? -1 : 1;
    return memcmp(x.str, y.str, x.count);
}

/* Small objects are compared pairwise, large ones sorted: 2,000 names must not cost 2 million comparisons. */
static bool any_name_twice(struct parser *p, unsigned first)
{
    unsigned count = p->names - first;
    struct name *names = p->name + first;

    if (count > 16) {
        qsort_r(names, count, sizeof *names, compare_names, p);
        for (unsigned i = 1; i < count; i++) {
            if (compare_names(&names[i - 1], &names[i], p) == 0)
                return true;
        }
        return false;
    }
    for (unsigned i = 1; i < count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (names[k].hash == names[i].hash && compare_names(&names[k], &names[i], p) == 0)
                return true;
        }
    }
    return false;
}

static int parse_member(struct parser *p)
{
    skip_space(p);
    if (take(p, '"') < 0)
        return -1;
    size_t offset = wire_written(p->out);

    if (parse_string(p) < 0 || add_name(p, offset) < 0)
        return -1;
    skip_space(p);
    if (take(p, ':') < 0)
        return -1;
    return parse_value(p);
}

static int parse_object(struct parser *p)
{
    size_t start = open_value(p);
    unsigned first = p->names;

    skip_space(p);
    if (take(p, '}') == 0)
        return close_value(p, start, wire_put_map, 0);
    do {
        if (parse_member(p) < 0)
            return -1;
        skip_space(p);
    } while (take(p, ',') == 0);
    if (take(p, '}') < 0 || any_name_twice(p, first))
        return -1;
    unsigned count = p->names - first;

    p->names = first;
    return close_value(p, start, wire_put_map, count);
}

static int parse_container(struct parser *p, int (*parse)(struct parser *))
{
    if (p->depth_left == 0)
        return -1;
    p->at++;
    p->depth_left--;
    int status = parse(p);

    p->depth_left++;
    return status;
}

static int parse_value(struct parser *p)
{
    skip_space(p);
    if (p->at == p->end)
        return -1;
    switch (*p->at) {
    case '{':
        return parse_container(p, parse_object);
    case '[':
        return parse_container(p, parse_array);
    case '"':
        p->at++;
        return parse_string(p);
    case 't':
        wire_put_bool(p->out, true);
        return parse_word(p, "true");
    case 'f':
        wire_put_bool(p->out, false);
        return parse_word(p, "false");
    case 'n':
        wire_put_nil(p->out);
        return parse_word(p, "null");
    default:
        return parse_number(p);
    }
}

int json_to_wire(const char *text, size_t size, unsigned depth_max, struct wire_writer *out)
{
    struct parser p; /* not cleared: 32 KiB of names that nobody reads before they are written */

    p.at = text;
    p.end = text + size;
    p.depth_left = depth_max;
    p.out = out;
    p.names = 0;
    skip_space(&p);
    if (p.at == p.end || *p.at != '{' || parse_value(&p) < 0)
        return -1;
    skip_space(&p);
    return p.at == p.end && !out->full ? 0 : -1;
}
