/* Decides whether entries of a stream may have been missed, if the last entry read no longer exists, from what Redis says of the stream (XINFO
   STREAM). No I/O.

   How Redis 7 and Valkey change these facts: XADD increments entries-added and moves last-generated-id; XDEL and trimming change neither. Replicas
   get both from their master. So only the count can explain a missing entry: as many entries were added as were read. (XDEL also records the
   largest id that it deleted; but a stream that replaced ours may have had its own XDEL.) Redis 6 does not report entries-added: then nothing can
   be explained, and every missing entry is a gap. */
#ifndef ASSAY_STREAM_GAP_H
#define ASSAY_STREAM_GAP_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#define STREAM_ID_BYTES     48 /* two 64-bit numbers and the dash between them */
#define STREAM_DIGEST_BYTES 16
#define STREAM_START        "0-0"

/* The position up to which a stream was read. All zero, or the id STREAM_START alone: not read yet. It is stored, so it has no padding. */
struct stream_position {
    char id[STREAM_ID_BYTES];            /* of the last entry; or the stream's last-generated-id if it was empty */
    uint8_t digest[STREAM_DIGEST_BYTES]; /* of the last entry's record */
    uint64_t added;                      /* entries-added when `id` was the last-generated-id, or the expected value of it */
    uint32_t has_entry, knows_added;
};

/* The entries that were read after the position, before the facts were requested. */
struct stream_part {
    unsigned entries;
    bool counts;                 /* the position's `added` was confirmed on this connection: another server may have another history */
    struct stream_position last; /* of the entries */
};

/* Is nothing known of the stream yet? Then nothing can have been missed. */
bool stream_is_unread(const struct stream_position *position);

/* `facts`: the reply to XINFO STREAM; NULL: the key does not exist. Returns NULL if nothing was missed; otherwise what may have been, in words.
   Facts that cannot be read may hide anything. */
const char *stream_gap(const redisReply *facts, const struct stream_position *position, const struct stream_part *part);

/* True: an entry after `id` was added, whether it still exists or not. */
bool stream_is_ahead(const redisReply *facts, const char *id);

/* Sets the entries-added that the last entry of the part should have, if the entries read are all. */
void stream_expect(const struct stream_position *position, struct stream_part *part);

/* True: `id` is the last-generated-id, and *ret_added entries had been added with it. */
bool stream_added(const redisReply *facts, const char *id, uint64_t *ret_added);

/* True: the stream has no entry, and *ret_position is the position after all that it ever had. */
bool stream_is_empty(const redisReply *facts, struct stream_position *ret_position);

#endif
