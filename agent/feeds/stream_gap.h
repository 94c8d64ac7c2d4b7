/* Whether entries of a stream may have been missed: judged by what Redis says of the stream (XINFO STREAM), where the entry that
   was read last is not there any more. Nothing here talks to anybody.

   What Redis 7 and Valkey do to these facts: XADD counts in entries-added and moves last-generated-id; XDEL and trimming change
   neither. Replicas have both from their master. So an entry that is gone is explained by the count alone: as many were added as were
   read. (XDEL keeps the largest id that it deleted, too; but a stream that was put in the place of ours may have had its own XDEL.)
   Redis 6 does not say entries-added: then nothing can be explained, and all is a gap. */
#ifndef ASSAY_STREAM_GAP_H
#define ASSAY_STREAM_GAP_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#define STREAM_ID_BYTES     48 /* two numbers of 64 bits, and the line between them */
#define STREAM_DIGEST_BYTES 16
#define STREAM_START        "0-0"

/* How far a stream was read. All zero, or the id STREAM_START alone: not at all. It is stored, so it has no padding. */
struct stream_position {
    char id[STREAM_ID_BYTES];            /* of the last entry; or the stream's last-generated-id, when it was found empty */
    uint8_t digest[STREAM_DIGEST_BYTES]; /* of the last entry's record */
    uint64_t added;                      /* entries-added, as it was when `id` was the last-generated-id, or should have been */
    uint32_t has_entry, knows_added;
};

/* What was read behind the position, before the facts were asked for. */
struct stream_part {
    unsigned entries;
    bool counts;                 /* the position's `added` was confirmed on this connection: another server may have another past */
    struct stream_position last; /* of the entries */
};

/* Was anything found out about the stream yet? If not, nothing can have been missed. */
bool stream_is_unread(const struct stream_position *position);

/* `facts`: the reply to XINFO STREAM; NULL: there is no such key. NULL: nothing was missed; or in words what may have been. What
   cannot be read may have been anything. */
const char *stream_gap(const redisReply *facts, const struct stream_position *position, const struct stream_part *part);

/* True: an entry behind `id` was added, whether it is still there or not. */
bool stream_is_ahead(const redisReply *facts, const char *id);

/* How many there should have been with the last entry of the part, if those that were read are all. */
void stream_expect(const struct stream_position *position, struct stream_part *part);

/* True: `id` is the last-generated-id, and so many entries had been added with it. */
bool stream_added(const redisReply *facts, const char *id, uint64_t *ret_added);

/* True: the stream has no entry, and this is the position behind all that it ever had. */
bool stream_is_empty(const redisReply *facts, struct stream_position *ret_position);

#endif
