#include "log_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/wire/utf8.h"

#define END_ROOM 40 /* how many values were left out, the end, and a newline */

/* False: it does not fit, and nothing was written. */
static bool put(struct log_line *line, const char *text, size_t bytes)
{
    if (bytes > sizeof line->text - END_ROOM - line->used)
        return false;
    memcpy(line->text + line->used, text, bytes);
    line->used += bytes;
    return true;
}

/* The code point of a well-formed sequence of `bytes` bytes, at most three. */
static unsigned code_point(const char *at, size_t bytes)
{
    const unsigned char *c = (const unsigned char *)at;

    return bytes == 2 ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3f) : (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3f);
}

/* C1 controls, characters that end a line for some readers, and those that make a terminal show the rest in another order. */
static bool misleads(unsigned point)
{
    return point < 0xa0 || point == 0x200e || point == 0x200f || (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

/* Appends one UTF-8 character, or one byte that belongs to none. Returns how many bytes of `text` it took; 0: it does not fit. */
static size_t put_character(struct log_line *line, const char *text, size_t left)
{
    unsigned char c = (unsigned char)*text;
    size_t bytes = c >= 0x80 ? utf8_sequence(text, left) : 0;
    unsigned point = bytes == 2 || bytes == 3 ? code_point(text, bytes) : c;
    size_t step = bytes > 0 ? bytes : 1;
    char escaped[8];
    bool fits;

    if (c == '"' || c == '\\')
        fits = put(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\%c", c));
    else if (c < 0x20 || c == 0x7f || (c >= 0x80 && (bytes == 0 || (bytes < 4 && misleads(point)))))
        fits = put(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", point));
    else
        fits = put(line, text, step);
    return fits ? step : 0;
}

/* In quotes, with all characters escaped that could break a line or a reader: values come from tokens and from peers. */
static bool put_bytes(struct log_line *line, const char *text, size_t left)
{
    bool fits = put(line, "\"", 1);

    for (size_t step; fits && left > 0; text += step, left -= step) {
        step = put_character(line, text, left);
        fits = step > 0;
    }
    return fits && put(line, "\"", 1);
}

static bool put_quoted(struct log_line *line, const char *text)
{
    return put_bytes(line, text, strnlen(text, LOG_VALUE_BYTES_MAX));
}

void log_list_begin(struct log_line *list)
{
    list->used = 1;
    list->text[0] = '[';
}

bool log_list_put(struct log_line *list, const char *text, size_t bytes)
{
    size_t before = list->used;
    bool fits = (before == 1 || put(list, ",", 1)) && put_bytes(list, text, bytes);

    if (!fits)
        list->used = before;
    return fits;
}

const char *log_list_end(struct log_line *list)
{
    memcpy(list->text + list->used, "]", 2);
    return list->text;
}

static bool put_name(struct log_line *line, const char *name, bool json)
{
    if (json)
        return put(line, ",", 1) && put_quoted(line, name) && put(line, ":", 1);
    return put(line, " ", 1) && put(line, name, strlen(name)) && put(line, "=", 1);
}

/* False: it does not fit, and the line is as before. */
static bool put_field(struct log_line *line, const struct log_field *field, bool json)
{
    size_t before = line->used;
    char number[32];
    bool fits = put_name(line, field->name, json);

    if (fits && field->is_number)
        fits = put(line, number, (size_t)snprintf(number, sizeof number, "%" PRId64, field->number));
    else if (fits && field->is_json)
        fits = put(line, field->text, strlen(field->text));
    else if (fits)
        fits = put_quoted(line, field->text);
    if (!fits)
        line->used = before;
    return fits;
}

static void put_time(struct log_line *line)
{
    struct timespec now;
    struct tm parts;
    char text[64];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t bytes = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);

    bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, ".%03ldZ", now.tv_nsec / 1000000);
    put(line, text, bytes);
}

static void put_beginning(struct log_line *line, bool json, const char *level, const char *event)
{
    put(line, "{\"time\":\"", json ? 9 : 0);
    put_time(line);
    put(line, json ? "\",\"level\":\"" : " ", json ? 11 : 1);
    put(line, level, strlen(level));
    put(line, json ? "\",\"event\":" : ": ", json ? 10 : 2);
    if (json)
        put_quoted(line, event);
    else
        put(line, event, strlen(event));
}

void log_line_make(struct log_line *line, bool json, const char *level, const char *event, const struct log_field *fields, unsigned count)
{
    unsigned left_out = 0;

    line->used = 0;
    put_beginning(line, json, level, event);
    for (unsigned i = 0; i < count; i++)
        if (fields[i].name != NULL && (fields[i].is_number || fields[i].text != NULL))
            left_out += !put_field(line, &fields[i], json);
    if (left_out > 0) /* in the room that is left for it */
        line->used += (size_t)snprintf(line->text + line->used, END_ROOM, json ? ",\"left_out\":%u" : " left_out=%u", left_out);
    if (json)
        line->text[line->used++] = '}';
}
