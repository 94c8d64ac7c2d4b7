/* HTTPS: one thread that only fetches. A handshake, an authority's certificates, a key set of a megabyte each take milliseconds, in which the loop
   answers hundreds of questions; so the loop does none of it. libcurl does the work. Fetches are limited in size and time, and come only from the
   host that was named, by no other protocol.

   A job is one piece of work: one or more requests, one after the other. It begins on the thread, and ends on the loop. */
#ifndef ASSAY_HTTPS_H
#define ASSAY_HTTPS_H

#include <stdbool.h>
#include <time.h>

#include <uv.h>

#include "agent/base/limits.h"

struct https;

struct https_job {
    struct https_job *next;
    void (*run)(struct https *https, struct https_job *job); /* on the thread; must end with https_finish(), then or later */
    void (*done)(struct https_job *job);                     /* on the loop; the owner has the job back */
    bool aborted; /* it did not finish: the agent stops, or out of memory */
};

/* The thread begins with the first job. NULL: out of memory or descriptors. */
struct https *https_new(uv_loop_t *loop);
void https_submit(struct https *https, struct https_job *job);

/* Ends the thread. Jobs under way come back aborted, during this call. Freed by the loop; NULL is fine. */
void https_close(struct https *https);

/* On the thread: */
void https_finish(struct https *https, struct https_job *job);

/* One GET. The caller owns all texts, and keeps them unchanged until `arrived`. */
struct https_request {
    const char *url, *accept;
    const char *ca_file;    /* NULL: the system's authorities */
    const char *token_file; /* file with a bearer token; NULL: no Authorization */
    const char *known_etag; /* NULL or empty: no If-None-Match */
    size_t bytes_max;
    int64_t deadline; /* of the whole request, as monotonic_ns() counts; 0: HTTPS_SECONDS_MAX from now */
    double seconds;   /* the time up to the deadline, for error messages; 0: HTTPS_SECONDS_MAX */
    void (*arrived)(struct https *https, struct https_request *request); /* on the thread */
    bool (*take)(struct https_request *request, const char *bytes, size_t size); /* gets the body of a 200 as it arrives, with a time limit that
                                                                                    grows with its size; false: stop. NULL: the body goes into
                                                                                    `body` */
    void *context;

    /* The result. */
    int status; /* the HTTP status; 0: no answer, and `why` says why, for people */
    char why[256];
    char *body; /* `size` bytes; https_clear frees it */
    size_t size;
    char etag[HTTPS_ETAG_BYTES_MAX];     /* empty: absent, or not reliable for detecting every change */
    char cursor[HTTPS_CURSOR_BYTES_MAX]; /* of Assay-Cursor (feeds/from_https.c); empty: absent */
    double max_age, retry_after;     /* seconds; negative: the server did not say */
    double age; /* seconds for which a cache on the way had kept the answer (RFC 9111 5.1) */
    int64_t asked; /* monotonic_ns() before the answered request was sent: later changes may not be in the answer */

    /* Internal. */
    struct https *https;
    void *handle, *headers;
    size_t header_bytes;
    time_t date, modified; /* from the answer; -1: absent or unreadable */
    bool is_dated;         /* it has a Last-Modified */
    unsigned redirects;
    bool too_much, too_slow;
    char location[URL_BYTES_MAX + 1];
};

/* Begins the request. The caller has filled in the members above "The result"; the others are zero, or were cleared. */
void https_get(struct https *https, struct https_request *request);

/* How long ago the answer's request was sent, plus the time for which a cache had kept the answer: its content was current then. */
double https_answer_age(const struct https_request *request);

/* Frees the result, and ends a request that is under way, which happens only after https_close(). The request may begin again. */
void https_clear(struct https_request *request);

#endif
