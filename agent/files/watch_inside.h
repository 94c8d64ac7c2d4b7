/* The inside of watching, for watch.c (all files: when they are looked at, and who waits for that) and watched.c (one file: what its
   looks and readings make of it). */
#ifndef ASSAY_FILE_WATCH_INSIDE_H
#define ASSAY_FILE_WATCH_INSIDE_H

#include "agent/alarm.h"
#include "agent/limits.h"
#include "facts.h"
#include "folders.h"
#include "watch.h"

#define LOOK_MS  500 /* between two looks */
#define WAIT_MS  900 /* since the last look, or for it: beyond it nothing is answered without one, and nobody waits any longer */

struct watched {
    uv_work_t work; /* first: a look at a file system that might hang */
    struct watched *next;
    struct watch *watch;
    struct watcher watcher;
    char *path, *folder, *name;
    struct file_facts seen;
    bool has_seen;
    int error;    /* of the last look */
    bool is_local;
    bool forced;  /* the kernel says that something happened to it */
    bool changed; /* and nobody was told yet */
    bool told;    /* and has not read it yet */
    bool again;   /* has changed since they were told */
    bool good;    /* when it was last read */
    bool late, overdue, dropped;
    unsigned rereads;
    uint64_t changed_at, told_at, not_before, again_at; /* milliseconds of the loop's clock; 0: never */
    uint64_t since;                           /* likewise: of the first change that was not read yet; 0: none */
    double told_time, confirmed;              /* Unix seconds */
    int64_t told_ns, confirmed_ns;            /* the same by CLOCK_MONOTONIC */

    /* While a thread looks. */
    bool looking, wanted;
    uint64_t began;
    struct file_facts found;
    int found_error;
    bool found_local;
};

struct watch {
    uv_loop_t *loop;
    struct alarm *alarm;
    uint64_t due; /* of the alarm; 0: not set */
    struct folders *folders;
    struct watched *first;
    void (*seen)(void *context);
    void *context;
    uint64_t last; /* look; 0: none yet */
    uint64_t waits_until;
    unsigned looking;
    bool waits, closed;
};

/* Looks at all of them in so long. */
void watch_look_in(struct watch *watch, uint64_t milliseconds);

/* Whoever waits for a look may not have to any more. */
void watch_see(struct watch *watch);

/* A change of it is still to be read, or it is still to be looked at. */
bool watched_is_pending(const struct watched *watched);

/* What a look has found: an errno, or 0 and facts. */
void watched_looked(struct watched *watched, int error, const struct file_facts *facts);

/* A look, or a reading, that takes longer than it may. */
void watched_see_if_late(struct watched *watched, uint64_t now);

#endif
