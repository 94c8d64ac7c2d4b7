/* The inside of the feeds, for feed.c (one feed, on its way round), feeds.c (all of them), and the files of the kinds there are. */
#ifndef ASSAY_FEED_INSIDE_H
#define ASSAY_FEED_INSIDE_H

#include <stdatomic.h>

#include "agent/alarm.h"
#include "batch.h"
#include "feeds.h"

struct feed;

/* Where a feed's records come from. All of it is called on the loop's thread. */
struct feed_kind {
    size_t bytes;                     /* of a feed of this kind: it begins with a struct feed */
    int (*open)(struct feed *feed);   /* 0, or -1: out of memory */
    void (*close)(struct feed *feed); /* frees what is its own; nothing of it is under way */

    /* Its stored cursor has been loaded: it begins. NULL: it is read when somebody says so. */
    void (*begin)(struct feed *feed);

    /* Is it as this configuration of the same name wants it? NULL: always. */
    bool (*fits)(const struct feed *feed, const struct feed_config *config);

    /* What comes from now on goes through feed_reader into feed->batch, on whichever thread, and ends by feed_was_read(), on the
       loop's. */
    void (*read)(struct feed *feed);

    /* What was read is on the disk, or could not be had, which feed->error says: when is it read again? `lost`: what was read since
       the cursor that is stored is to be read once more. */
    void (*rest)(struct feed *feed, bool lost);

    /* It is wanted no more: what is under way ends soon. Called again when it has. NULL: nothing to do. */
    void (*end)(struct feed *feed);
};
extern const struct feed_kind feed_kind_file, feed_kind_https, feed_kind_redis;

enum read_status {
    READ_FAILED = 0, /* feed->why */
    READ_SOME,       /* there is more, and it is to be read on at once */
    READ_PART,       /* there is more, and it comes by itself */
    READ_ALL,
};

/* One feed. It is at rest, or being read, or what was read is being written: one after the other. */
struct feed {
    const struct feed_kind *kind;
    struct feeds *all;
    struct feed *next;
    struct job job;
    const struct feed_config *config; /* of the configuration in force */
    const struct feed_config *use;    /* while busy: of `ring`'s configuration */
    struct keyring *ring;             /* while busy */
    struct batch *batch;              /* while busy */
    char *source;
    char error[128];                  /* empty: none */
    void *cursor;                     /* where it was read to, in the kind's own form; the reading thread's while busy */
    uint8_t stored[CURSOR_BYTES_MAX]; /* what of it is in the store */
    size_t cursor_bytes;
    bool has_stored; /* `stored` was looked for */
    double good;     /* Unix seconds: when it was last as it should be, all of it; 0: never */
    uint64_t records, unreadable, unreadable_now;
    uint64_t lines, offset, size, gaps;   /* for those who ask */
    struct thing things[FEED_THINGS_MAX]; /* that what was read is about */
    unsigned thing_count;                 /* above the maximum: all, and more than can be named */
    enum read_status status;
    char why[128];
    bool busy, again, dropped, is_read, shows;
    atomic_bool enough; /* what is being read ends at one of the next lines: the agent stops, or has another configuration */
};

struct feeds {
    struct agent *agent;
    struct feed *first;
    struct alarm *retry;
    unsigned not_good; /* feeds that were not read yet, or cannot be read: 0 is the common case, and costs nothing */
    bool bounded;      /* there are remote ones, and how old what they said may be */
    bool incomplete;   /* there was no memory for one of them */
    bool stopped;
};

/* Takes lines into the feed's batch. Each thread has its own. */
struct feed_reader {
    struct feed *feed;
    struct hasher *hasher;
    struct line_reader *reader;
    double now;
    unsigned told;
    uint64_t offset, size; /* how far it has come, for those who wait; of a file */
};
int feed_reader_open(struct feed_reader *reader, struct feed *feed); /* -1: out of memory */
void feed_reader_close(struct feed_reader *reader);

/* 1: taken; 0: not now, this line must come again; -1: out of memory. `context`: a struct feed_reader. */
int feed_take(void *context, uint64_t number, const char *text, size_t bytes);

/* An issuer's spellings are one: a feed that may speak for one of them may for all. `issuer` may be NULL. */
bool feed_may_speak_for(const struct feed_config *config, const struct issuer *issuer, struct text name);

/* What a line says, if this feed may say it. NULL, or why not. */
const char *feed_read_line(struct line_reader *reader, const struct feed_config *config, const struct keyring *ring, double now,
                           const char *text, size_t bytes, struct line *ret);

/* Once, when it is configured; again if it could not. */
void feed_begin(struct feed *feed);

/* Reads on, now or when what is under way has ended. */
void feed_start(struct feed *feed);

/* What `read` has begun has ended: feed->status, feed->cursor and feed->batch say how. */
void feed_was_read(struct feed *feed);

/* Nothing could be read, and nothing is under way. */
void feed_cannot_be_read(struct feed *feed, const char *why);

/* Nothing that it said can be relied on to be all, until it was read to its end anew. */
void feed_is_incomplete(struct feed *feed, const char *why);

/* It is as it should be at this moment, though nothing came. */
void feed_is_alive(struct feed *feed);

struct feed *feed_new(struct feeds *feeds, const struct feed_config *config); /* NULL: out of memory */
void feed_free(struct feed *feed);
void feeds_count(struct feeds *feeds); /* those that are not good */

#endif
