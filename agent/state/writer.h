/* The one thread that writes to the store. A commit syncs the disk, which may take long, so it never runs on the loop. All waiting jobs go into
   one transaction: a thousand revocations at once cost one sync. */
#ifndef ASSAY_WRITER_H
#define ASSAY_WRITER_H

#include <uv.h>

#include "store.h"

struct job {
    struct job *next;
    int (*run)(struct job *job, struct view *view); /* on the writer's thread: 0, or -1, and then none of its changes is kept */
    void (*done)(struct job *job, int status);      /* on the loop's thread, when it is on the disk (0) or was given up (-1) */
    int status;
    bool frees; /* it frees more than it takes, and may run in a full store */
    bool tells; /* `done` reports what has changed; otherwise anything may have changed */
};

struct writer;

/* `committed` is called on the loop's thread after each commit, before any `done` of it: there the owner of a view of the store drops it. `told`:
   all its jobs report their changes. NULL: out of memory or threads. */
struct writer *writer_start(uv_loop_t *loop, struct store *store, void (*committed)(void *context, bool told), void *context);

/* Takes a job; it runs after the earlier ones. -1: too many are waiting, and the job was not taken. */
int writer_submit(struct writer *writer, struct job *job);

/* Finishes all jobs, calls their `done`, and frees the writer once the loop has closed its handle. */
void writer_stop(struct writer *writer);

#endif
