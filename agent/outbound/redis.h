/* One blocking connection to a Redis or a Valkey, for a thread that does nothing else meanwhile, and for the command line. It needs neither a loop
   nor the agent. It measures what the server sends before it uses or keeps any of it: a reply has limits on size, depth and number of elements,
   and data that is not a reply ends the connection.

   Every call has a deadline (as monotonic_ns() counts) and may have a descriptor that ends the call as soon as it is readable. `why` is for
   people, and says what to do if possible; it is printable, and never contains a password. It is empty only if the descriptor ended the call. */
#ifndef ASSAY_OUTBOUND_REDIS_H
#define ASSAY_OUTBOUND_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REDIS_WHY_BYTES 256

struct redis;

/* The server's address, from a URL. */
struct redis_place {
    char host[256]; /* a name or an address, an IPv6 one without its brackets */
    unsigned port, db;
    bool tls;
    char user[128]; /* empty: no user */
};

/* redis://[user@]host[:port][/db], or rediss:// for TLS. A URL must not contain a password, and nothing in it is decoded. -1: `why`, which does
   not repeat the URL. */
int redis_place_read(const char *url, struct redis_place *ret_place, char why[REDIS_WHY_BYTES]);

struct redis_login {
    const char *ca_file;       /* NULL: the system's authorities */
    const char *password_file; /* NULL: no password. Read at each connect, so that a new password needs no reload */
};

/* Connects, trying all addresses of the host; TLS (1.2 or later, checking the certificate and its name); AUTH, SELECT. The name is looked up at
   each connect (lookup.h). wake_fd -1: none. NULL: `why`. */
struct redis *redis_open(const struct redis_place *place, const struct redis_login *login, int64_t deadline, int wake_fd,
                         char why[REDIS_WHY_BYTES]);

/* One command and its reply: a redisReply, freed by freeReplyObject(); also if the reply is an error. NULL: the connection can no longer be used,
   and must be closed. `lengths` NULL: the arguments are terminated strings. */
void *redis_call(struct redis *redis, int64_t deadline, int wake_fd, char why[REDIS_WHY_BYTES], int argc, const char **argv,
                 const size_t *lengths);

/* NULL is fine. */
void redis_close(struct redis *redis);

#endif
