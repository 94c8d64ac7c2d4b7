/* Reads a stream over one connection, for redis_link.c's thread, and checks whether anything was missed.

   While the agent reads, a stream may be emptied, trimmed, replaced, restored from an older copy, or lose entries in a failover, at any moment. So
   each reply is checked before it is used: the last entry read before must still exist, and be unchanged. It is requested after the reply has
   come: what exists now existed when the reply was made, and trimming begins at the front, so nothing between the two was missed. If it does not
   exist, stream_gap.c decides from what Redis says of the stream. In doubt, something was missed. An entry that was deleted before it was read,
   while its neighbours were not, shows in the number of added entries, which is checked whenever no new entry comes. That number is first asked for
   right after the first entries. */
#ifndef ASSAY_STREAM_READER_H
#define ASSAY_STREAM_READER_H

#include "stream_gap.h"

struct redis;

struct stream_reader {
    struct redis *redis;
    const char *stream;
    int wake_fd; /* when it is readable, every call ends */
    bool counts; /* as in struct stream_part */
    bool again;  /* the last check was STREAM_CHANGES */
    char why[256];
};

enum stream_check {
    STREAM_UNCHECKED = 0, /* the connection can no longer be used: reader->why */
    STREAM_MISSED,        /* something may have been missed */
    STREAM_CHANGES,       /* undecided: read again, at once, from the same position */
    STREAM_WHOLE,         /* nothing was missed */
};

/* Reads the entries after `id`: their number, 0 for none, -1: reader->why. `waits`: until an entry comes, at most FEED_BLOCK_SECONDS. */
int stream_read(struct stream_reader *reader, const char *id, bool waits, redisReply **ret_reply);

/* Checks what was read after the position, or that nothing was. It brings the position's `added` up to date, or that of part->last if there are
   entries, and finds the position of an empty stream. ret_missed: static words. */
enum stream_check stream_check(struct stream_reader *reader, struct stream_position *position, struct stream_part *part,
                               const char **ret_missed);

/* The entries of a reply; NULL: the reply is not a stream's. */
const redisReply *stream_entries(const redisReply *reply);

/* One entry: the position after it, and its record. False: it is not an entry. */
bool stream_entry(const redisReply *entry, struct stream_position *ret_position, const redisReply **ret_record);

#endif
