/* The inside of watching, for watch.c (all files: when they are looked at, and who waits for that) and watched.c (one file: what its
   looks and readings make of it). */
#ifndef ASSAY_FILE_WATCH_INSIDE_H
#define ASSAY_FILE_WATCH_INSIDE_H

#include "agent/base/alarm.h"
#include "agent/base/limits.h"
#include "facts.h"
#include "folders.h"
#include "watch.h"

#define LOOK_MS  500 /* between two looks */
#define THREADS_MAX 2 /* for looks and readings that may hang, of libuv's four */
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
    bool restless; /* told before it had settled */
    bool good;    /* when it was last read */
    bool late, overdue, dropped;
    bool counts;      /* as one that is being read in a thread that it may keep for long */
    bool after_pause; /* nobody had looked for so long that nothing may be answered before it was looked at and read; */
    bool gave_up;     /* unless that takes too long */
    unsigned rereads;
    uint64_t changed_at, told_at, not_before, again_at; /* milliseconds of the loop's clock; 0: never */
    uint64_t since;    /* likewise: since when there may be a change that was not read yet; 0: none */
    uint64_t clean_at; /* likewise: when it was last looked at, and was as it was read */
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
    unsigned looking, reading; /* in threads that a file system may hold for long */
    bool waits, closed;
};

/* Looks at all of them in so long. */
void watch_look_in(struct watch *watch, uint64_t milliseconds);

/* Whoever waits for a look may not have to any more. */
void watch_see(struct watch *watch);

/* A change of it is still to be read, or it is still to be looked at. */
bool watched_is_pending(const struct watched *watched);

/* Tells its watcher, if there is something to tell, it is left alone long enough, and there is a thread for it. */
void watched_tell(struct watched *watched);

/* A thread is free again, or a change was read. */
void watch_go_on(struct watch *watch);

/* What a look has found: an errno, or 0 and facts. */
void watched_looked(struct watched *watched, int error, const struct file_facts *facts);

/* A look, or a reading, that takes longer than it may. */
void watched_see_if_late(struct watched *watched, uint64_t now);

#endif
