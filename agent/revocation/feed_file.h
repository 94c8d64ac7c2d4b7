/* A revocation feed that is a file: lines of JSON, appended to. Read from where it was left, also across restarts; a file that was
   replaced or cut is read from its start, which takes nothing back. A line counts once its newline is there. Blocks: not for the
   loop's thread. */
#ifndef ASSAY_FEED_FILE_H
#define ASSAY_FEED_FILE_H

#include "batch.h"

/* Where it was read to: kept in the store with what it brought. */
struct feed_cursor {
    uint64_t device, inode;    /* which file */
    uint64_t offset, lines;    /* behind the last whole line */
    uint64_t head, head_bytes; /* a checksum of how the file begins: another content in the same file is another file */
};

struct feed_file {
    const char *path;
    int fd; /* -1: not open */
    struct feed_cursor cursor;
    uint64_t size; /* of the file when it was last looked at, for whoever waits */
    bool replaced; /* since this was last cleared, it was another file than before */
};

/* What a line says goes to `take`: 1: taken; 0: not now, this line must come again next time; -1: give up. */
struct feed_taker {
    int (*take)(void *context, uint64_t number, const char *line, size_t bytes);
    void *context;
};

/* Reads on. 1: to the end of what there is; 0: `take` had enough; -1: the file cannot be read, errno says why; -2: `take` gave up.
 */
int feed_file_read(struct feed_file *file, const struct feed_taker *taker);
void feed_file_close(struct feed_file *file);

#endif
