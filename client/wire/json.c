/* Writes twice with the same code: first only to count, then into memory of exactly that size. */
#include "json.h"
#include "utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char *start; /* NULL: only counts */
    size_t bytes;
};

/* The only function that writes. */
static void put(struct text *text, const char *bytes, size_t count)
{
    if (text->start != NULL)
        memcpy(text->start + text->bytes, bytes, count);
    text->bytes += count;
}

static void put_word(struct text *text, const char *word)
{
    put(text, word, strlen(word));
}

static void put_escape(struct text *text, unsigned code)
{
    static const char letters[][3] = {['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};
    char escape[8];

    if (code < sizeof letters / sizeof letters[0] && letters[code][0] != '\0') {
        put_word(text, letters[code]);
        return;
    }
    snprintf(escape, sizeof escape, "\\u%04x", code & 0xffff);
    put_word(text, escape);
}

/* Escapes what RFC 8259 requires, and the other control characters (DEL, and C1 from U+0080), because the text may be printed on a
   terminal. */
static void put_string(struct text *text, const char *string, size_t bytes)
{
    put_word(text, "\"");
    while (bytes > 0) {
        unsigned sequence = utf8_sequence(string, bytes);
        unsigned char first = (unsigned char)string[0];

        if (sequence == 0) {
            sequence = 1;
            put_word(text, "\\ufffd");
        } else if (first < 0x20 || first == 0x7f) {
            put_escape(text, first);
        } else if (first == 0xc2 && (unsigned char)string[1] < 0xa0) {
            put_escape(text, (unsigned char)string[1]);
        } else {
            if (first == '"' || first == '\\')
                put_word(text, "\\");
            put(text, string, sequence);
        }
        string += sequence;
        bytes -= sequence;
    }
    put_word(text, "\"");
}

/* Writes the shortest form that reads back as the same number. printf writes the locale's decimal point: every character that cannot be
   part of a number otherwise counts as ".". */
static void put_double(struct text *text, double value)
{
    char digits[48];

    if (!isfinite(value)) { /* not a JSON number, and a token cannot have it */
        put_word(text, "null");
        return;
    }
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    for (const char *at = digits; *at != '\0';) {
        size_t plain = strspn(at, "0123456789+-e");
        size_t point = strcspn(at + plain, "0123456789+-e");

        put(text, at, plain);
        if (point > 0)
            put_word(text, ".");
        at += plain + point;
    }
}

static void put_number(struct text *text, const struct value *value)
{
    char digits[24];

    if (value->type == WIRE_UINT)
        snprintf(digits, sizeof digits, "%" PRIu64, value->uint);
    else
        snprintf(digits, sizeof digits, "%" PRId64, value->sint);
    put_word(text, digits);
}

static void put_value(struct text *text, const struct value *value);

/* Recursive, as deep as the message: ANSWER_DEPTH_MAX. */
static void put_container(struct text *text, const struct value *value)
{
    bool is_map = value->type == WIRE_MAP;
    const struct value *child = value_first(value);

    put_word(text, is_map ? "{" : "[");
    for (uint32_t i = 0; i < value->count; i++) {
        if (i > 0)
            put_word(text, ",");
        if (is_map) {
            put_value(text, child);
            put_word(text, ":");
            child = value_next(child);
        }
        put_value(text, child);
        child = value_next(child);
    }
    put_word(text, is_map ? "}" : "]");
}

static void put_value(struct text *text, const struct value *value)
{
    switch (value->type) {
    case WIRE_NIL:
        put_word(text, "null");
        break;
    case WIRE_BOOL:
        put_word(text, value->boolean ? "true" : "false");
        break;
    case WIRE_UINT:
    case WIRE_INT:
        put_number(text, value);
        break;
    case WIRE_DOUBLE:
        put_double(text, value->real);
        break;
    case WIRE_STR:
        put_string(text, value->str, value->count);
        break;
    case WIRE_ARRAY:
    case WIRE_MAP:
        put_container(text, value);
        break;
    }
}

size_t json_write(const struct value *value, char *ret_text)
{
    struct text text = {ret_text, 0};

    put_value(&text, value);
    return text.bytes;
}

char *json_text(const struct value *value)
{
    size_t bytes = json_write(value, NULL);
    char *text = malloc(bytes + 1);

    if (text != NULL) {
        json_write(value, text);
        text[bytes] = '\0';
    }
    return text;
}
