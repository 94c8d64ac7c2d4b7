/* The inside of a connection to a Redis, for redis.c (commands and replies), redis_login.c (authentication), redis_stream.c (sending, receiving
   and waiting) and redis_tls.c. */
#ifndef ASSAY_REDIS_INSIDE_H
#define ASSAY_REDIS_INSIDE_H

#include <hiredis/hiredis.h>
#include <openssl/ssl.h>
#include <sys/types.h>

#include "redis.h"

struct redis {
    int fd;
    SSL_CTX *context; /* the three members of TLS; NULL without TLS */
    BIO_METHOD *method;
    SSL *ssl;
    redisReader *reader;
    bool answered; /* has answered at least once: it is a Redis */

    /* Of the call under way. */
    int64_t deadline;
    int wake_fd;
    bool woken;
    char *why;
};

/* Writes `why`, unless the call was woken. Returns -1. */
int redis_say(struct redis *redis, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* 0: the events (poll's) have occurred. -1: the deadline has come, or the call was woken. */
int redis_wait(struct redis *redis, short events, int64_t deadline);

/* -1 if the deadline has come, or the call was woken: for steps that never have to wait. */
int redis_may_go_on(struct redis *redis);

/* TCP, trying all addresses. */
int redis_connect(struct redis *redis, const struct redis_place *place);

/* Sends all bytes; receives some: 1 or more bytes, or -1. */
int redis_send(struct redis *redis, const char *bytes, size_t count);
ssize_t redis_receive(struct redis *redis, char *bytes, size_t room);

/* The handshake; reads or writes some bytes: 0 if it had to wait and must be called again, with the same bytes. */
int redis_tls_begin(struct redis *redis, const struct redis_place *place, const char *ca_file);
ssize_t redis_tls_send(struct redis *redis, const char *bytes, size_t count);
ssize_t redis_tls_receive(struct redis *redis, char *bytes, size_t room);
void redis_tls_end(struct redis *redis);

/* AUTH, a check that the server accepts commands, SELECT. */
int redis_log_in(struct redis *redis, const struct redis_place *place, const char *password_file);

/* redis_call() within a call under way. */
redisReply *redis_exchange(struct redis *redis, int argc, const char **argv, const size_t *lengths);

#endif
