/* The one thread that writes to the store. A commit syncs the disk, which takes as long as it takes, so it never happens on the
   loop. What is waiting goes into one transaction: a thousand revocations at once cost one sync. */
#ifndef ASSAY_WRITER_H
#define ASSAY_WRITER_H

#include <uv.h>

#include "store.h"

struct job {
    struct job *next;
    int (*run)(struct job *job, struct view *view); /* on the writer's thread: 0, or -1, and then nothing of it is kept */
    void (*done)(struct job *job, int status);      /* on the loop's, when it is on the disk (0) or was given up (-1) */
    int status;
    bool frees; /* it takes less than it gives back, and may run in a store that is full */
    bool tells; /* `done` tells whoever it concerns what has changed; otherwise it may have been anything */
};

struct writer;

/* `committed` is called on the loop's thread after each commit, before any `done` of it: whoever has a view of the store lets go of
   it there. `told`: all of its jobs tell. NULL: out of memory or threads. */
struct writer *writer_start(uv_loop_t *loop, struct store *store, void (*committed)(void *context, bool told), void *context);

/* Takes a job; it runs after those that came before it. -1: too many are waiting, and the job was not taken. */
int writer_submit(struct writer *writer, struct job *job);

/* Finishes all jobs, calls their `done`, and frees the writer once the loop has closed its handle. */
void writer_stop(struct writer *writer);

#endif
