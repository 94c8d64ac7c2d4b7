/* Bytes to and from a Redis: connecting, sending, waiting within a deadline. */
#include "redis_inside.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "lookup.h"

/* Parts of the text may come from the server, so it is made printable. */
int redis_say(struct redis *redis, const char *format, ...)
{
    va_list arguments;

    if (redis->woken)
        return -1;
    va_start(arguments, format);
    vsnprintf(redis->why, REDIS_WHY_BYTES, format, arguments);
    va_end(arguments);
    for (char *at = redis->why; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || (unsigned char)*at > '~')
            *at = '?';
    }
    return -1;
}

static int is_woken(struct redis *redis)
{
    redis->woken = true;
    redis->why[0] = '\0';
    return -1;
}

int redis_wait(struct redis *redis, short events, int64_t deadline)
{
    struct pollfd polled[] = {{redis->fd, events, 0}, {redis->wake_fd, POLLIN, 0}}; /* poll ignores -1 */

    for (;;) {
        int left = milliseconds_until(deadline), ready = poll(polled, 2, left);

        if (ready < 0 && errno != EINTR)
            return redis_say(redis, "waiting for the server failed: %s", strerror(errno));
        if (ready > 0 && polled[1].revents != 0)
            return is_woken(redis);
        if (ready > 0)
            return 0;
        if (left == 0)
            return redis_say(redis, "it did not answer in time");
    }
}

int redis_may_go_on(struct redis *redis)
{
    struct pollfd polled = {redis->wake_fd, POLLIN, 0};

    if (redis->wake_fd >= 0 && poll(&polled, 1, 0) > 0)
        return is_woken(redis);
    return milliseconds_until(redis->deadline) > 0 ? 0 : redis_say(redis, "it did not answer in time");
}

/* For short commands, one at a time; keepalive detects a peer that has vanished although nothing is sent for long. */
static void set_options(int fd)
{
    const int on = 1, idle = REDIS_KEEPALIVE_SECONDS, interval = REDIS_KEEPALIVE_SECONDS / 3, probes = 3;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static int failed(struct redis *redis, const struct redis_place *place, int cause)
{
    if (cause == ECONNREFUSED)
        return redis_say(redis, "%.120s port %u: connection refused; does a Redis listen there?", place->host, place->port);
    return redis_say(redis, "%.120s port %u cannot be reached: %s", place->host, place->port, strerror(cause));
}

static void set_port(struct sockaddr_storage *where, unsigned port)
{
    if (where->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)where)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)where)->sin_port = htons((uint16_t)port);
}

static int connect_one(struct redis *redis, const struct redis_place *place, const struct addrinfo *address, int64_t deadline)
{
    struct sockaddr_storage where = {0};
    int cause = 0;
    socklen_t size = sizeof cause;

    memcpy(&where, address->ai_addr, address->ai_addrlen);
    set_port(&where, place->port);

    redis->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address->ai_protocol);
    if (redis->fd < 0)
        return failed(redis, place, errno);
    set_options(redis->fd);
    if (connect(redis->fd, (struct sockaddr *)&where, address->ai_addrlen) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return failed(redis, place, errno);
    if (redis_wait(redis, POLLOUT, deadline) < 0)
        return failed(redis, place, ETIMEDOUT);
    if (getsockopt(redis->fd, SOL_SOCKET, SO_ERROR, &cause, &size) < 0)
        cause = errno;
    return cause == 0 ? 0 : failed(redis, place, cause);
}

static void drop_lookup(struct lookup **lookup)
{
    lookup_drop(*lookup);
}

/* As redis_wait(), with another descriptor before the connection exists. */
static int wait_for(struct redis *redis, int fd)
{
    redis->fd = fd;
    int status = redis_wait(redis, POLLIN, redis->deadline);

    redis->fd = -1;
    return status;
}

/* The address of a Redis may have changed a moment ago, as in a failover. */
static int look_up(struct redis *redis, const struct redis_place *place, struct lookup **ret_lookup,
                   const struct addrinfo **ret_addresses)
{
    char why[REDIS_WHY_BYTES];
    struct lookup *lookup = lookup_begin(place->host, 0, why, sizeof why);

    if (lookup == NULL)
        return redis_say(redis, "%s", why);
    *ret_lookup = lookup;
    if (wait_for(redis, lookup_fd(lookup)) < 0) {
        lookup_explain_late(place->host, why, sizeof why);
        return redis_say(redis, "%s", why);
    }
    if (redis_may_go_on(redis) < 0)
        return -1;
    *ret_addresses = lookup_addresses(lookup, why, sizeof why);
    return *ret_addresses != NULL ? 0 : redis_say(redis, "%s", why);
}

/* An address that does not answer takes an equal part of the time, not all of it. */
int redis_connect(struct redis *redis, const struct redis_place *place)
{
    struct lookup *lookup CLEANUP(drop_lookup) = NULL;
    const struct addrinfo *addresses;
    int64_t left = 0;

    if (look_up(redis, place, &lookup, &addresses) < 0)
        return -1;
    for (const struct addrinfo *address = addresses; address != NULL; address = address->ai_next)
        left++;
    for (const struct addrinfo *address = addresses; address != NULL && !redis->woken; address = address->ai_next, left--) {
        int64_t now = monotonic_ns();

        if (connect_one(redis, place, address, now + (redis->deadline - now) / left) == 0)
            return 0;
        if (redis->fd >= 0)
            close(redis->fd);
        redis->fd = -1;
    }
    return -1;
}

static int broken(struct redis *redis, int cause)
{
    return redis_say(redis, "the connection broke: %s", strerror(cause));
}

static ssize_t send_some(struct redis *redis, const char *bytes, size_t count)
{
    if (redis->ssl != NULL)
        return redis_tls_send(redis, bytes, count);
    ssize_t sent = send(redis->fd, bytes, count, MSG_NOSIGNAL);

    if (sent >= 0)
        return sent;
    if (errno == EAGAIN)
        return redis_wait(redis, POLLOUT, redis->deadline);
    return errno == EINTR ? 0 : broken(redis, errno);
}

int redis_send(struct redis *redis, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = redis_may_go_on(redis) < 0 ? -1 : send_some(redis, bytes, count);

        if (sent < 0)
            return -1;
        bytes += sent;
        count -= (size_t)sent;
    }
    return 0;
}

static int closed(struct redis *redis)
{
    if (redis->answered)
        return redis_say(redis, "it closed the connection");
    return redis_say(redis, "it closed the connection before it answered; if this port speaks TLS, write rediss://");
}

static ssize_t receive_some(struct redis *redis, char *bytes, size_t room)
{
    if (redis->ssl != NULL)
        return redis_tls_receive(redis, bytes, room);
    ssize_t got = recv(redis->fd, bytes, room, 0);

    if (got > 0)
        return got;
    if (got == 0)
        return closed(redis);
    if (errno == EAGAIN)
        return redis_wait(redis, POLLIN, redis->deadline);
    if (errno == ECONNRESET && !redis->answered)
        return closed(redis);
    return errno == EINTR ? 0 : broken(redis, errno);
}

ssize_t redis_receive(struct redis *redis, char *bytes, size_t room)
{
    ssize_t got = 0;

    while (got == 0)
        got = redis_may_go_on(redis) < 0 ? -1 : receive_some(redis, bytes, room);
    return got;
}
