/* A batch: records of one source on their way into the list. It is gathered off the loop (sorted_changes.h), then written part by part, from the
   highest hashes down, in a few transactions, the last of which also moves the cursor. All feeds work this way. Writing a batch again, whole or in
   part, changes nothing.

   One reading may take several batches, one after the other (batch_go_on). Each batch puts its revocations in force; undo lines take effect only
   with the last one, because a later line may revoke the same thing again, and tokens would be accepted in between. */
#ifndef ASSAY_BATCH_H
#define ASSAY_BATCH_H

#include "agent/revocation/list.h"
#include "line.h"

struct batch;

struct batch *batch_new(const char *source,
                        const char *folder); /* `folder`: where data is written that does not fit into memory. NULL: out of memory */
void batch_free(struct batch *batch);        /* NULL is fine */

/* `spellings`: of the record's issuer, or NULL if it is not configured; an undo applies to each of them. 1: taken; 0: the batch is full, and this
   line must begin the next one; -1: out of memory, or OpenSSL failed. */
int batch_add(struct batch *batch, struct hasher *hasher, const struct line *line, const struct texts *spellings);

/* Keeps a line that could not be read, to try it again at the next start; not if it is too long, or one too many. 0 or -1. */
int batch_keep_unreadable(struct batch *batch, uint64_t number, const char *text, size_t bytes);

/* The position up to which the feed was read, under its name: written with the last part of the batch. */
void batch_set_cursor(struct batch *batch, const void *cursor, size_t bytes);
#define CURSOR_BYTES_MAX 640

/* Ends the lines; from here on the batch belongs to the writer. If the reading goes on, undo lines are kept for the next batch, and while there
   are some, the cursor stays where it was. If the reading broke off, undo lines are dropped. */
enum batch_end { BATCH_BREAKS_OFF = 0, BATCH_GOES_ON, BATCH_ENDS };
void batch_seal(struct batch *batch, enum batch_end end);

/* After all of it is on the disk: prepares the next batch of the same reading. -1: out of memory, and the batch can no longer be used. */
int batch_go_on(struct batch *batch);

/* Did the last part move the cursor? */
bool batch_moved_cursor(const struct batch *batch);

/* In a write job: writes the next part. 0 or -1. `ring`: the keys that a revoked kid covers. May run again until batch_advance is called. */
int batch_write(struct batch *batch, struct hasher *hasher, struct view *view, const struct keyring *ring);

/* Call it after that part is on the disk. True: all of the batch is. */
bool batch_advance(struct batch *batch);

size_t batch_records(const struct batch *batch);
bool batch_is_empty(const struct batch *batch); /* contains at most a cursor */

/* Reads a feed's cursor. 1; 0: none is stored; -1: an error. */
int batch_cursor(struct view *view, const char *source, void *cursor, size_t bytes);

int batch_put_cursor(struct view *view, const char *source, const void *cursor, size_t bytes); /* in a write job; 0 or -1 */

#endif
