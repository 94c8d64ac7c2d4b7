/* When the descriptor of a stream must become readable: for a finished question, the next deadline, or room to send. */
#include "client/wire/clock.h"
#include "stream.h"

static int64_t next_moment(const struct stream *stream, int64_t now)
{
    const struct pending *first = pending_soonest(&stream->pending);

    if (stream->pending.finished.first != NULL)
        return now;
    if (first == NULL)
        return LOOP_NEVER;
    if (stream->connection == NULL && stream->connect_at < first->deadline)
        return stream->connect_at > now ? stream->connect_at : now;
    return first->deadline;
}

void stream_rest(struct stream *stream)
{
    int64_t now = monotonic_ns();

    stream->drained = false;
    if (stream->connection != NULL)
        loop_want_room(&stream->loop, stream->connection->fd, stream->unsent != NULL && !stream->deaf);
    loop_wake_at(&stream->loop, next_moment(stream, now), now);
}
