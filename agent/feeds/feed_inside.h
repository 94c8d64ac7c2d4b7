/* The inside of the feeds, for feed.c (one feed and its cycle), feeds.c (all of them), and the files of each kind. */
#ifndef ASSAY_FEED_INSIDE_H
#define ASSAY_FEED_INSIDE_H

#include <stdatomic.h>

#include "agent/base/alarm.h"
#include "agent/fastpath/shared_page.h"
#include "agent/state/writer.h"
#include "batch.h"
#include "feeds.h"

struct feed;

/* A kind of source of a feed's records. All functions are called on the loop's thread. */
struct feed_kind {
    size_t bytes;                     /* size of a feed of this kind, which begins with a struct feed */
    int (*open)(struct feed *feed);   /* 0, or -1: out of memory */
    void (*close)(struct feed *feed); /* frees the kind's own data; called when nothing is under way */

    /* Begins, after the stored cursor was loaded. */
    void (*begin)(struct feed *feed);

    /* Before `begin`: the feed must be read from its start. `keeps_age`: no revocation can have been missed. */
    void (*reset)(struct feed *feed, bool keeps_age);

    /* Brings `good` up to date, if another part of the agent looks at the source. NULL: not needed. */
    void (*confirm)(struct feed *feed);

    /* Can the feed serve this configuration, which has the same name? NULL: always. */
    bool (*fits)(const struct feed *feed, const struct feed_config *config);

    /* Begins a reading. New lines go through feed_reader into feed->batch, on any thread; the reading ends with feed_was_read(), on the loop's. */
    void (*read)(struct feed *feed);

    /* The lines are on the disk, or the reading failed, as feed->error says: schedules the next reading. `lost`: what was read since the stored
       cursor must be read again. */
    void (*rest)(struct feed *feed, bool lost);

    /* The feed is no longer needed: ends what is under way soon. Called again after that has ended. NULL: nothing to do. */
    void (*end)(struct feed *feed);
};
extern const struct feed_kind feed_kind_file, feed_kind_https, feed_kind_redis;

/* READ_ALL, READ_UNSURE and READ_FAILED end a reading. Undo lines wait for one of the first two; READ_FAILED drops them. */
enum read_status {
    READ_FAILED = 0, /* feed->why says why; the cursor goes back to the stored one, unless feed->restarts */
    READ_SOME,       /* there is more; read on at once */
    READ_PART,       /* there is more, and it arrives by itself */
    READ_UNSURE,     /* to its end, but it is still to be checked that nothing before has changed */
    READ_UNSETTLED,  /* to its end, but a process may still be writing the file */
    READ_ALL,
};

/* Stored beside each cursor: under which rights the feed was read up to there, and whether lines had no effect. Under other rights they may have
   one; then the feed is read from its start. A gap is recorded here, too, so that it survives a restart. */
struct feed_mark {
    uint64_t version;
    uint64_t issuers[2], undo; /* checksums of the feed's rights under the configuration */
    uint64_t passed_over; /* 0 or 1 */
    uint64_t incomplete;  /* likewise: something may have been missed, and the feed was not read again since */
};
#define FEED_MARK_VERSION 2

/* One feed. It is idle, or being read, or its lines are being written: one after the other. */
struct feed {
    const struct feed_kind *kind;
    struct feeds *all;
    struct feed *next;
    struct job job;
    const struct feed_config *config; /* in the configuration in force */
    const struct feed_config *use;    /* while busy: in `ring`'s configuration */
    struct keyring *ring;             /* while busy */
    struct batch *batch;              /* while busy, and between the parts of a reading */
    char *source, *folder; /* its name; the folder for batches that do not fit into memory */
    char error[128];                  /* empty: no error */
    void *cursor;                     /* where it was read to, in the kind's own form; used by the reading thread while busy */
    uint8_t stored[CURSOR_BYTES_MAX]; /* the cursor in the store */
    size_t cursor_bytes;
    struct feed_mark mark, stored_mark; /* the marks of both cursors */
    bool has_stored;                    /* `stored` was read from the store */
    double good;     /* Unix seconds: when all of it was last confirmed; 0: never */
    int64_t good_ns; /* the same by CLOCK_MONOTONIC, which cannot be set; 0: not in this run */
    uint64_t records, unreadable, unreadable_now, excluded, excluded_now;
    uint64_t lines, offset, size, gaps;   /* for status */
    struct thing things[FEED_THINGS_MAX]; /* the things that the lines read are about */
    unsigned thing_count;                 /* above the maximum: more than can be listed, so all */
    enum read_status status;
    char why[128];
    bool busy, again, dropped, is_read, shows;
    bool is_new;        /* the store has no records of it */
    bool restarts;      /* after a failed reading the cursor that it left is used */
    bool is_incomplete; /* something may have been missed, until the feed was read again */
    bool is_late;       /* a change was noticed, and could not be read in time */
    atomic_bool enough; /* the reading must end at one of the next lines: the agent stops, or the feed is no longer needed */
};

struct feeds {
    struct core *core;
    struct feed *first;
    struct alarm *retry;
    unsigned not_good; /* number of feeds that were not read yet, or cannot be relied on; with 0, the common case, checks cost nothing */
    bool bounded;      /* there are remote feeds and a `max_age` */
    bool incomplete;   /* one of them could not be created: out of memory */
    bool stopped;
};

/* Why a line has no effect, if only the configuration forbids it. */
extern const char feed_excludes_issuer[], feed_excludes_undo[];

/* Puts lines into the feed's batch. Each thread has its own. */
struct feed_reader {
    struct feed *feed;
    struct hasher *hasher;
    struct line_reader *reader;
    double now;
    unsigned told;
    uint64_t offset, size; /* progress in a file, for display */
};
int feed_reader_open(struct feed_reader *reader, struct feed *feed); /* -1: out of memory */
void feed_reader_close(struct feed_reader *reader);

/* Is this a whole line, whatever its content? */
bool feed_is_line(struct feed_reader *reader, const char *text, size_t bytes);

/* 1: taken; 0: not now, this line must come again; -1: out of memory. `context`: a struct feed_reader. */
int feed_take(void *context, uint64_t number, const char *text, size_t bytes);

/* All spellings of an issuer are one issuer: a feed that may revoke for one of them may for all. `issuer` may be NULL. */
bool feed_may_speak_for(const struct feed_config *config, const struct issuer *issuer, struct text name);

/* Reads a line, if this feed has the right to it. NULL, or why not: feed_excludes_*, if only the configuration forbids it. */
const char *feed_read_line(struct line_reader *reader, const struct feed_config *config, const struct keyring *ring, double now,
                           const char *text, size_t bytes, struct line *ret);

/* The feed's rights under the configuration, as a mark. */
void feed_mark_rights(const struct feed_config *feed, const struct config *config, struct feed_mark *mark);
bool feed_marks_agree(const struct feed_mark *a, const struct feed_mark *b); /* with respect to rights */

/* Called once, when the feed is configured; again if it failed. */
void feed_begin(struct feed *feed);

/* Reads on, now or after what is under way has ended. */
void feed_start(struct feed *feed);

/* The reading that `read` began has ended: feed->status, feed->cursor and feed->batch have the result. */
void feed_was_read(struct feed *feed);

/* The feed could not be read, and nothing is under way. */
void feed_cannot_be_read(struct feed *feed, const char *why);

/* Its records may be incomplete until it was read to its end again. */
void feed_is_incomplete(struct feed *feed, const char *why);

/* Confirms the feed: a check at this moment found it complete. */
void feed_is_alive(struct feed *feed);

/* Ends all cached results that depend on this feed. */
void feed_bump(struct feed *feed);
void feed_is_late(struct feed *feed);

struct feed *feed_new(struct feeds *feeds, const struct feed_config *config); /* NULL: out of memory */
void feed_free(struct feed *feed);
void feeds_count(struct feeds *feeds); /* counts the feeds that are not good */

#endif
