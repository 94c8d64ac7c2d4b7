/* HTTPS: a thread that fetches, and nothing else. A handshake, an authority's certificates, a key set of a megabyte: each takes
   milliseconds, in which the loop answers hundreds of questions; so none of it happens there. libcurl does the work; what is
   fetched is bounded in size and time, and comes from the host that was named, by no other protocol.

   A job is one piece of work, of one or more requests, one after the other. It begins on the thread, and ends on the loop. */
#ifndef ASSAY_HTTPS_H
#define ASSAY_HTTPS_H

#include <stdbool.h>
#include <time.h>

#include <uv.h>

#include "agent/base/limits.h"

struct https;

struct https_job {
    struct https_job *next;
    void (*run)(struct https *https, struct https_job *job); /* on the thread; ends by https_finish(), then or later */
    void (*done)(struct https_job *job);                     /* on the loop; it is the owner's again */
    bool aborted; /* it did not end by itself: the agent stops, or there is no memory for it */
};

/* The thread begins with the first job. NULL: out of memory or descriptors. */
struct https *https_new(uv_loop_t *loop);
void https_submit(struct https *https, struct https_job *job);

/* Ends the thread. Jobs under way come back aborted, here and now. Freed by the loop; NULL is fine. */
void https_close(struct https *https);

/* On the thread: */
void https_finish(struct https *https, struct https_job *job);

/* One GET. All texts are the caller's, and stay as they are until `arrived`. */
struct https_request {
    const char *url, *accept;
    const char *ca_file;    /* NULL: the system's authorities */
    const char *token_file; /* of a bearer token; NULL: no Authorization */
    const char *known_etag; /* NULL or empty: no If-None-Match */
    size_t bytes_max;
    int64_t deadline; /* of the whole, as monotonic_ns() counts; 0: HTTPS_SECONDS_MAX from now */
    double seconds;   /* that the deadline has left in all, for people; 0: HTTPS_SECONDS_MAX */
    void (*arrived)(struct https *https, struct https_request *request); /* on the thread */
    bool (*take)(struct https_request *request, const char *bytes, size_t size); /* an answer of 200 goes there as it comes, and takes as long
                                                                                    as its size allows; false: enough. NULL: into `body` */
    void *context;

    /* What came of it. */
    int status; /* of HTTP; 0: there is no answer, and `why` says so, for people */
    char why[256];
    char *body; /* `size` bytes; https_clear frees it */
    size_t size;
    char etag[HTTPS_ETAG_BYTES_MAX];     /* empty: none, or none that changes whenever what is served does */
    char cursor[HTTPS_CURSOR_BYTES_MAX]; /* of Assay-Cursor (revocation/kind_https.c); empty: none */
    double max_age, retry_after;     /* seconds; negative: none was said */
    double age; /* seconds for which a cache on the way had kept the answer (RFC 9111 5.1) */
    int64_t asked; /* monotonic_ns() before the request was sent that was answered: what has changed since may not be in it */

    /* Its own. */
    struct https *https;
    void *handle, *headers;
    size_t header_bytes;
    time_t date, modified; /* as the answer says; -1: it does not, or in words that cannot be read */
    bool is_dated;         /* it has a Last-Modified */
    unsigned redirects;
    bool too_much, too_slow;
    char location[URL_BYTES_MAX + 1];
};

/* Begins. The members above "what came of it" are filled in; the others are zero, or were cleared. */
void https_get(struct https *https, struct https_request *request);

/* How long ago the answer's request was sent, and so much more as a cache had kept the answer: what it says was so then. */
double https_answer_age(const struct https_request *request);

/* Frees what came of it, and ends it if it is under way, which only https_close() leaves it. It may begin anew. */
void https_clear(struct https_request *request);

#endif
