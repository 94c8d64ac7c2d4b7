/* The inside of the feeds, for feed.c (one feed, on its way round), feeds.c (all of them), and the files of the kinds there are. */
#ifndef ASSAY_FEED_INSIDE_H
#define ASSAY_FEED_INSIDE_H

#include <stdatomic.h>

#include "agent/base/alarm.h"
#include "agent/fastpath/shared_page.h"
#include "agent/state/writer.h"
#include "batch.h"
#include "feeds.h"

struct feed;

/* Where a feed's records come from. All of it is called on the loop's thread. */
struct feed_kind {
    size_t bytes;                     /* of a feed of this kind: it begins with a struct feed */
    int (*open)(struct feed *feed);   /* 0, or -1: out of memory */
    void (*close)(struct feed *feed); /* frees what is its own; nothing of it is under way */

    /* Its stored cursor has been loaded: it begins. */
    void (*begin)(struct feed *feed);

    /* Before it begins: it is to be read from its start. `keeps_age`: nothing that is revoked can have been missed. */
    void (*reset)(struct feed *feed, bool keeps_age);

    /* Brings `good` up to date, where somebody else looks. NULL: nobody does. */
    void (*confirm)(struct feed *feed);

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

/* READ_ALL, READ_UNSURE and READ_FAILED end a reading. What is taken back waits for one of the first two, and is forgotten by the last. */
enum read_status {
    READ_FAILED = 0, /* feed->why; the cursor goes back to what is stored, unless feed->restarts */
    READ_SOME,       /* there is more, and it is to be read on at once */
    READ_PART,       /* there is more, and it comes by itself */
    READ_UNSURE,     /* to its end, but whether nothing before it has changed is still to be looked at */
    READ_UNSETTLED,  /* to its end, which may be no end: whoever writes it is perhaps not done */
    READ_ALL,
};

/* Beside each cursor, in the store: under which rights it was read to there, and whether there were lines without an effect. Other rights
   may give them one: then it is read from its start. A gap is here, too, so that no restart forgets it. */
struct feed_mark {
    uint64_t version;
    uint64_t issuers[2], undo; /* checksums of what may be said under the configuration */
    uint64_t passed_over; /* 0 or 1 */
    uint64_t incomplete;  /* likewise: something may have been missed, and it was not read anew since */
};
#define FEED_MARK_VERSION 2

/* One feed. It is at rest, or being read, or what was read is being written: one after the other. */
struct feed {
    const struct feed_kind *kind;
    struct feeds *all;
    struct feed *next;
    struct job job;
    const struct feed_config *config; /* of the configuration in force */
    const struct feed_config *use;    /* while busy: of `ring`'s configuration */
    struct keyring *ring;             /* while busy */
    struct batch *batch;              /* while busy, and from one part of a reading to the next */
    char *source, *folder; /* its name; where batches are put that do not fit into memory */
    char error[128];                  /* empty: none */
    void *cursor;                     /* where it was read to, in the kind's own form; the reading thread's while busy */
    uint8_t stored[CURSOR_BYTES_MAX]; /* what of it is in the store */
    size_t cursor_bytes;
    struct feed_mark mark, stored_mark; /* beside either */
    bool has_stored;                    /* `stored` was looked for */
    double good;     /* Unix seconds: when it was last confirmed to be as it should be, all of it; 0: never */
    int64_t good_ns; /* likewise by CLOCK_MONOTONIC, which nobody sets; 0: not in this run */
    uint64_t records, unreadable, unreadable_now, excluded, excluded_now;
    uint64_t lines, offset, size, gaps;   /* for those who ask */
    struct thing things[FEED_THINGS_MAX]; /* that what was read is about */
    unsigned thing_count;                 /* above the maximum: all, and more than can be named */
    enum read_status status;
    char why[128];
    bool busy, again, dropped, is_read, shows;
    bool is_new;        /* nothing that it said before stands in the store */
    bool restarts;      /* a reading that failed: the cursor that it leaves counts */
    bool is_incomplete; /* something may have been missed, until it was read anew */
    bool is_late;       /* a change was noticed, and could not be read in time */
    atomic_bool enough; /* what is being read ends at one of the next lines: the agent stops, or the feed is wanted no more */
};

struct feeds {
    struct core *core;
    struct feed *first;
    struct alarm *retry;
    unsigned not_good; /* feeds that were not read yet, or cannot be relied on: 0 is the common case, and costs nothing */
    bool bounded;      /* there are remote ones, and how old what they said may be */
    bool incomplete;   /* there was no memory for one of them */
    bool stopped;
};

/* A line that only the configuration stands against. */
extern const char feed_excludes_issuer[], feed_excludes_undo[];

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

/* Is this a whole line, whatever it says? */
bool feed_is_line(struct feed_reader *reader, const char *text, size_t bytes);

/* 1: taken; 0: not now, this line must come again; -1: out of memory. `context`: a struct feed_reader. */
int feed_take(void *context, uint64_t number, const char *text, size_t bytes);

/* An issuer's spellings are one: a feed that may speak for one of them may for all. `issuer` may be NULL. */
bool feed_may_speak_for(const struct feed_config *config, const struct issuer *issuer, struct text name);

/* What a line says, if this feed may say it. NULL, or why not: feed_excludes_*, if only the configuration stands against it. */
const char *feed_read_line(struct line_reader *reader, const struct feed_config *config, const struct keyring *ring, double now,
                           const char *text, size_t bytes, struct line *ret);

/* What the configuration lets this feed say, as a mark. */
void feed_mark_rights(const struct feed_config *feed, const struct config *config, struct feed_mark *mark);
bool feed_marks_agree(const struct feed_mark *a, const struct feed_mark *b); /* as far as rights go */

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

/* Confirmed: somebody has looked, and at this moment it is as it should be. */
void feed_is_alive(struct feed *feed);

/* Whatever rests on this feed has to be asked about anew. */
void feed_bump(struct feed *feed);
void feed_is_late(struct feed *feed);

struct feed *feed_new(struct feeds *feeds, const struct feed_config *config); /* NULL: out of memory */
void feed_free(struct feed *feed);
void feeds_count(struct feeds *feeds); /* those that are not good */

#endif
