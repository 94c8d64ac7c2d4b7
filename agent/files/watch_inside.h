/* The inside of watching, for watch.c (all files: when they are checked, and which requests wait for that) and watched.c (one file: how results of
   checks and readings change its state). */
#ifndef ASSAY_FILE_WATCH_INSIDE_H
#define ASSAY_FILE_WATCH_INSIDE_H

#include "agent/base/alarm.h"
#include "agent/base/limits.h"
#include "facts.h"
#include "folders.h"
#include "watch.h"

#define LOOK_MS  500 /* between two checks */
#define THREADS_MAX 2 /* for checks and readings that may hang, of libuv's four */
#define WAIT_MS  900 /* since the last check, or for one: beyond it nothing is answered without a check, and no request waits longer */

struct watched {
    uv_work_t work; /* first: a check on a file system that might hang */
    struct watched *next;
    struct watch *watch;
    struct watcher watcher;
    char *path, *folder, *name;
    struct file_facts seen;
    bool has_seen;
    int error;    /* of the last check */
    bool is_local;
    bool forced;  /* the kernel reports that something happened to it */
    bool changed; /* it has changed, and the watcher does not know yet */
    bool told;    /* the watcher knows of a change, and has not read the file yet */
    bool again;   /* the file has changed since then */
    bool restless; /* the watcher learned of the change before the file had settled */
    bool good;    /* it was usable when last read */
    bool late, overdue, dropped;
    bool counts;      /* counted as being read in a thread that it may block for long */
    bool after_pause; /* no check was made for so long that nothing may be answered before it was checked and read; */
    bool gave_up;     /* unless that takes too long */
    unsigned rereads;
    uint64_t changed_at, told_at, not_before, again_at; /* milliseconds of the loop's clock; 0: never */
    uint64_t since;    /* likewise: since when an unread change may exist; 0: none */
    uint64_t clean_at; /* likewise: when a check last found it unchanged since it was read */
    double told_time, confirmed;              /* Unix seconds */
    int64_t told_ns, confirmed_ns;            /* the same by CLOCK_MONOTONIC */

    /* While a thread checks. */
    bool looking, wanted;
    uint64_t began;
    struct file_facts found;
    int found_error;
    bool found_local;
};

struct watch {
    uv_loop_t *loop;
    struct alarm *alarm;
    uint64_t due; /* when the alarm rings; 0: not set */
    struct folders *folders;
    struct watched *first;
    void (*seen)(void *context);
    void *context;
    uint64_t last; /* the last check; 0: none yet */
    uint64_t waits_until;
    unsigned looking, reading; /* in threads that a file system may block for long */
    bool waits, closed;
};

/* Checks all of them after this time. */
void watch_look_in(struct watch *watch, uint64_t milliseconds);

/* Lets requests continue that no longer have to wait for a check. */
void watch_see(struct watch *watch);

/* A change of it is still to be read, or it is still to be checked. */
bool watched_is_pending(const struct watched *watched);

/* Tells its watcher, if there is a change, the file has settled, and a thread is free. */
void watched_tell(struct watched *watched);

/* A thread is free again, or a change was read. */
void watch_go_on(struct watch *watch);

/* The result of a check: an errno, or 0 and facts. */
void watched_looked(struct watched *watched, int error, const struct file_facts *facts);

/* Handles a check, or a reading, that takes longer than it may. */
void watched_see_if_late(struct watched *watched, uint64_t now);

#endif
