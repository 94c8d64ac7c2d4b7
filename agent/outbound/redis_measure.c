#include "redis_measure.h"

#include <stdlib.h>
#include <string.h>

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -1;
}

static int too_large(const char **ret_why)
{
    return refuse(ret_why, "its reply is larger than 64 MiB, or has more than a million elements");
}

/* A value ends; with it arrays may end whose last element it is. */
static void value_ends(struct redis_measure *measure)
{
    measure->type = 0;
    measure->line_bytes = 0;
    while (measure->depth > 0 && --measure->left[measure->depth] == 0)
        measure->depth--;
    measure->whole = measure->depth == 0;
}

/* Of a string or an array: -1 means null. */
static int read_length(const struct redis_measure *measure, int64_t *ret_length)
{
    size_t digits = measure->line_bytes;

    if (digits == 2 && memcmp(measure->number, "-1", 2) == 0) {
        *ret_length = -1;
        return 0;
    }
    if (digits == 0 || digits > 10 || strspn(measure->number, "0123456789") != digits)
        return -1;
    *ret_length = strtoll(measure->number, NULL, 10);
    return 0;
}

static int begin_array(struct redis_measure *measure, int64_t length, const char **ret_why)
{
    if (length > (int64_t)(REDIS_REPLY_ELEMENTS_MAX - measure->elements))
        return too_large(ret_why);
    if (length > 0 && measure->depth == REDIS_REPLY_DEPTH_MAX)
        return refuse(ret_why, "its reply is nested too deeply");
    if (length <= 0) {
        value_ends(measure);
        return 0;
    }
    measure->elements += (size_t)length;
    measure->left[++measure->depth] = (uint32_t)length;
    measure->type = 0;
    measure->line_bytes = 0;
    return 0;
}

static int line_ended(struct redis_measure *measure, const char **ret_why)
{
    int64_t length = 0;

    measure->line_bytes--; /* its \r */
    measure->number[measure->line_bytes < sizeof measure->number ? measure->line_bytes : sizeof measure->number - 1] = '\0';
    measure->line_ends = false;
    if (strchr("$*", measure->type) != NULL && read_length(measure, &length) < 0)
        return refuse(ret_why, "what it sends is not a Redis reply");
    if (measure->type == '*')
        return begin_array(measure, length, ret_why);
    if (measure->type != '$' || length < 0) {
        value_ends(measure);
        return 0;
    }
    if (length + 3 > (int64_t)(REDIS_REPLY_BYTES_MAX - measure->bytes)) /* with this \n, and the \r\n after it */
        return too_large(ret_why);
    measure->bulk_left = (size_t)length + 2;
    return 0;
}

static int line_goes_on(struct redis_measure *measure, char byte, const char **ret_why)
{
    if (byte == '\n' && measure->line_ends)
        return line_ended(measure, ret_why);
    if (measure->line_bytes == REDIS_REPLY_LINE_BYTES_MAX)
        return refuse(ret_why, "a line of its reply does not end");
    if (measure->line_bytes < sizeof measure->number)
        measure->number[measure->line_bytes] = byte;
    measure->line_bytes++;
    measure->line_ends = byte == '\r';
    return 0;
}

static int value_begins(struct redis_measure *measure, char byte, const char **ret_why)
{
    if (byte == '\0' || strchr("+-:$*", byte) == NULL)
        return refuse(ret_why, "what it sends is not a Redis reply");
    measure->type = byte;
    return 0;
}

/* The bytes of a string are skipped at once; the two after them are checked. */
static int string_goes_on(struct redis_measure *measure, const char *bytes, size_t count, size_t *ret_used, const char **ret_why)
{
    size_t inside = measure->bulk_left > 2 ? measure->bulk_left - 2 : 0;

    *ret_used = inside < count ? inside : count;
    if (inside == 0) {
        if (*bytes != "\n\r"[measure->bulk_left - 1])
            return refuse(ret_why, "what it sends is not a Redis reply");
        *ret_used = 1;
    }
    measure->bulk_left -= *ret_used;
    if (measure->bulk_left == 0)
        value_ends(measure);
    return 0;
}

int redis_measure(struct redis_measure *measure, const char *bytes, size_t count, size_t *ret_used, const char **ret_why)
{
    size_t at = 0;

    for (size_t used = 1; at < count && !measure->whole; at += used, measure->bytes += used) {
        int taken;

        used = 1;
        if (measure->bulk_left > 0)
            taken = string_goes_on(measure, bytes + at, count - at, &used, ret_why);
        else if (measure->type == 0)
            taken = value_begins(measure, bytes[at], ret_why);
        else
            taken = line_goes_on(measure, bytes[at], ret_why);
        if (taken < 0)
            return -1;
        if (measure->bytes + used > REDIS_REPLY_BYTES_MAX)
            return too_large(ret_why);
    }
    *ret_used = at;
    return 0;
}
