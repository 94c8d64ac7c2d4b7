/* A revocation feed that is a file: lines of JSON, appended to. Read from where it was left, also across restarts, as long as what was
   read before is still there, byte for byte: a checksum of all of it says so. A file that was rewritten, replaced or cut is read from
   its start, which takes nothing back by itself. A line counts once its newline is there. Blocks: not for the loop's thread. */
#ifndef ASSAY_FEED_FILE_H
#define ASSAY_FEED_FILE_H

#include "agent/files/facts.h"
#include "batch.h"

/* Where it was read to: kept in the store with what it brought. */
struct feed_cursor {
    uint64_t device, inode; /* which file */
    uint64_t offset, lines; /* behind the last whole line */
    uint64_t seed, sum[2];  /* of all bytes before the offset */
    struct file_facts facts; /* under which these are known to be there; all zero: they have to be looked at */
};

struct feed_file {
    const char *path;
    int fd; /* -1: not open */
    struct feed_cursor cursor;
    uint64_t size; /* of the file when it was last looked at, for whoever waits */
    bool is_new;   /* nothing that it said before stands, so that it can take nothing back too early; set from outside */

    /* What came of a reading. */
    bool replaced;  /* since this was last cleared, it was another content than before */
    bool unsure;    /* what was appended was read, but what was read before has not been looked at again */
    bool unsettled; /* it is being read from its start, and whoever writes it may not be done: only then may what it takes back count */

    /* Its own. */
    void *sum; /* the state of the checksum; NULL: not known */
    uint64_t tail, tail_bytes;
    int64_t verified_ns, mismatch_ns, settling_ns; /* CLOCK_MONOTONIC; 0: none */
    struct file_facts last;
    bool anew;
};

/* What a line says goes to `take`: 1: taken; 0: not now, this line must come again next time; -1: give up. */
struct feed_taker {
    int (*take)(void *context, uint64_t number, const char *line, size_t bytes);
    bool (*enough)(void *context); /* asked now and then where no line ends for long */
    void *context;
};

/* Reads on. 1: to the end of what there is; 0: `take` had enough; -1: the file cannot be read, errno says why; -2: `take` gave up.
 */
int feed_file_read(struct feed_file *file, const struct feed_taker *taker);

/* The cursor was set from outside: what is known beside it is not its any more. */
void feed_file_reset(struct feed_file *file);
void feed_file_close(struct feed_file *file);

#endif
