/* The inside of HTTPS, for https.c (the thread and its jobs), request.c (one request, and libcurl) and names.c (what comes before it). */
#ifndef ASSAY_HTTPS_INSIDE_H
#define ASSAY_HTTPS_INSIDE_H

#include <pthread.h>
#include <curl/curl.h>

#include "https.h"

struct jobs {
    struct https_job *first, **last;
};

struct lookup;
struct reading;

/* A request's handle and its data. */
struct transfer {
    struct https_request *request;
    CURL *curl;
    char errors[CURL_ERROR_SIZE]; /* libcurl writes its errors here */
    int64_t begun, deadline;
    struct transfer *next;           /* in the list of transfers whose files are being read, or names looked up */
    bool reads;                      /* reading files; the name comes later */
    struct reading *token, *ca_file; /* NULL: not configured */
    struct lookup *lookup;
    char host[256], port[8];
    struct curl_slist *resolved;
    bool by_libcurl; /* libcurl looks the name up */
};

struct https {
    uv_async_t wake;
    pthread_t thread;
    bool started;         /* used by the loop */
    pthread_mutex_t lock; /* protects what follows */
    pthread_cond_t work;
    struct jobs waiting, finished;
    bool stop, sleeps;           /* sleeps: waits on the condition, not in libcurl */
    CURLM *multi;                /* used by the thread, except that the loop may wake it */
    struct https_job *under_way; /* used by the thread; by the loop after the thread's end */
    struct transfer *preparing;  /* the same */
};

/* Ends a request that libcurl has finished: on the thread. */
void request_finished(struct https *https, CURL *curl, CURLcode code);

/* Continues requests whose files were read, or whose names were looked up. */
void requests_go_on(struct https *https);

/* For libcurl: one line of the answer's head. `context`: a struct https_request. */
size_t request_on_header(char *line, size_t one, size_t size, void *context);

#endif
