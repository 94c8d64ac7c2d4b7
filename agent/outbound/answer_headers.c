/* Reads an answer's headers: how long it may be cached (RFC 9111), its ETag, its date, and where a list continues. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "https_inside.h"

/* Copies the value of a header with this name, without the space around it, into a buffer if it fits. */
static bool header_is(const char *line, size_t size, const char *name, char *value, size_t room)
{
    size_t begin = strlen(name);

    if (size <= begin || line[begin] != ':' || strncasecmp(line, name, begin) != 0)
        return false;
    for (begin++; begin < size && (line[begin] == ' ' || line[begin] == '\t');)
        begin++;
    while (size > begin && (unsigned char)line[size - 1] <= ' ')
        size--;
    if (size - begin >= room)
        return false;
    memcpy(value, line + begin, size - begin);
    value[size - begin] = '\0';
    return true;
}

/* RFC 9111 5.2.2: no-store and no-cache are not obeyed, because the agent must keep keys; they give no time. */
static double read_max_age(const char *value)
{
    for (const char *at = value; (at = strcasestr(at, "max-age=")) != NULL; at += 8) {
        if ((at == value || strchr(" ,\t", at[-1]) != NULL) && at[8] >= '0' && at[8] <= '9')
            return strtod(at + 8, NULL);
    }
    return -1;
}

static bool is_plain(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || (unsigned char)*text > '~')
            return false;
    }
    return true;
}

size_t request_on_header(char *line, size_t one, size_t size, void *context)
{
    struct https_request *request = context;
    char value[512];

    (void)one;
    request->header_bytes += size;
    request->too_much = request->header_bytes > HTTPS_HEADER_BYTES_MAX;
    if (request->too_much)
        return 0;
    if (size > 5 && memcmp(line, "HTTP/", 5) == 0) { /* a later answer begins; an interim one does not count */
        request->etag[0] = request->cursor[0] = '\0';
        request->max_age = request->retry_after = -1;
        request->date = request->modified = -1;
        request->is_dated = false;
        request->age = 0;
    } else if (header_is(line, size, "Date", value, sizeof value)) {
        request->date = curl_getdate(value, NULL);
    } else if (header_is(line, size, "Last-Modified", value, sizeof value)) {
        request->modified = curl_getdate(value, NULL);
        request->is_dated = true;
    } else if (header_is(line, size, "ETag", value, sizeof request->etag) && is_plain(value)) {
        memcpy(request->etag, value, strlen(value) + 1);
    } else if (header_is(line, size, "Assay-Cursor", value, sizeof request->cursor) && is_plain(value)) {
        memcpy(request->cursor, value, strlen(value) + 1);
    } else if (header_is(line, size, "Cache-Control", value, sizeof value)) {
        request->max_age = read_max_age(value);
    } else if (header_is(line, size, "Age", value, sizeof value) && *value >= '0' && *value <= '9') {
        request->age = fmin(strtod(value, NULL), HTTPS_AGE_SECONDS_MAX);
    } else if (header_is(line, size, "Retry-After", value, sizeof value) && *value >= '0' && *value <= '9') {
        request->retry_after = strtod(value, NULL);
    }
    return size;
}
