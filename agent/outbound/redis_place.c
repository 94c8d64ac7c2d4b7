/* The address of a Redis as a URL: redis:// or rediss://. */
#include "redis.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/limits.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Errors do not repeat the URL, because it may contain a password. */
static int refuse(char *why, const char *what)
{
    snprintf(why, REDIS_WHY_BYTES, "%s", what);
    return -1;
}

static int copy(char *to, size_t room, const char *from, size_t bytes)
{
    if (bytes >= room)
        return -1;
    memcpy(to, from, bytes);
    to[bytes] = '\0';
    return 0;
}

static int read_scheme(const char **at, struct redis_place *place, char *why)
{
    static const char plain[] = "redis://", tls[] = "rediss://";

    place->tls = strncmp(*at, tls, strlen(tls)) == 0;
    if (!place->tls && strncmp(*at, plain, strlen(plain)) != 0)
        return refuse(why, strstr(*at, "unix:") != NULL
                               ? "Unix sockets are not supported; write redis://host:port or rediss://host:port"
                               : "it begins with neither redis:// nor rediss:// (TLS)");
    *at += place->tls ? strlen(tls) : strlen(plain);
    return 0;
}

static int read_user(const char **at, struct redis_place *place, char *why)
{
    const char *end = *at + strcspn(*at, "/?#"), *sign = memrchr(*at, '@', (size_t)(end - *at));
    size_t bytes = sign != NULL ? (size_t)(sign - *at) : 0;

    if (sign == NULL)
        return 0;
    if (memchr(*at, ':', bytes) != NULL)
        return refuse(why,
                      "a URL must not contain a password, because logs and process lists show it; write it to a file and name that file "
                      "(`password_file`, --password-file)");
    if (bytes == 0 || strspn(*at, LETTERS DIGITS "-._~!$&'()*+,;=") != bytes ||
        copy(place->user, sizeof place->user, *at, bytes) < 0)
        return refuse(why, "before the @ a user name is expected: 1 to 127 letters, digits and -._~!$&'()*+,;= (nothing is decoded)");
    *at = sign + 1;
    return 0;
}

static int read_host(const char **at, struct redis_place *place, char *why)
{
    static const char none[] = "it has no host; write a name, an IPv4 address, or an IPv6 address in [brackets]";
    struct in6_addr address;

    if (**at == '[') {
        size_t inside = strcspn(*at + 1, "]");

        if ((*at)[1 + inside] == '\0' || copy(place->host, sizeof place->host, *at + 1, inside) < 0 ||
            inet_pton(AF_INET6, place->host, &address) != 1)
            return refuse(why, none);
        *at += inside + 2;
        return 0;
    }
    size_t bytes = isalnum((unsigned char)**at) ? strspn(*at, LETTERS DIGITS "-._") : 0;

    if (bytes == 0 || copy(place->host, sizeof place->host, *at, bytes) < 0)
        return refuse(why, none);
    *at += bytes;
    return 0;
}

/* At most five digits. */
static int read_number(const char **at, unsigned most, unsigned *ret_number)
{
    size_t digits = strspn(*at, DIGITS);
    unsigned number = 0;

    if (digits == 0 || digits > 5)
        return -1;
    for (; digits > 0; digits--)
        number = number * 10 + (unsigned)(*(*at)++ - '0');
    *ret_number = number;
    return number <= most ? 0 : -1;
}

static int read_port_and_db(const char *at, struct redis_place *place, char *why)
{
    place->port = REDIS_PORT;
    if (*at == ':' && (at++, read_number(&at, 65535, &place->port) < 0 || place->port == 0))
        return refuse(why, "its port is not a number from 1 to 65535");
    if (*at == '/' && *++at != '\0' && strchr("?#", *at) == NULL && read_number(&at, REDIS_DB_MAX, &place->db) < 0)
        return refuse(why, "after the host a database number from 0 to 99999 is expected");
    if (*at == '?' || *at == '#')
        return refuse(why, "it has a query or a fragment, which are not supported; leave them out");
    return *at == '\0' ? 0 : refuse(why, "it continues after host, port and database number");
}

int redis_place_read(const char *url, struct redis_place *ret_place, char why[REDIS_WHY_BYTES])
{
    struct redis_place place = {0};

    if (strnlen(url, URL_BYTES_MAX + 1) > URL_BYTES_MAX)
        return refuse(why, "it is longer than 2048 bytes");
    if (read_scheme(&url, &place, why) < 0 || read_user(&url, &place, why) < 0 || read_host(&url, &place, why) < 0 ||
        read_port_and_db(url, &place, why) < 0)
        return -1;
    *ret_place = place;
    return 0;
}
