#include "log.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/wire/utf8.h"
#include "journal.h"

#define LINE_BYTES_MAX 4096 /* PIPE_BUF */
#define VALUE_BYTES_MAX 512

static _Atomic(enum log_level) least = LOG_INFO;
static atomic_bool as_json = true;

static const char *const level_names[] = {"debug", "info", "warning", "error"};

void log_setup(enum log_level level, bool json)
{
    atomic_store(&least, level);
    atomic_store(&as_json, json);
}

struct line {
    char text[LINE_BYTES_MAX];
    size_t used;
};

static void put(struct line *line, const char *text, size_t bytes)
{
    if (bytes > sizeof line->text - 2 - line->used)
        bytes = sizeof line->text - 2 - line->used;
    memcpy(line->text + line->used, text, bytes);
    line->used += bytes;
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

/* Appends one UTF-8 character, or one byte that belongs to none. Returns how many bytes of `text` it took. */
static size_t put_character(struct line *line, const char *text, size_t left)
{
    unsigned char c = (unsigned char)*text;
    size_t bytes = c >= 0x80 ? utf8_sequence(text, left) : 0;
    unsigned point = bytes == 2 || bytes == 3 ? code_point(text, bytes) : c;
    char escaped[8];

    if (c == '"' || c == '\\')
        put(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\%c", c));
    else if (c < 0x20 || c == 0x7f || (c >= 0x80 && (bytes == 0 || (bytes < 4 && misleads(point)))))
        put(line, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", point));
    else
        put(line, text, bytes > 0 ? bytes : 1);
    return bytes > 0 ? bytes : 1;
}

/* In quotes, with all characters escaped that could break a line or a reader: values come from tokens and from peers. */
static void put_quoted(struct line *line, const char *text)
{
    size_t left = strnlen(text, VALUE_BYTES_MAX);

    put(line, "\"", 1);
    for (size_t step; left > 0; text += step, left -= step)
        step = put_character(line, text, left);
    put(line, "\"", 1);
}

static void put_field(struct line *line, const struct log_field *field, bool json)
{
    char number[32];

    put(line, json ? "," : " ", 1);
    if (json) {
        put_quoted(line, field->name);
        put(line, ":", 1);
    } else {
        put(line, field->name, strlen(field->name));
        put(line, "=", 1);
    }
    if (field->is_number)
        put(line, number, (size_t)snprintf(number, sizeof number, "%lld", (long long)field->number));
    else
        put_quoted(line, field->text);
}

static void put_time(struct line *line)
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

void log_write(enum log_level level, const char *event, const struct log_field *fields, unsigned count)
{
    bool json = atomic_load(&as_json);
    struct line line;

    if (level < atomic_load(&least))
        return;
    line.used = 0;
    put(&line, json ? "{\"time\":\"" : "", json ? 9 : 0);
    put_time(&line);
    if (json) {
        put(&line, "\",\"level\":", 10);
        put_quoted(&line, level_names[level]);
        put(&line, ",\"event\":", 9);
        put_quoted(&line, event);
    } else {
        put(&line, " ", 1);
        put(&line, level_names[level], strlen(level_names[level]));
        put(&line, ": ", 2);
        put(&line, event, strlen(event));
    }
    for (unsigned i = 0; i < count; i++) {
        if (fields[i].name != NULL && (fields[i].is_number || fields[i].text != NULL))
            put_field(&line, &fields[i], json);
    }
    put(&line, "}", json ? 1 : 0);
    if (journal_send(level, event, fields, count, line.text, line.used))
        return;
    line.text[line.used++] = '\n';
    /* A pipe that reports itself writable has room for a line, so the write cannot block. */
    struct pollfd writable = {.fd = STDERR_FILENO, .events = POLLOUT};
    ssize_t ignored = poll(&writable, 1, 0) == 1 ? write(STDERR_FILENO, line.text, line.used) : 0;

    (void)ignored;
}
