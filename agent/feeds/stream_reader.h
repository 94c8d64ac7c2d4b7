/* The reading of a stream over one connection, for redis_link.c's thread: what comes, and whether anything was missed before it.

   A stream may be emptied, trimmed, replaced, restored from an older copy, or lose entries in a failover, behind a reader's back
   and within any moment. So each reply is checked before anything is made of it: the entry that was read last must still be there,
   and be the same one. It is asked for after the reply has come: what is there now was there when the reply was made, and what is
   trimmed goes from the front, so nothing between the two was missed. Where it is not there, stream_gap.c judges by what Redis says
   of the stream. In doubt, something was missed. That an entry was deleted before it was read, and those around it were not, shows in
   how many were added: that is looked at whenever nothing comes. */
#ifndef ASSAY_STREAM_READER_H
#define ASSAY_STREAM_READER_H

#include "stream_gap.h"

struct redis;

struct stream_reader {
    struct redis *redis;
    const char *stream;
    int wake_fd; /* ends every call */
    bool counts; /* as in struct stream_part */
    bool again;  /* it was STREAM_CHANGES */
    char why[256];
};

enum stream_check {
    STREAM_UNCHECKED = 0, /* the connection is of no use: reader->why */
    STREAM_MISSED,        /* something may have been missed */
    STREAM_CHANGES,       /* nothing can be said yet: read again, at once, from the same position */
    STREAM_WHOLE,         /* nothing was missed */
};

/* What there is behind `id`: the number of entries, 0 for none, -1: reader->why. `waits`: until something comes, at most
   FEED_BLOCK_SECONDS. */
int stream_read(struct stream_reader *reader, const char *id, bool waits, redisReply **ret_reply);

/* What was read behind the position, or that nothing was. It brings the position's `added` up to date, or that of part->last where
   there are entries, and finds the position of an empty stream. ret_missed: static words. */
enum stream_check stream_check(struct stream_reader *reader, struct stream_position *position, struct stream_part *part,
                               const char **ret_missed);

/* The entries of a reply; NULL: it is no stream's. */
const redisReply *stream_entries(const redisReply *reply);

/* One of them: the position behind it, and its record. False: it is no entry. */
bool stream_entry(const redisReply *entry, struct stream_position *ret_position, const redisReply **ret_record);

#endif
