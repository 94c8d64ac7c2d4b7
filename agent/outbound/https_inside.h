/* The inside of HTTPS, for https.c (the thread and its jobs), request.c (one request, and libcurl) and names.c (before it). */
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

/* A request's handle, and what goes with it. */
struct transfer {
    struct https_request *request;
    CURL *curl;
    char errors[CURL_ERROR_SIZE]; /* libcurl writes what went wrong */
    int64_t begun, deadline;
    struct transfer *next;           /* whose files are read, or names are looked up */
    bool reads;                      /* files, and no name yet */
    struct reading *token, *ca_file; /* NULL: none is wanted */
    struct lookup *lookup;
    char host[256], port[8];
    struct curl_slist *resolved;
    bool by_libcurl; /* which looks the name up */
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
    struct transfer *preparing;  /* the same */
};

/* What libcurl has ended: on the thread. */
void request_finished(struct https *https, CURL *curl, CURLcode code);

/* Requests whose files were read, or whose names were looked up, go on. */
void requests_go_on(struct https *https);

/* For libcurl: one line of the answer's head. `context`: a struct https_request. */
size_t request_on_header(char *line, size_t one, size_t size, void *context);

#endif
