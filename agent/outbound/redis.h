/* One connection to a Redis, or a Valkey: blocking, for a thread that does nothing else meanwhile, and for the command line. It
   knows neither a loop nor the agent. What the other side sends is measured before any of it is believed or kept: a reply has a
   largest size, depth and number of elements, and what is no reply ends the connection.

   Every call has a deadline (monotonic_ns() counts it) and may have a descriptor that ends it as soon as it is readable. `why` is
   for people and says what to do where there is something; it is printable, and never holds a password. It is empty only when
   the descriptor ended the call. */
#ifndef ASSAY_OUTBOUND_REDIS_H
#define ASSAY_OUTBOUND_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_WHY_BYTES 256

struct redis;

/* Where it is, as a URL says. */
struct redis_place {
    char host[256]; /* a name or an address, an IPv6 one without its brackets */
    unsigned port, db;
    bool tls;
    char user[128]; /* empty: none */
};

/* redis://[user@]host[:port][/db], or rediss:// for TLS. A password is not taken from a URL, and nothing in one is decoded.
   -1: `why`, which does not repeat the URL. */
int redis_place_read(const char *url, struct redis_place *ret_place, char why[REDIS_WHY_BYTES]);

struct redis_login {
    const char *ca_file;       /* NULL: the system's authorities */
    const char *password_file; /* NULL: none. Read at each connect, so that a new password needs nothing else */
};

/* Connects, over all addresses of the host; TLS (1.2 or later, the certificate and its name are checked); AUTH, SELECT. Names are
   looked up at each connect (lookup.h). wake_fd -1: none. NULL: `why`. */
struct redis *redis_open(const struct redis_place *place, const struct redis_login *login, int64_t deadline, int wake_fd,
                         char why[REDIS_WHY_BYTES]);

/* One command and its reply: a redisReply, freed by freeReplyObject(); also where the reply is an error. NULL: the connection is of
   no use any more, and is to be closed. `lengths` NULL: they are texts. */
void *redis_call(struct redis *redis, int64_t deadline, int wake_fd, char why[REDIS_WHY_BYTES], int argc, const char **argv,
                 const size_t *lengths);

/* NULL is fine. */
void redis_close(struct redis *redis);

#endif
