#include "discovery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/token/json.h"
#include "client/wire/utf8.h"

#define OPENID_PATH "/.well-known/openid-configuration"
#define OAUTH_PATH  "/.well-known/oauth-authorization-server"

int discovery_url(enum discovery_kind kind, const char *issuer, char *ret_url, size_t size)
{
    char url[URL_BYTES_MAX + sizeof OAUTH_PATH];

    if (kind == DISCOVERY_NONE || !url_is_https(issuer) || strchr(issuer, '?') != NULL)
        return -1;
    const char *path = url_path(issuer);
    int host = (int)(path - issuer), whole = (int)strlen(issuer);

    if (issuer[whole - 1] == '/') /* a host does not end like this */
        whole--;
    int bytes = kind == DISCOVERY_OPENID ? snprintf(url, sizeof url, "%.*s" OPENID_PATH, whole, issuer)
                                         : snprintf(url, sizeof url, "%.*s" OAUTH_PATH "%.*s", host, issuer, whole - host, path);

    if (bytes > URL_BYTES_MAX || (size_t)bytes >= size)
        return -1;
    memcpy(ret_url, url, (size_t)bytes + 1);
    return 0;
}

/* Untrusted text in a form that is safe in a log line. */
#define QUOTED_BYTES 81

static const char *quote(const char *text, size_t bytes, char room[QUOTED_BYTES])
{
    size_t kept = bytes < QUOTED_BYTES ? bytes : QUOTED_BYTES - 4;

    for (size_t i = 0; i < kept; i++)
        room[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    strcpy(room + kept, kept < bytes ? "..." : "");
    return room;
}

static bool find_string(struct wire_cursor document, const char *name, struct wire_item *ret_string)
{
    struct wire_cursor value;

    return wire_find(document, name, &value) && wire_next(&value, ret_string) == WIRE_OK && ret_string->type == WIRE_STR;
}

static int check_issuer(struct wire_cursor document, const char *issuer, char why[DISCOVERY_WHY_BYTES])
{
    char said[QUOTED_BYTES], wanted[QUOTED_BYTES];
    struct wire_item item;

    if (!find_string(document, "issuer", &item)) {
        snprintf(why, DISCOVERY_WHY_BYTES, "it has no `issuer` string");
        return -1;
    }
    if (wire_is(&item, issuer))
        return 0;
    snprintf(why, DISCOVERY_WHY_BYTES, "its `issuer` is \"%s\", not \"%s\"", quote(item.str, item.count, said),
             quote(issuer, strlen(issuer), wanted));
    return -1;
}

static int read_jwks_uri(struct wire_cursor document, char *ret_jwks_uri, size_t size, char why[DISCOVERY_WHY_BYTES])
{
    char url[URL_BYTES_MAX + 1] = "", said[QUOTED_BYTES];
    struct wire_item item;

    if (!find_string(document, "jwks_uri", &item)) {
        snprintf(why, DISCOVERY_WHY_BYTES, "it has no `jwks_uri` string");
        return -1;
    }
    if (item.count < sizeof url)
        memcpy(url, item.str, item.count);
    if (!url_is_https(url)) {
        snprintf(why, DISCOVERY_WHY_BYTES, "its `jwks_uri` is \"%s\"; expected an https URL of at most %d bytes",
                 quote(item.str, item.count, said), URL_BYTES_MAX);
        return -1;
    }
    if (item.count >= size) {
        snprintf(why, DISCOVERY_WHY_BYTES, "its `jwks_uri` has %u bytes; at most %zu are read", item.count, size - 1);
        return -1;
    }
    memcpy(ret_jwks_uri, url, item.count + 1);
    return 0;
}

/* Uses the reader for tokens: strict, limited depth, no repeated name, no NUL, and it allocates nothing for the content. */
static int read_document(const char *text, size_t bytes, struct wire_writer *writer, char why[DISCOVERY_WHY_BYTES])
{
    char start[QUOTED_BYTES];

    utf8_skip_mark(&text, &bytes);
    if (json_to_wire(text, bytes, DISCOVERY_DEPTH_MAX, writer) == 0)
        return 0;
    snprintf(why, DISCOVERY_WHY_BYTES,
             "it is not a JSON object, or it repeats a member, has a NUL, or nests deeper than %d levels; it begins with \"%s\"",
             DISCOVERY_DEPTH_MAX, quote(text, bytes, start));
    return -1;
}

int discovery_read(const char *text, size_t bytes, const char *issuer, char *ret_jwks_uri, size_t size,
                   char why[DISCOVERY_WHY_BYTES])
{
    struct wire_writer writer;

    if (bytes > DISCOVERY_BYTES_MAX) {
        snprintf(why, DISCOVERY_WHY_BYTES, "it has %zu bytes; at most %d are read", bytes, DISCOVERY_BYTES_MAX);
        return -1;
    }
    void *room = malloc(WIRE_BYTES_OF_JSON(bytes));

    if (room == NULL) {
        snprintf(why, DISCOVERY_WHY_BYTES, "out of memory");
        return -1;
    }
    wire_writer_init(&writer, room, WIRE_BYTES_OF_JSON(bytes));
    int status = read_document(text, bytes, &writer, why);
    struct wire_cursor document = {writer.start, writer.at};

    if (status == 0)
        status = check_issuer(document, issuer, why);
    if (status == 0)
        status = read_jwks_uri(document, ret_jwks_uri, size, why);
    free(room);
    return status;
}
