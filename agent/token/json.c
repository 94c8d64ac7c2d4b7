#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json_parser.h"

static int parse_value(struct parser *p);

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

/* A value's head comes before its body, but is known only after it. One byte is reserved for the head, which is enough for most values; for a
   longer head the body is moved. */
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
        return json_fail(p, p->at, "it is too long");
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

/* The opening quote was already taken. */
static int parse_string(struct parser *p)
{
    size_t start = open_value(p);

    if (json_characters(p) < 0)
        return -1;
    return close_value(p, start, put_str_head, (uint32_t)(wire_written(p->out) - start - 1));
}

static void skip_digits(struct parser *p)
{
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
}

/* RFC 8259 section 6; the caller has checked that a character follows. *ret_whole: neither fraction nor exponent. */
static int scan_number(struct parser *p, bool *ret_whole)
{
    bool whole = true;
    const char *digits;

    if (*p->at == '-')
        p->at++;
    digits = p->at;
    skip_digits(p);
    if (p->at == digits)
        return json_fail_here(p, "not a JSON value (RFC 8259 section 3)");
    if (*digits == '0' && p->at - digits > 1)
        return json_fail(p, digits, "a number has a leading zero (RFC 8259 section 6)");
    if (p->at < p->end && *p->at == '.') {
        digits = ++p->at;
        skip_digits(p);
        if (p->at == digits)
            return json_fail_here(p, "a number has no digit after the decimal point (RFC 8259 section 6)");
        whole = false;
    }
    if (p->at < p->end && (*p->at | 0x20) == 'e') {
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
            p->at++;
        digits = p->at;
        skip_digits(p);
        if (p->at == digits)
            return json_fail_here(p, "a number's exponent has no digit (RFC 8259 section 6)");
        whole = false;
    }
    *ret_whole = whole;
    return p->at < p->end ? 0 : json_ended(p); /* inside an object something always follows: strtod stops there */
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
    } else if (fits && value <= (uint64_t)INT64_MAX + 1) {
        wire_put_int(p->out, (int64_t)(0 - value));
    } else {
        double real = strtod(start, NULL);

        if (!isfinite(real))
            return json_fail(p, start, "a number is too large for a double (RFC 8259 section 6)");
        wire_put_double(p->out, real);
    }
    return 0;
}

static int parse_word(struct parser *p, const char *word)
{
    size_t size = strlen(word), left = (size_t)(p->end - p->at);

    if (left < size && memcmp(p->at, word, left) == 0)
        return json_ended(p);
    if (left < size || memcmp(p->at, word, size) != 0)
        return json_fail(p, p->at, "not a JSON value (RFC 8259 section 3)");
    p->at += size;
    return 0;
}

static int parse_array(struct parser *p)
{
    size_t start = open_value(p);
    uint32_t count = 0;

    skip_space(p);
    if (json_take(p, ']') == 0)
        return close_value(p, start, wire_put_array, 0);
    do {
        if (parse_value(p) < 0)
            return -1;
        count++;
        skip_space(p);
    } while (json_take(p, ',') == 0);
    if (json_take(p, ']') < 0)
        return json_fail_here(p, "expected `,` or the `]` of an array (RFC 8259 section 5)");
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
    if (p->names == NAMES_MAX)
        return json_fail(p, p->at, "too many names");
    struct wire_item item = name_at(p, (uint32_t)offset);
    uint32_t hash = 2166136261U; /* FNV-1a: it only orders the names, equal names are compared */

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

/* A repeated name, or NULL. Small objects are compared pairwise, large ones sorted: 2,000 names must not cost 2 million comparisons. */
static const struct name *name_twice(struct parser *p, unsigned first)
{
    unsigned count = p->names - first;
    struct name *names = p->name + first;

    if (count > 16) {
        qsort_r(names, count, sizeof *names, compare_names, p);
        for (unsigned i = 1; i < count; i++) {
            if (compare_names(&names[i - 1], &names[i], p) == 0)
                return &names[i];
        }
        return NULL;
    }
    for (unsigned i = 1; i < count; i++) {
        for (unsigned k = 0; k < i; k++) {
            if (names[k].hash == names[i].hash && compare_names(&names[k], &names[i], p) == 0)
                return &names[i];
        }
    }
    return NULL;
}

static int parse_member(struct parser *p)
{
    skip_space(p);
    if (json_take(p, '"') < 0)
        return json_fail_here(p, "expected a name in double quotes (RFC 8259 section 4)");
    size_t offset = wire_written(p->out);

    if (parse_string(p) < 0 || add_name(p, offset) < 0)
        return -1;
    skip_space(p);
    if (json_take(p, ':') < 0)
        return json_fail_here(p, "expected `:` after the name (RFC 8259 section 4)");
    return parse_value(p);
}

static int parse_object(struct parser *p)
{
    size_t start = open_value(p);
    unsigned first = p->names;

    skip_space(p);
    if (json_take(p, '}') == 0)
        return close_value(p, start, wire_put_map, 0);
    do {
        if (parse_member(p) < 0)
            return -1;
        skip_space(p);
    } while (json_take(p, ',') == 0);
    if (json_take(p, '}') < 0)
        return json_fail_here(p, "expected `,` or the `}` of an object (RFC 8259 section 4)");
    const struct name *twice = name_twice(p, first);

    if (twice != NULL) {
        p->fault.twice = name_at(p, twice->offset);
        return json_fail(p, p->at - 1, "the object that ends here repeats a name (RFC 7515 section 4, RFC 7519 section 4)");
    }
    unsigned count = p->names - first;

    p->names = first;
    return close_value(p, start, wire_put_map, count);
}

static int parse_container(struct parser *p, int (*parse)(struct parser *))
{
    if (p->depth_left == 0)
        return json_fail(p, p->at, "objects and arrays are nested too deeply");
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
        return json_ended(p);
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

static int parse_text(struct parser *p)
{
    skip_space(p);
    if (p->at == p->end || *p->at != '{')
        return json_fail_here(p, "expected the `{` of an object");
    if (parse_value(p) < 0)
        return -1;
    skip_space(p);
    return p->at == p->end ? 0 : json_fail(p, p->at, "there is data after the object");
}

int json_to_wire_or_why(const char *text, size_t size, unsigned depth_max, struct wire_writer *out, struct json_fault *ret_fault)
{
    struct parser p; /* not cleared: 32 KiB of names that are written before they are read */

    p.at = text;
    p.end = text + size;
    p.depth_left = depth_max;
    p.out = out;
    p.names = 0;
    p.fault = (struct json_fault){.at = text, .why = ""};
    if (parse_text(&p) == 0) /* an overflow was seen when the object was closed */
        return 0;
    *ret_fault = p.fault;
    return -1;
}

int json_to_wire(const char *text, size_t size, unsigned depth_max, struct wire_writer *out)
{
    struct json_fault ignored;

    return json_to_wire_or_why(text, size, depth_max, out, &ignored);
}
