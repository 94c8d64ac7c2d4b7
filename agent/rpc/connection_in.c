/* Input of a connection: bytes become whole messages, which are processed while the user's share of the loop's turn lasts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/files/watch.h"
#include "common_request.h"
#include "connection_inside.h"
#include "request.h"

static struct piecework *take_work(struct conn *conn)
{
    struct piecework *work = conn->work;

    conn->work = NULL;
    return work;
}

void conn_drop_work(struct conn *conn)
{
    struct piecework *work = take_work(conn);

    if (work != NULL)
        work->drop(work);
}

bool conn_takes_pieces(struct conn *conn, size_t bytes)
{
    if (conn->work != NULL || conn->closing || account_is_alone(conn->guest.caller.account) || !account_charge(&conn->guest.caller, bytes))
        return false;
    conn->work_bytes = bytes;
    return true;
}

void conn_take_pieces(struct conn *conn, struct piecework *work)
{
    conn->work = work;
    account_wait_first(&conn->guest.caller);
}

/* Processes one piece. If the connection is closed during it, the connection no longer has the work. */
static void work_on(struct conn *conn)
{
    struct piecework *work = take_work(conn);

    bool is_done = work->go_on(work);

    if (!is_done)
        conn->work = work;
    if (is_done && !conn->closing)
        account_discharge(&conn->guest.caller, conn->work_bytes);
    else if (conn->closing)
        conn_drop_work(conn);
}

/* Does it have few enough requests waiting to process more, and were the files checked lately? */
static bool may_handle(const struct conn *conn)
{
    return !conn->closing && conn->work == NULL && conn->guest.held < IN_FLIGHT_PER_CONNECTION_MAX &&
           conn->out_bytes + conn->unsent < CONNECTION_UNSENT_BYTES_MAX && watch_sees(conn->door->core->watch);
}

bool conn_may_read(const struct conn *conn)
{
    return may_handle(conn) && !conn->draining;
}

#define CHEAP_AT_ONCE 8 /* a decision about a cached token takes as long as 40 readings of the clock */

/* Handles whole messages until the user's share of this turn is used up. Returns how many bytes it has handled. */
static size_t handle(struct conn *conn, const uint8_t *bytes, size_t size)
{
    static const struct wire_limits limits = {FRAME_BYTES_MAX, FRAME_NODES_MAX, FRAME_DEPTH_MAX};
    size_t done = 0, length;
    unsigned cheap = 0;
    struct common_request usual;

    conn->handling = true;
    while (done < size && may_handle(conn) && account_may_work(conn->guest.caller.account)) {
        length = common_request_read(bytes + done, size - done, &usual);
        if (length > 0) {
            rpc_handle_common(conn, conn->door->verdicts, &usual);
            done += length;
            if (++cheap % CHEAP_AT_ONCE == 0)
                account_spend(conn->guest.caller.account);
            continue;
        }
        enum wire_status status = wire_measure(bytes + done, size - done, &limits, &length);

        if (status == WIRE_MORE)
            break;
        if (status == WIRE_BAD) {
            conn_break_off(conn, "it sent bytes that are not a MessagePack-RPC request, or a request beyond the limits");
            break;
        }
        rpc_handle(conn, conn->door->verdicts, conn->door->zone, bytes + done, length);
        done += length;
        account_spend(conn->guest.caller.account);
    }
    conn->handling = false;
    return done;
}

static bool keep(struct conn *conn, const uint8_t *bytes, size_t size)
{
    size_t needed = conn->partial_bytes + size;

    if (needed > conn->partial_room) {
        size_t room = needed < 1024 ? 1024 : needed;
        uint8_t *larger = account_charge(&conn->guest.caller, room - conn->partial_room) ? realloc(conn->partial, room) : NULL;

        if (larger == NULL) {
            conn_break_off(conn, "half-sent messages and unread answers take too much memory");
            return false;
        }
        conn->partial = larger;
        conn->partial_room = room;
    }
    memcpy(conn->partial + conn->partial_bytes, bytes, size);
    conn->partial_bytes = needed;
    return true;
}

static void drop_partial(struct conn *conn, size_t bytes)
{
    conn->partial_bytes -= bytes;
    if (conn->partial_bytes > 0) {
        memmove(conn->partial, conn->partial + bytes, conn->partial_bytes);
        return;
    }
    account_discharge(&conn->guest.caller, conn->partial_room);
    explicit_bzero(conn->partial, conn->partial_room); /* it contained a token */
    free(conn->partial);
    conn->partial = NULL;
    conn->partial_room = 0;
}

/* Gives no buffer, so that nothing is read, while other connections of its user come first: libuv then reports UV_ENOBUFS. */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct conn *conn = handle->data;

    (void)suggested;
    *ret_buffer = account_may_read(conn->guest.caller.account) ? uv_buf_init(conn->door->read_buffer, sizeof conn->door->read_buffer)
                                                         : uv_buf_init(NULL, 0);
}

void conn_stop_reading(struct conn *conn)
{
    if (conn->reading)
        uv_read_stop((uv_stream_t *)&conn->pipe);
    conn->reading = false;
}

/* Handles what has arrived, together with the rest of before. Returns how many bytes whole messages took; the rest is kept. */
static size_t take_in(struct conn *conn, const uint8_t *bytes, size_t size)
{
    size_t done;

    if (conn->partial_bytes > 0) {
        if (!keep(conn, bytes, size))
            return 0;
        done = handle(conn, conn->partial, conn->partial_bytes);
        drop_partial(conn, done);
        return done;
    }
    done = handle(conn, bytes, size);
    if (done < size && !conn->closing)
        (void)keep(conn, bytes + done, size - done);
    return done;
}

/* Processes bytes in the door's read buffer. */
static void take_up(struct conn *conn, size_t got)
{
    size_t done = take_in(conn, (const uint8_t *)conn->door->read_buffer, got);

    explicit_bzero(conn->door->read_buffer, got); /* it contained tokens */
    if (!conn->closing)
        conn_renew_patience(conn, done > 0);
}

static void take_up_what_was_left(struct conn *conn)
{
    if (conn->partial_bytes == 0)
        return;
    size_t done = handle(conn, conn->partial, conn->partial_bytes);

    drop_partial(conn, done);
    if (!conn->closing)
        conn_renew_patience(conn, done > 0);
}

/* The next step: its user's next turn, more reading, or neither until a request of it was answered. */
static void settle(struct conn *conn)
{
    if (conn->closing)
        return;
    if (conn->work != NULL)
        account_wait_first(&conn->guest.caller); /* one after the other: unfinished work takes memory */
    else if (conn->partial_bytes > 0 && may_handle(conn) && !account_may_work(conn->guest.caller.account))
        account_wait(&conn->guest.caller);
    if (!conn_may_read(conn) || conn->guest.caller.waits)
        conn_stop_reading(conn);
    else
        (void)conn_start_reading(conn);
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;

    (void)buffer;
    if (got == 0)
        return;
    if (got == UV_ENOBUFS) {
        account_wait(&conn->guest.caller);
    } else if (got < 0) {
        conn_drain(conn); /* requests from before the end are still answered */
    } else {
        account_begin(conn->guest.caller.account);
        take_up(conn, (size_t)got);
        account_spend(conn->guest.caller.account);
    }
    settle(conn);
}

bool conn_start_reading(struct conn *conn)
{
    if (!conn->reading)
        conn->reading = uv_read_start((uv_stream_t *)&conn->pipe, on_room, on_read) == 0;
    return conn->reading;
}

/* Reads the descriptor without libuv, which would ask for a buffer again. Reads little at once, because what is not processed in this turn is kept
   in memory. */
static void receive(struct conn *conn)
{
    ssize_t got;

    do
        got = recv(conn->fd, conn->door->read_buffer, READ_BYTES_IN_LINE, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        take_up(conn, (size_t)got);
    else if (got == 0 || errno != EAGAIN)
        conn_drain(conn);
}

void conn_take_turn(struct caller *caller)
{
    struct conn *conn = conn_of(caller);

    if (conn->work != NULL)
        work_on(conn);
    if (may_handle(conn) && account_may_work(caller->account))
        take_up_what_was_left(conn);
    if (conn_may_read(conn) && account_may_work(caller->account))
        receive(conn);
    settle(conn);
    if (!conn->closing)
        conn_close_if_done(conn);
}

/* Processes what was left when it had too many requests waiting. */
void conn_read_on(struct conn *conn)
{
    if (conn->reading || conn->guest.caller.waits || !may_handle(conn))
        return;
    if (!account_may_read(conn->guest.caller.account)) {
        account_wait(&conn->guest.caller);
        return;
    }
    account_begin(conn->guest.caller.account);
    take_up_what_was_left(conn);
    account_spend(conn->guest.caller.account);
    settle(conn);
}
