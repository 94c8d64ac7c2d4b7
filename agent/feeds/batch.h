/* Records of one source on their way into the list: gathered off the loop (sorted_changes.h), then written portion by portion, from the
   highest hashes down, in a few transactions, the last of which also moves the cursor. All feeds go this way. Writing a batch
   again, whole or in part, changes nothing.

   A reading may take several batches, one after the other (batch_go_on). What is revoked counts with each of them; what is taken
   back counts with the last one alone, for a later line may revoke it again, and in between it would be accepted. */
#ifndef ASSAY_BATCH_H
#define ASSAY_BATCH_H

#include "agent/revocation/list.h"
#include "line.h"

struct batch;

struct batch *batch_new(const char *source,
                        const char *folder); /* `folder`: for what does not fit into memory. NULL: out of memory */
void batch_free(struct batch *batch);        /* NULL is fine */

/* `spellings`: of the record's issuer, or NULL where it is not configured: what is taken back is taken back under each. 1: taken;
   0: the batch is full, and this line must begin the next one; -1: out of memory, or OpenSSL failed. */
int batch_add(struct batch *batch, struct hasher *hasher, const struct line *line, const struct texts *spellings);

/* A line that could not be read is kept, to be tried again at the next start; one that is too long for that, or one too many, is
   not. 0 or -1. */
int batch_keep_unreadable(struct batch *batch, uint64_t number, const char *text, size_t bytes);

/* Where the feed was read to, under a name: written with the last of the batch. */
void batch_set_cursor(struct batch *batch, const void *cursor, size_t bytes);
#define CURSOR_BYTES_MAX 640

/* No more lines. After it the batch is the writer's. Where the reading goes on, what is taken back is kept for the next batch, and
   as long as there is some of that, the cursor stays where it was. Where it has broken off, what is taken back is forgotten. */
enum batch_end { BATCH_BREAKS_OFF = 0, BATCH_GOES_ON, BATCH_ENDS };
void batch_seal(struct batch *batch, enum batch_end end);

/* All of it is on the disk: room for the next one of the same reading. -1: out of memory, and it is of no use any more. */
int batch_go_on(struct batch *batch);

/* Did the last part move the cursor? */
bool batch_moved_cursor(const struct batch *batch);

/* In a write job: the next part. 0 or -1. `ring`: whose keys a revoked kid covers. May be run again until batch_advance is called.
 */
int batch_write(struct batch *batch, struct hasher *hasher, struct view *view, const struct keyring *ring);

/* That part is on the disk. True: so is all of it. */
bool batch_advance(struct batch *batch);

size_t batch_records(const struct batch *batch);
bool batch_is_empty(const struct batch *batch); /* nothing but perhaps a cursor */

/* A feed's cursor. 1, 0: there is none; -1. */
int batch_cursor(struct view *view, const char *source, void *cursor, size_t bytes);

int batch_put_cursor(struct view *view, const char *source, const void *cursor, size_t bytes); /* in a write job; 0 or -1 */

#endif
