/* The inside of the feeds, for feed.c (one feed) and feeds.c (all of them). */
#ifndef ASSAY_FEED_INSIDE_H
#define ASSAY_FEED_INSIDE_H

#include <stdatomic.h>

#include "agent/alarm.h"
#include "feed_file.h"
#include "feeds.h"

/* One feed. It is idle, or being read by a thread of libuv's pool, or what was read is being written: one after the other. */
struct feed {
    struct feeds *all;
    struct feed *next;
    struct job job;
    uv_work_t work;
    struct feed_file file;            /* the reading thread's while `busy` */
    const struct feed_config *config; /* of the configuration in force */
    const struct feed_config *use;    /* while busy: of `ring`'s configuration */
    struct keyring *ring;             /* while busy */
    struct batch *batch;              /* while busy */
    char *path, *source;
    char error[96];            /* empty: none */
    struct feed_cursor stored; /* what of `file` is in the store */
    double good;
    uint64_t records, unreadable, unreadable_now;
    uint64_t lines, offset, size; /* for those who ask; `file` has newer ones, on its thread */
    struct thing things[FEED_THINGS_MAX]; /* that what was read is about */
    unsigned thing_count;                 /* above the maximum: all, and more than can be named */
    int read_status, read_errno;
    bool busy, again, dropped, is_read, shows;
    atomic_bool enough; /* what is being read ends at one of the next lines: the agent stops, or has another configuration */
};

struct feeds {
    struct agent *agent;
    struct feed *first;
    struct alarm *retry;
    unsigned not_good; /* feeds that were not read yet, or cannot be read: 0 is the common case, and costs nothing */
    bool incomplete;   /* there was no memory for one of them */
    bool stopped;
};

/* An issuer's spellings are one: a feed that may speak for one of them may for all. `issuer` may be NULL. */
bool feed_may_speak_for(const struct feed_config *config, const struct issuer *issuer, struct text name);

/* What a line says, if this feed may say it. NULL, or why not. */
const char *feed_read_line(struct line_reader *reader, const struct feed_config *config, const struct keyring *ring, double now,
                           const char *text, size_t bytes, struct line *ret);

/* Reads on, now or when what is under way has ended. */
void feed_start(struct feed *feed);
struct feed *feed_new(struct feeds *feeds, const struct feed_config *config); /* NULL: out of memory */
void feed_free(struct feed *feed);
void feeds_count(struct feeds *feeds); /* those that are not good */

#endif
