/* The life of a connection: which connections are let in, how long the agent waits for a peer, and what is freed at the end. */
#include "connection.h"

#include <stdlib.h>
#include <string.h>

#include "agent/door/peer_log.h"
#include "agent/files/watch.h"
#include "agent/verdict/audit.h"
#include "connection_inside.h"

struct line_of_tasks *conn_line(struct conn *conn)
{
    return &conn->guest.line;
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

/* Starts the patience again. */
static void have_patience(struct conn *conn, struct patience *patience)
{
    if (conn->patience == patience && patience->last == conn) {
        conn->since = uv_now(conn->door->core->loop); /* the timer may ring too early, and is then set again */
        return;
    }
    leave_patience(conn);
    conn->patience = patience;
    conn->since = uv_now(conn->door->core->loop);
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
    account_leave(&conn->guest.caller);
    free(conn);
}

static void free_buffers(struct conn *conn)
{
    free(conn->out);
    conn->out = NULL;
    conn->out_bytes = conn->out_room = 0;
    if (conn->handling) /* the caller is working in one of them */
        return;
    if (conn->partial != NULL)
        explicit_bzero(conn->partial, conn->partial_room); /* it contained a token */
    free(conn->partial);
    conn->partial = NULL;
    conn->partial_bytes = conn->partial_room = 0;
}

/* Freed when libuv has closed it and none of its requests is under way any more. */
static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    free_buffers(conn);
    conn->open = false;
    if (conn->guest.held == 0)
        conn_free(conn);
}

void conn_close(struct conn *conn)
{
    struct door *door = conn->door;

    if (conn->closing)
        return;
    conn->closing = true;
    leave_patience(conn);
    sent_page_conn_closes(conn);
    conn_drop_work(conn);
    conn_leave(conn);
    free_buffers(conn); /* now, not at the end of the turn: others may be about to use the memory that is subtracted here */
    if (conn->guest.caller.account != NULL) {
        account_discharge(&conn->guest.caller, conn->guest.caller.charged);
        account_forget(&conn->guest.caller);
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

void conn_break_off(struct conn *conn, const char *why)
{
    peer_log_broken_off(&conn->guest.peer, why);
    conn->door->accounts.facts.protocol_errors++;
    conn_close(conn);
}

void conn_close_if_done(struct conn *conn)
{
    bool is_kept_waiting = conn->guest.caller.waits || (conn->partial_bytes > 0 && watch_waits(conn->door->core->watch));

    if (conn->draining && conn->guest.held == 0 && conn->out_bytes == 0 && conn->unsent == 0 && !is_kept_waiting)
        conn_close(conn);
}

/* A half-sent message must be finished soon; between messages there is time. Single bytes are not progress: only whole messages count. Waiting for
   a turn does not stop the clock, because then a busy user's half-sent messages would never have to be finished: turns come many times a second. */
void conn_renew_patience(struct conn *conn, bool progress)
{
    struct door *door = conn->door;
    struct patience *now = (conn->partial_bytes > 0 && conn_may_read(conn)) || conn->unsent > 0 ? &door->partial : &door->idle;

    if (now == &door->idle && conn->holds_page)
        leave_patience(conn); /* its purpose is to stay open */
    else if (now != conn->patience || progress)
        have_patience(conn, now);
}

void conn_drain(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->draining = true;
    conn_stop_reading(conn);
    conn_mark_dirty(conn); /* requests that were read but not yet processed are still answered */
}

static void on_turned_away(uv_handle_t *handle)
{
    struct door *door = handle->data;

    door->is_turning_away = false;
    if (door->has_one_waiting && !door->core->stopping)
        conn_open(door, (uv_stream_t *)&door->listener);
}

/* Out of memory for a connection. libuv holds the descriptor, and accepts no other connection until this one was accepted: so it is accepted by a
   handle reserved for that. If that handle is still closing, the connection waits for it. */
static void turn_away(struct door *door, uv_stream_t *listener)
{
    door->has_one_waiting = door->is_turning_away;
    if (door->has_one_waiting)
        return;
    uv_pipe_init(door->core->loop, &door->turned_away, 0);
    door->turned_away.data = door;
    door->is_turning_away = true;
    (void)uv_accept(listener, (uv_stream_t *)&door->turned_away);
    door->accounts.facts.refused++;
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

static const struct caller_kind kind_conn = {conn_take_turn, may_break_off, break_off};

void conn_open(struct door *door, uv_stream_t *listener)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL) {
        turn_away(door, listener);
        return;
    }
    door->has_one_waiting = false;
    door->accepted++;
    uv_pipe_init(door->core->loop, &conn->pipe, 0); /* allocates nothing */
    conn->pipe.data = conn;
    conn->door = door;
    conn->guest.caller.kind = &kind_conn;
    conn->open = true;
    conn->next = door->all;
    if (door->all != NULL)
        door->all->previous = conn;
    door->all = conn;
    door->accounts.facts.accepted++;
    if (uv_accept(listener, (uv_stream_t *)&conn->pipe) != 0 || uv_fileno((uv_handle_t *)&conn->pipe, &conn->fd) != 0 ||
        peer_of(conn->fd, &conn->guest.peer) < 0 || account_join(&door->accounts, &conn->guest.caller, conn->guest.peer.uid) < 0) {
        guest_refused(&conn->guest, WELCOME_NO_PLACE, &door->accounts);
        conn_close(conn);
        return;
    }
    conn_join(conn);
    conn->guest.line.user = &conn->guest.caller.account->lines;
    if (!conn_is_welcome(conn) || !conn_start_reading(conn)) {
        conn_close(conn);
        return;
    }
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
