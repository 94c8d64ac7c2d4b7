/* The inside of a link to a Redis stream, for redis_link.c (on the loop) and redis_link_thread.c. */
#ifndef ASSAY_REDIS_LINK_INSIDE_H
#define ASSAY_REDIS_LINK_INSIDE_H

#include <pthread.h>
#include <hiredis/hiredis.h>

#include "agent/base/limits.h"
#include "agent/outbound/redis.h"
#include "redis_link.h"
#include "stream_reader.h"

struct redis_link {
    uv_async_t wake; /* a handle of the loop; not used after it is closed */
    void (*news)(void *context);
    void *context;
    struct redis_place place;
    char *stream, *ca_file, *password_file;
    char said[600]; /* the configuration, for comparison */
    int wake_fd;    /* wakes the thread while it waits for the network */
    double tokens;  /* used by the thread: how many replies it may hand to the loop now */
    int64_t paced;
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t go;
    unsigned references;
    bool closed;
    struct redis_news pending;
    redisReply *reply;
    bool after_gap;                  /* the reply came with a gap */
    struct stream_position last;     /* of the reply */
    struct stream_position position; /* belongs to the loop while there is a reply, otherwise to the thread; written under the lock */
};

/* The thread's function. `link`: a struct redis_link; the thread drops one reference to it at its end. */
void *redis_link_run(void *link);

/* Drops a reference; the last one frees the link. */
void redis_link_drop(struct redis_link *link);

#endif
