/* The inside of HTTPS, for https.c (the thread and its jobs) and request.c (one request, and libcurl). */
#ifndef ASSAY_HTTPS_INSIDE_H
#define ASSAY_HTTPS_INSIDE_H

#include <pthread.h>
#include <curl/curl.h>

#include "https.h"

struct jobs {
    struct https_job *first, **last;
};

struct https {
    uv_async_t wake;
    pthread_t thread;
    bool started;         /* the loop's */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t work;
    struct jobs waiting, finished;
    bool stop, sleeps;           /* sleeps: on the condition, not in libcurl */
    CURLM *multi;                /* the thread's, but that the loop may wake it */
    struct https_job *under_way; /* the thread's; the loop's after its end */
};

/* What libcurl has ended: on the thread. */
void request_finished(struct https *https, CURL *curl, CURLcode code);

#endif
