#include "url.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "agent/base/limits.h"

#define SCHEME       "https://"
#define DIGITS       "0123456789"
#define LETTERS      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define PORT_DEFAULT 443

struct origin {
    const char *host; /* with its brackets */
    size_t host_bytes;
    unsigned port;
    const char *end;
};

/* 0: no host. Nothing is decoded: a host with % in it is invalid. */
static size_t host_length(const char *at)
{
    if (*at == '[') {
        size_t inside = strspn(at + 1, DIGITS "abcdefABCDEF:.");

        return inside > 0 && at[1 + inside] == ']' ? inside + 2 : 0;
    }
    return isalnum((unsigned char)*at) ? strspn(at, LETTERS DIGITS "-._") : 0;
}

/* ":" and 1 to 65535, or nothing. */
static int read_port(const char **at, unsigned *ret_port)
{
    unsigned port = PORT_DEFAULT;

    if (**at == ':') {
        size_t digits = strspn(++*at, DIGITS);

        port = 0;
        if (digits > 5)
            return -1;
        for (; digits > 0; digits--)
            port = port * 10 + (unsigned)(*(*at)++ - '0');
        if (port == 0 || port > 65535)
            return -1;
    }
    *ret_port = port;
    return 0;
}

static int read_origin(const char *url, struct origin *ret_origin)
{
    struct origin origin = {.host = url + strlen(SCHEME)};

    if (strncmp(url, SCHEME, strlen(SCHEME)) != 0 || (origin.host_bytes = host_length(origin.host)) == 0)
        return -1;
    origin.end = origin.host + origin.host_bytes;
    if (read_port(&origin.end, &origin.port) < 0 || strchr("/?", *origin.end) == NULL) /* or at its end */
        return -1;
    *ret_origin = origin;
    return 0;
}

/* The characters of RFC 3986: some programs read a backslash as a slash, and a # ends the URL. */
static bool read_https(const char *url, struct origin *ret_origin)
{
    size_t bytes = strnlen(url, URL_BYTES_MAX + 1);

    return bytes <= URL_BYTES_MAX && strspn(url, LETTERS DIGITS "-._~:/?[]@!$&'()*+,;=%") == bytes &&
           read_origin(url, ret_origin) == 0;
}

bool url_is_https(const char *url)
{
    struct origin origin;

    return read_https(url, &origin);
}

const char *url_path(const char *url)
{
    struct origin origin = {.end = url + strlen(url)};

    (void)read_origin(url, &origin);
    return origin.end;
}

bool url_same_origin(const char *a, const char *b)
{
    struct origin of_a, of_b;

    return read_https(a, &of_a) && read_https(b, &of_b) && of_a.port == of_b.port && of_a.host_bytes == of_b.host_bytes &&
           strncasecmp(of_a.host, of_b.host, of_a.host_bytes) == 0;
}
