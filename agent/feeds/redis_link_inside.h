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
    uv_async_t wake; /* of the loop; not sent to once it is closed */
    void (*news)(void *context);
    void *context;
    struct redis_place place;
    char *stream, *ca_file, *password_file;
    char said[600]; /* the configuration, to compare */
    int wake_fd;    /* of the thread, while it waits for the network */
    double tokens;  /* the thread's: how often it may go to the loop at once */
    int64_t paced;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t go;
    unsigned references;
    bool closed;
    struct redis_news pending;
    redisReply *reply;
    bool after_gap;                  /* the reply came with one */
    struct stream_position last;     /* of the reply */
    struct stream_position position; /* the loop's while there is a reply, else the thread's, and written with the lock */
};

/* The thread's whole work. `link`: a struct redis_link, one reference to which it drops at its end. */
void *redis_link_run(void *link);

/* A reference less; the last one frees it. */
void redis_link_drop(struct redis_link *link);

#endif
