/* Reads a revocation feed that is a file of JSON lines, to which a publisher appends. It reads on from the last position, also across restarts, as
   long as all bytes before it are unchanged, which a checksum over them shows. A file that was rewritten, replaced or cut is read from its start,
   which by itself undoes nothing. A line counts once its newline is there. The reader blocks: not for the loop's thread. */
#ifndef ASSAY_FEED_FILE_H
#define ASSAY_FEED_FILE_H

#include "agent/files/facts.h"
#include "batch.h"

/* The position up to which the file was read: stored with the records that it brought. */
struct feed_cursor {
    uint64_t device, inode; /* identify the file */
    uint64_t offset, lines; /* after the last whole line */
    uint64_t seed, sum[2];  /* of all bytes before the offset */
    struct file_facts facts; /* the file's facts when these bytes were last checked; all zero: they must be checked */
};

struct feed_file {
    const char *path;
    int fd; /* -1: not open */
    struct feed_cursor cursor;
    uint64_t size; /* of the file when it was last looked at, for progress */
    bool is_new;   /* no earlier record of it is in force, so that its undo lines cannot take effect too early; set by the caller */

    /* The result of a reading. */
    bool replaced;  /* since this was last cleared, the file had other content than before */
    bool unsure;    /* new lines were read, but the bytes before them were not checked again */
    bool unsettled; /* it is read from its start, and its writer may not be done: only when it is, undo lines may take effect */

    /* Internal. */
    void *sum; /* the state of the checksum; NULL: unknown */
    uint64_t tail, tail_bytes;
    int64_t verified_ns, mismatch_ns, settling_ns; /* CLOCK_MONOTONIC; 0: none */
    struct file_facts last;
    bool anew;
};

/* Each line goes to `take`. 1: taken; 0: not now, this line must come again next time; -1: give up. */
struct feed_taker {
    int (*take)(void *context, uint64_t number, const char *line, size_t bytes);
    bool (*enough)(void *context); /* called now and then while no line ends */
    void *context;
};

/* Reads on. 1: to the end of the file; 0: `take` had enough; -1: the file cannot be read, errno says why; -2: `take` gave up. */
int feed_file_read(struct feed_file *file, const struct feed_taker *taker);

/* The caller has set the cursor: drops what was known about the old one. */
void feed_file_reset(struct feed_file *file);
void feed_file_close(struct feed_file *file);

#endif
