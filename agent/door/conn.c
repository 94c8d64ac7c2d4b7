#include "conn.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/files/watch.h"
#include "agent/observe/audit.h"
#include "conn_inside.h"
#include "rpc.h"
#include "usual.h"

static struct conn *conn_of(struct caller *caller)
{
    return (struct conn *)((char *)caller - offsetof(struct conn, caller));
}

struct line_of_tasks *conn_line(struct conn *conn)
{
    return &conn->line;
}

static void leave_patience(struct conn *conn)
{
    struct patience *patience = conn->patience;

    if (patience == NULL)
        return;
    *(conn->earlier != NULL ? &conn->earlier->later : &patience->first) = conn->later;
    *(conn->later != NULL ? &conn->later->earlier : &patience->last) = conn->earlier;
    conn->patience = NULL;
}

/* Patience begins anew. */
static void have_patience(struct conn *conn, struct patience *patience)
{
    if (conn->patience == patience && patience->last == conn) {
        conn->since = uv_now(conn->door->agent->loop); /* the timer may ring too early, and is set anew then */
        return;
    }
    leave_patience(conn);
    conn->patience = patience;
    conn->since = uv_now(conn->door->agent->loop);
    conn->earlier = patience->last;
    conn->later = NULL;
    *(patience->last != NULL ? &patience->last->later : &patience->first) = conn;
    patience->last = conn;
    door_arm(conn->door);
}

uint64_t conn_deadline(const struct conn *conn)
{
    return conn->since + conn->patience->milliseconds;
}

void conn_free(struct conn *conn)
{
    account_leave(&conn->caller);
    free(conn);
}

static void free_buffers(struct conn *conn)
{
    free(conn->out);
    conn->out = NULL;
    conn->out_bytes = conn->out_room = 0;
    if (conn->handling) /* it stands in one of them */
        return;
    if (conn->partial != NULL)
        explicit_bzero(conn->partial, conn->partial_room); /* it held a token */
    free(conn->partial);
    conn->partial = NULL;
    conn->partial_bytes = conn->partial_room = 0;
}

/* Freed when libuv lets go of it and no request of it is under way any more. */
static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    free_buffers(conn);
    conn->open = false;
    if (conn->held == 0)
        conn_free(conn);
}

static struct piecework *take_work(struct conn *conn)
{
    struct piecework *work = conn->work;

    conn->work = NULL;
    return work;
}

static void drop_work(struct conn *conn)
{
    struct piecework *work = take_work(conn);

    if (work != NULL)
        work->drop(work);
}

bool conn_takes_pieces(const struct conn *conn)
{
    return conn->work == NULL && !conn->closing && !account_is_alone(conn->caller.account);
}

void conn_take_pieces(struct conn *conn, struct piecework *work)
{
    conn->work = work;
    account_wait_first(&conn->caller);
}

/* A piece. What closes the connection in the midst of it finds no work there. */
static void work_on(struct conn *conn)
{
    struct piecework *work = take_work(conn);

    if (work->go_on(work))
        return;
    conn->work = work;
    if (conn->closing)
        drop_work(conn);
}

void conn_close(struct conn *conn)
{
    struct door *door = conn->door;

    if (conn->closing)
        return;
    conn->closing = true;
    leave_patience(conn);
    page_conn_closes(conn);
    drop_work(conn);
    conn_leave(conn);
    free_buffers(conn); /* now, not at the end of the turn: others may be about to take what is written off here */
    if (conn->caller.account != NULL) {
        account_discharge(&conn->caller, conn->caller.charged);
        account_forget(&conn->caller);
    }
    *(conn->previous != NULL ? &conn->previous->next : &door->all) = conn->next;
    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    if (conn->dirty) {
        struct conn **link = &door->dirty;

        while (*link != conn)
            link = &(*link)->next_dirty;
        *link = conn->next_dirty;
        conn->dirty = false;
    }
    door->facts.connections--;
    door->page_holders -= conn->holds_page;
    uv_close((uv_handle_t *)&conn->pipe, on_closed);
}

void conn_mark_dirty(struct conn *conn)
{
    if (conn->dirty || conn->closing)
        return;
    conn->dirty = true;
    conn->next_dirty = conn->door->dirty;
    conn->door->dirty = conn;
}

/* Has it little enough to wait for that more of its requests can be taken up, and have the files been looked at lately? */
static bool may_handle(const struct conn *conn)
{
    return !conn->closing && conn->work == NULL && conn->held < IN_FLIGHT_PER_CONNECTION_MAX &&
           conn->out_bytes + conn->unsent < CONNECTION_UNSENT_BYTES_MAX && watch_sees(conn->door->agent->watch);
}

static bool may_read(const struct conn *conn)
{
    return may_handle(conn) && !conn->draining;
}

void conn_break_off(struct conn *conn, const char *why)
{
    audit_broken_off(&conn->peer, why);
    conn->door->facts.protocol_errors++;
    conn_close(conn);
}

#define CHEAP_AT_ONCE 8 /* verdicts about known tokens take as long as 40 looks at the clock */

/* Handles the whole messages that stand there, while its user's share of this turn lasts. Returns how many bytes they were. */
static size_t handle(struct conn *conn, const uint8_t *bytes, size_t size)
{
    static const struct wire_limits limits = {FRAME_BYTES_MAX, FRAME_NODES_MAX, FRAME_DEPTH_MAX};
    size_t done = 0, length;
    unsigned cheap = 0;
    struct usual usual;

    conn->handling = true;
    while (done < size && may_handle(conn) && account_may_work(conn->caller.account)) {
        length = usual_read(bytes + done, size - done, &usual);
        if (length > 0) {
            rpc_handle_usual(conn, conn->door->agent, &usual);
            done += length;
            if (++cheap % CHEAP_AT_ONCE == 0)
                account_spend(conn->caller.account);
            continue;
        }
        enum wire_status status = wire_measure(bytes + done, size - done, &limits, &length);

        if (status == WIRE_MORE)
            break;
        if (status == WIRE_BAD) {
            conn_break_off(conn, "it sent what is no MessagePack-RPC request, or one beyond the limits");
            break;
        }
        rpc_handle(conn, conn->door->agent, conn->door->zone, bytes + done, length);
        done += length;
        account_spend(conn->caller.account);
    }
    conn->handling = false;
    return done;
}

static bool keep(struct conn *conn, const uint8_t *bytes, size_t size)
{
    size_t needed = conn->partial_bytes + size;

    if (needed > conn->partial_room) {
        size_t room = needed < 1024 ? 1024 : needed;
        uint8_t *larger = account_charge(&conn->caller, room - conn->partial_room) ? realloc(conn->partial, room) : NULL;

        if (larger == NULL) {
            conn_break_off(conn, "half messages and unread answers take too much memory");
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
    account_discharge(&conn->caller, conn->partial_room);
    explicit_bzero(conn->partial, conn->partial_room); /* it held a token */
    free(conn->partial);
    conn->partial = NULL;
    conn->partial_room = 0;
}

/* No room, and so no reading, as long as others of its user come first: libuv says UV_ENOBUFS then. */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct conn *conn = handle->data;

    (void)suggested;
    *ret_buffer = account_may_read(conn->caller.account) ? uv_buf_init(conn->door->read_buffer, sizeof conn->door->read_buffer)
                                                         : uv_buf_init(NULL, 0);
}

void conn_close_if_done(struct conn *conn)
{
    bool is_kept_waiting = conn->caller.waits || (conn->partial_bytes > 0 && watch_waits(conn->door->agent->watch));

    if (conn->draining && conn->held == 0 && conn->out_bytes == 0 && conn->unsent == 0 && !is_kept_waiting)
        conn_close(conn);
}

static void stop_reading(struct conn *conn)
{
    if (conn->reading)
        uv_read_stop((uv_stream_t *)&conn->pipe);
    conn->reading = false;
}

/* A half message has to be finished soon; between messages there is time. Drop by drop is not finishing: only whole ones count. Waiting for a
   turn stops no clock, for then a busy user's half messages would never have to be finished: turns come many times a second. */
void conn_renew_patience(struct conn *conn, bool progress)
{
    struct door *door = conn->door;
    struct patience *now = (conn->partial_bytes > 0 && may_read(conn)) || conn->unsent > 0 ? &door->partial : &door->idle;

    if (now == &door->idle && conn->holds_page)
        leave_patience(conn); /* what it is for is being there */
    else if (now != conn->patience || progress)
        have_patience(conn, now);
}

/* Handles what has arrived, with what was left of before. Returns how many bytes whole messages took; what is left is kept. */
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

/* Bytes that were read into the door's buffer. */
static void take_up(struct conn *conn, size_t got)
{
    size_t done = take_in(conn, (const uint8_t *)conn->door->read_buffer, got);

    explicit_bzero(conn->door->read_buffer, got); /* there were tokens in it */
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

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer);

/* What comes next: its user's next turn, more to read, or neither until something of it was answered. */
static void settle(struct conn *conn)
{
    if (conn->closing)
        return;
    if (conn->work != NULL)
        account_wait_first(&conn->caller); /* one after the other: what is half done takes memory */
    else if (conn->partial_bytes > 0 && may_handle(conn) && !account_may_work(conn->caller.account))
        account_wait(&conn->caller);
    if (!may_read(conn) || conn->caller.waits)
        stop_reading(conn);
    else if (!conn->reading && uv_read_start((uv_stream_t *)&conn->pipe, on_room, on_read) == 0)
        conn->reading = true;
}

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;

    (void)buffer;
    if (got == 0)
        return;
    if (got == UV_ENOBUFS) {
        account_wait(&conn->caller);
    } else if (got < 0) {
        conn_drain(conn); /* what was asked before the end is still answered */
    } else {
        account_begin(conn->caller.account);
        take_up(conn, (size_t)got);
        account_spend(conn->caller.account);
    }
    settle(conn);
}

/* Past libuv, which would ask whose turn it is. Little at once: what is not taken up in this turn is kept. */
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

static void take_turn(struct caller *caller)
{
    struct conn *conn = conn_of(caller);

    if (conn->work != NULL)
        work_on(conn);
    if (may_handle(conn) && account_may_work(caller->account))
        take_up_what_was_left(conn);
    if (may_read(conn) && account_may_work(caller->account))
        receive(conn);
    settle(conn);
    if (!conn->closing)
        conn_close_if_done(conn);
}

/* Takes up what was left when it had too much to wait for. */
void conn_read_on(struct conn *conn)
{
    if (conn->reading || conn->caller.waits || !may_handle(conn))
        return;
    if (!account_may_read(conn->caller.account)) {
        account_wait(&conn->caller);
        return;
    }
    account_begin(conn->caller.account);
    take_up_what_was_left(conn);
    account_spend(conn->caller.account);
    settle(conn);
}

void conn_drain(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->draining = true;
    stop_reading(conn);
    conn_mark_dirty(conn); /* what was read and not taken up yet is still answered */
}

static void on_turned_away(uv_handle_t *handle)
{
    struct door *door = handle->data;

    door->is_turning_away = false;
    if (door->has_one_waiting && !door->agent->stopping)
        conn_open(door, (uv_stream_t *)&door->listener);
}

/* There is no memory for it. libuv holds the descriptor, and takes nobody else until it was accepted: so it is, by a handle that is
   kept for that. Should that one still be closing, the next one waits for it. */
static void turn_away(struct door *door, uv_stream_t *listener)
{
    door->has_one_waiting = door->is_turning_away;
    if (door->has_one_waiting)
        return;
    uv_pipe_init(door->agent->loop, &door->turned_away, 0);
    door->turned_away.data = door;
    door->is_turning_away = true;
    (void)uv_accept(listener, (uv_stream_t *)&door->turned_away);
    door->facts.refused++;
    uv_close((uv_handle_t *)&door->turned_away, on_turned_away);
}

static bool may_break_off(const struct caller *caller)
{
    (void)caller;
    return true;
}

static void break_off(struct caller *caller, const char *why)
{
    conn_break_off(conn_of(caller), why);
}

static const struct caller_kind kind_conn = {take_turn, may_break_off, break_off};

void conn_open(struct door *door, uv_stream_t *listener)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL) {
        turn_away(door, listener);
        return;
    }
    door->has_one_waiting = false;
    door->accepted++;
    uv_pipe_init(door->agent->loop, &conn->pipe, 0); /* allocates nothing */
    conn->pipe.data = conn;
    conn->door = door;
    conn->caller.kind = &kind_conn;
    conn->open = true;
    conn->next = door->all;
    if (door->all != NULL)
        door->all->previous = conn;
    door->all = conn;
    door->facts.connections++;
    door->facts.accepted++;
    if (uv_accept(listener, (uv_stream_t *)&conn->pipe) != 0 || uv_fileno((uv_handle_t *)&conn->pipe, &conn->fd) != 0 ||
        peer_of(conn->fd, &conn->peer) < 0 || account_join(&door->accounts, &conn->caller, conn->peer.uid) < 0) {
        conn_close(conn);
        return;
    }
    conn_join(conn);
    conn->line.user = &conn->caller.account->lines;
    if (!conn_is_welcome(conn) || uv_read_start((uv_stream_t *)&conn->pipe, on_room, on_read) != 0) {
        conn_close(conn);
        return;
    }
    conn->reading = true;
    have_patience(conn, &door->idle);
}

void door_go_on(struct door *door)
{
    for (struct conn *conn = door->all; conn != NULL; conn = conn->next) {
        if (!conn->reading)
            conn_mark_dirty(conn);
    }
}

void conn_close_all(struct door *door)
{
    while (door->all != NULL)
        conn_close(door->all);
}

void conn_drain_all(struct door *door)
{
    for (struct conn *conn = door->all, *next; conn != NULL; conn = next) {
        next = conn->next;
        conn_drain(conn);
    }
}
