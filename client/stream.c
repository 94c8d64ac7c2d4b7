/* Requests go out in the order of asking; answers come in any order. Whatever fails, each question ends once: with an answer, or
   with the status of the failure. A question is sent again after one failed connection, and not after a second one: so the library
   asks an agent that has restarted again, and an agent that closes every connection does not keep callers waiting. */
#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "doubt.h"

int stream_new(uint32_t life, struct stream **ret_stream)
{
    struct stream *stream CLEANUP_FREE = calloc(1, sizeof *stream);

    if (stream == NULL)
        return ASSAY_E_NO_MEMORY;
    stream->life = life;
    stream->descriptor = -1;
    int status = pending_init(&stream->pending);

    if (status != 0)
        return status;
    status = loop_open(&stream->loop);
    if (status != 0)
        pending_fini(&stream->pending);
    else
        *ret_stream = take(stream);
    return status;
}

void stream_free(struct stream *stream)
{
    if (stream == NULL)
        return;
    connection_close(stream->connection);
    loop_close(&stream->loop);
    pending_fini(&stream->pending);
    close_fd(&stream->descriptor);
    explicit_bzero(stream->in, sizeof stream->in);
    free(stream);
}

/* Closes the connection. All live questions are to be sent again, over another connection. */
static void disconnect(struct stream *stream)
{
    if (stream->connection->reused && stream->lost == 0)
        stream->lost = monotonic_ns();
    if (connection_is_ours(stream->connection))
        loop_unwatch(&stream->loop, stream->connection->fd);
    connection_close(take(stream->connection));
    pending_await_none(&stream->pending);
    explicit_bzero(stream->in, stream->filled);
    stream->at = stream->filled = 0;
    stream->deaf = stream->drained = false;
    stream->unsent = stream->pending.live.first;
    stream->sent_bytes = 0;
}

/* The connection has failed. What was sent over it is sent again only if the failure may mean that the agent went away; what was
   not sent, is sent in any case. hello is not sent again: if the agent closed the connection because of it, the questions need a
   connection without it. */
static void lose_connection(struct stream *stream, int status, int error, bool again)
{
    struct pending *next;
    int64_t now = monotonic_ns();
    /* The agent sent nothing on this connection: it is restarting, or being killed. */
    bool anew = again && !stream->connection->reused && channel_may_come_back(ECONNRESET, stream->lost, now);

    if (anew)
        stream->connect_at = now + CONNECT_AGAIN_NS;
    for (struct pending *pending = stream->pending.live.first; pending != NULL; pending = next) {
        next = pending->next;
        if (pending->kind == &kind_hello || (pending->outlived && (!anew || pending->cancelled)) || (pending->awaited && !again))
            pending_finish(&stream->pending, pending, status, error);
        else
            pending->outlived = true;
    }
    disconnect(stream);
}

static void fail_all(struct stream *stream, int status)
{
    while (stream->pending.live.first != NULL)
        pending_finish(&stream->pending, stream->pending.live.first, status, stream->error);
    stream->unsent = NULL;
    stream->sent_bytes = 0;
}

static int connect_now(struct channel *channel, struct stream *stream, int64_t now)
{
    stream->error = 0;
    if (stream->lost != 0 && now < stream->connect_at) /* not for every question */
        return ASSAY_E_PENDING;
    if (!loop_is_ours(&stream->loop)) {
        loop_close(&stream->loop);
        int status = loop_open(&stream->loop);

        stream->error = errno;
        if (status != 0)
            return status;
    }
    struct connection *made CLEANUP(connection_close_at) = NULL;
    int status = channel_connect_now(channel, &made);

    stream->error = errno;
    if (status == ASSAY_E_UNREACHABLE && channel_may_come_back(stream->error, stream->lost, now))
        status = ASSAY_E_PENDING;
    if (status == ASSAY_E_PENDING)
        stream->connect_at = now + CONNECT_AGAIN_NS;
    if (status != 0)
        return status;
    if (!loop_watch(&stream->loop, made->fd)) {
        stream->error = errno;
        return ASSAY_E_UNREACHABLE;
    }
    stream->connection = take(made);
    return 0;
}

static void note_sent(struct stream *stream, size_t bytes)
{
    stream->sent_bytes += bytes;
    while (stream->unsent != NULL && stream->sent_bytes >= stream->unsent->request_bytes) {
        stream->sent_bytes -= stream->unsent->request_bytes;
        stream->unsent->awaited = true;
        stream->unsent = stream->unsent->next;
    }
}

static size_t gather(const struct stream *stream, struct iovec *parts)
{
    size_t count = 0, skipped = stream->sent_bytes;

    for (const struct pending *pending = stream->unsent; pending != NULL && count < SENT_TOGETHER_MAX; pending = pending->next) {
        parts[count++] = (struct iovec){pending->request + skipped, pending->request_bytes - skipped};
        skipped = 0;
    }
    return count;
}

/* MSG_NOSIGNAL: a program must not die of SIGPIPE because the agent restarts. read_some() finds out what went wrong, because
   answers may have come before. */
static void write_some(struct stream *stream)
{
    struct iovec parts[SENT_TOGETHER_MAX];

    while (stream->unsent != NULL && !stream->deaf) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = gather(stream, parts)};
        ssize_t sent = sendmsg(stream->connection->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent >= 0)
            note_sent(stream, (size_t)sent);
        else if (errno == EAGAIN)
            return;
        else
            stream->deaf = errno != EINTR;
    }
}

/* Makes room behind an answer that is not yet whole. */
static void move_to_front(struct stream *stream)
{
    size_t left = stream->filled - stream->at;

    if (stream->at == 0)
        return;
    memmove(stream->in, stream->in + stream->at, left);
    explicit_bzero(stream->in + left, stream->filled - left);
    stream->at = 0;
    stream->filled = left;
}

/* True if there is something new: bytes, or the end of the connection. There is always room, because a full buffer is a whole
   answer, or one that answer_measure() refuses. */
static bool read_some(struct stream *stream, int64_t now)
{
    move_to_front(stream);
    size_t room = sizeof stream->in - stream->filled;
    struct iovec part = {stream->in + stream->filled, room};
    union descriptor_room beside;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &beside, .msg_controllen = sizeof beside};
    ssize_t got = recvmsg(stream->connection->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got > 0) {
        descriptor_take(&message, &stream->descriptor);
        stream->filled += (size_t)got;
        stream->drained = (size_t)got < room;
        if (stream->drained)
            stream->drained_at = now;
        return true;
    }
    if (got < 0 && errno == EINTR)
        return true;
    if (got < 0 && errno == EAGAIN && !stream->deaf) {
        stream->drained_at = now;
        return false;
    }
    lose_connection(stream, stream->filled == 0 ? ASSAY_E_UNREACHABLE : ASSAY_E_PROTOCOL,
                    got < 0 && errno != EAGAIN ? errno : ECONNRESET, true);
    return true;
}

/* Does what is possible without waiting. True if there is something new. */
static bool exchange(struct assay *assay, struct stream *stream)
{
    int64_t now = monotonic_ns();

    if (stream->connection == NULL) {
        stream->drained_at = now;
        if (stream->pending.live.first == NULL)
            return false;
        int status = connect_now(&assay->channel, stream, now);

        if (status != 0 && status != ASSAY_E_PENDING)
            fail_all(stream, status);
        if (status != 0)
            return status != ASSAY_E_PENDING;
    }
    if (!connection_is_ours(stream->connection)) {
        lose_connection(stream, ASSAY_E_UNREACHABLE, EBADF, true);
        return true;
    }
    write_some(stream);
    return read_some(stream, now);
}

/* A question times out only if everything received was read after its deadline, and its answer was not there: so a program that is
   late to fetch answers gets them. If a request times out when half of it was sent, only a new connection helps: the earlier
   questions that have time left are sent again over that, and of the later ones nothing was sent. */
static void expire(struct stream *stream)
{
    struct pending *first;

    while ((first = pending_soonest(&stream->pending)) != NULL && first->deadline <= stream->drained_at) {
        bool is_away = stream->connection == NULL && stream->lost != 0;

        if (first == stream->unsent && stream->sent_bytes > 0)
            disconnect(stream);
        if (first == stream->unsent)
            stream->unsent = first->next;
        pending_finish(&stream->pending, first, is_away ? ASSAY_E_UNREACHABLE : ASSAY_E_TIMEOUT, stream->error);
    }
}

/* Reads the clock after the whole answer was read. */
static void take_page(struct assay *assay, struct stream *stream, int status, const struct answer *answer)
{
    stream->hello.after = monotonic_ns();
    (void)hello_take(&assay->cache, status, answer, stream->descriptor, &stream->hello);
    close_fd(&stream->descriptor);
    stream->descriptor = -1;
}

static int judge(struct assay *assay, const struct pending *pending, int status, const struct answer *answer,
                 struct assay_verdict **ret_verdict)
{
    if (status == 0)
        status = pending->kind->judge(answer->result, &pending->question, ret_verdict);
    if (status == 0)
        cache_keep(&assay->cache, &pending->question, *ret_verdict);
    else if (status != ASSAY_E_REFUSED)
        *ret_verdict = doubt_about(&assay->channel, status, 0, answer);
    return status;
}

/* Reads one whole answer. NULL: it belongs to no question. Only the question's own kind looks at the result. *ret_status is the
   question's outcome; ASSAY_E_PENDING if no answer is wanted for it any more. */
static struct pending *read_answer(struct assay *assay, struct stream *stream, size_t bytes, int *ret_status,
                                   struct assay_verdict **ret_verdict)
{
    struct answer answer; /* points into the stream's buffer, and owns nothing */
    uint32_t msgid;

    answer_init(&answer);
    answer.bytes = stream->in + stream->at;
    answer.size = bytes;
    if (!answer_msgid(answer.bytes, answer.size, &msgid))
        return NULL;
    struct pending *pending = pending_find(&stream->pending, msgid);

    if (pending == NULL)
        return NULL;
    int status = answer_read(&answer, msgid);

    if (status == ASSAY_E_PROTOCOL && answer.error == 0)
        return NULL;
    *ret_status = ASSAY_E_PENDING;
    if (pending->kind == &kind_hello)
        take_page(assay, stream, status, &answer);
    else if (pending->state == PENDING_LIVE && !pending->cancelled)
        *ret_status = judge(assay, pending, status, &answer, ret_verdict);
    return pending;
}

/* Finds the next answer that the program waits for. */
static bool next_answer(struct assay *assay, struct stream *stream, void **ret_tag, int *ret_status,
                        struct assay_verdict **ret_verdict)
{
    for (;;) {
        size_t bytes = 0;
        enum wire_status measured = answer_measure(stream->in + stream->at, stream->filled - stream->at, &bytes);

        if (measured == WIRE_MORE)
            return false;
        struct pending *pending = measured == WIRE_OK ? read_answer(assay, stream, bytes, ret_status, ret_verdict) : NULL;

        if (pending == NULL) {
            lose_connection(stream, ASSAY_E_PROTOCOL, 0, false);
            return false;
        }
        explicit_bzero(stream->in + stream->at, bytes);
        stream->at += bytes;
        pending_answered(&stream->pending, pending);
        stream->connection->reused = true;
        stream->lost = 0;
        void *tag = pending->tag;

        pending_release(&stream->pending, pending);
        if (*ret_status == ASSAY_E_PENDING)
            continue;
        *ret_tag = tag;
        return true;
    }
}

int stream_next(struct assay *assay, void **ret_tag, struct assay_verdict **ret_verdict)
{
    struct stream *stream = assay->stream;
    bool more = true;
    int status, error;

    for (;;) {
        if (pending_fetch(&stream->pending, ret_tag, &status, &error)) {
            *ret_verdict = doubt_about(&assay->channel, status, error, NULL);
            return status;
        }
        if (next_answer(assay, stream, ret_tag, &status, ret_verdict))
            return status;
        expire(stream);
        if (stream->pending.finished.first != NULL)
            continue;
        if (!more || stream->drained)
            return ASSAY_E_PENDING;
        more = exchange(assay, stream);
    }
}

static int add(struct stream *stream, const struct question_kind *kind, const struct question *question, bool stamped, void *tag,
               int64_t deadline)
{
    struct pending *pending;
    int status = pending_add(&stream->pending, kind, question, stamped, tag, deadline, &pending);

    if (status != 0)
        return status;
    if (stream->unsent != NULL)
        return 0;
    stream->unsent = pending;
    if (stream->connection == NULL)
        return 0;
    if (connection_is_ours(stream->connection))
        write_some(stream);
    else
        lose_connection(stream, ASSAY_E_UNREACHABLE, EBADF, true);
    return 0;
}

/* The program gets no answer to hello. */
static void say_hello(struct assay *assay, struct stream *stream, int64_t now)
{
    static const struct question nothing;

    if (!hello_is_due(&assay->cache, now) ||
        add(stream, &kind_hello, &nothing, false, &stream->hello, now + assay->timeout_ns) != 0)
        return;
    stream->hello.before = now;
    (void)pending_cancel(&stream->pending, &stream->hello);
}

int stream_ask(struct assay *assay, const struct question_kind *kind, const struct question *question, void *tag)
{
    struct stream *stream = assay->stream;
    int64_t now = monotonic_ns();
    int status = stream->connection == NULL ? connect_now(&assay->channel, stream, now) : 0;

    if (status != 0 && status != ASSAY_E_PENDING) {
        fail_all(stream, status);
    } else {
        /* If the agent has left too many questions without an answer, another connection is better. */
        if (pending_is_clogged(&stream->pending))
            lose_connection(stream, ASSAY_E_UNREACHABLE, 0, true);
        say_hello(assay, stream, now);
        status = add(stream, kind, question, cache_has_page(&assay->cache), tag, now + question_ns(assay, question));
    }
    stream_rest(stream);
    return status != 0 ? status : ASSAY_E_PENDING;
}
