/* One HTTP connection: bytes in, one request after the other, answers out. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/door/peer_log.h"
#include "agent/files/watch.h"
#include "agent/verdict/audit.h"
#include "http_inside.h"

#define IN_BYTES_MAX (HTTP_HEAD_BYTES_MAX + HTTP_BODY_BYTES_MAX + HTTP_IN_BYTES_FIRST)

void http_conn_drop_in(struct http_conn *conn)
{
    if (conn->in == NULL)
        return;
    explicit_bzero(conn->in, conn->in_bytes); /* it contained a token */
    free(conn->in);
    account_discharge(&conn->guest.caller, conn->in_room);
    conn->in = NULL;
    conn->in_bytes = conn->in_room = 0;
}

void http_conn_free(struct http_conn *conn)
{
    http_conn_drop_in(conn);
    account_leave(&conn->guest.caller);
    free(conn);
}

/* Freed when libuv has closed it and none of its requests is under way any more. */
static void on_closed(uv_handle_t *handle)
{
    struct http_conn *conn = handle->data;

    conn->open = false;
    if (!conn->guest.held)
        http_conn_free(conn);
}

void http_conn_close(struct http_conn *conn)
{
    struct http *http = conn->http;

    if (conn->closing)
        return;
    conn->closing = true;
    if (!conn->guest.held && !conn->handling) /* a held request is still in it */
        http_conn_drop_in(conn);
    *(conn->previous != NULL ? &conn->previous->next : &http->all) = conn->next;
    if (conn->next != NULL)
        conn->next->previous = conn->previous;
    if (conn->answered) {
        struct http_conn **link = &http->answered;

        while (*link != conn)
            link = &(*link)->next_answered;
        *link = conn->next_answered;
    }
    account_forget(&conn->guest.caller);
    http_leave(conn);
    uv_close(&conn->handle.any, on_closed);
}

/* Makes room for more input. Copies by hand, so that no part of a token stays behind in memory. */
static bool make_room(struct http_conn *conn)
{
    size_t room = conn->in_room == 0 ? HTTP_IN_BYTES_FIRST : 2 * conn->in_room;

    if (conn->in_room - conn->in_bytes >= HTTP_IN_BYTES_FIRST / 2 || conn->in_room == IN_BYTES_MAX)
        return conn->in_room > conn->in_bytes;
    if (room > IN_BYTES_MAX)
        room = IN_BYTES_MAX;
    if (!account_charge(&conn->guest.caller, room - conn->in_room))
        return false;
    char *in = malloc(room);

    if (in == NULL) {
        account_discharge(&conn->guest.caller, room - conn->in_room);
        return false;
    }
    if (conn->in_bytes > 0) {
        memcpy(in, conn->in, conn->in_bytes);
        explicit_bzero(conn->in, conn->in_bytes);
    }
    free(conn->in);
    conn->in = in;
    conn->in_room = room;
    return true;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct http_conn *conn = handle->data;

    (void)suggested;
    if (conn->lingering)
        *ret_buffer = uv_buf_init(conn->http->thrown_away, sizeof conn->http->thrown_away);
    else if (account_may_read(conn->guest.caller.account) && make_room(conn))
        *ret_buffer = uv_buf_init(conn->in + conn->in_bytes, (unsigned)(conn->in_room - conn->in_bytes));
    else
        *ret_buffer = uv_buf_init(NULL, 0); /* libuv then reports UV_ENOBUFS */
}

static void take_up(struct http_conn *conn, size_t got)
{
    if (conn->in_bytes == 0)
        conn->began = uv_now(conn->http->core->loop);
    conn->in_bytes += got;
    http_conn_go_on(conn);
}

static void read_or_wait(struct http_conn *conn);

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct http_conn *conn = stream->data;

    (void)buffer;
    if (got == UV_ENOBUFS) { /* not now, or never: its turn decides */
        account_wait(&conn->guest.caller);
        read_or_wait(conn);
    } else if (got < 0) {
        http_conn_close(conn); /* all whole requests have been answered: nothing is read before that */
    } else if (got > 0 && !conn->lingering) {
        take_up(conn, (size_t)got);
    }
}

static void read_or_wait(struct http_conn *conn)
{
    bool read = !conn->closing && !conn->guest.held && !conn->sending && !conn->guest.caller.waits && (!conn->ending || conn->lingering);

    if (conn->closing || read == conn->reading)
        return;
    conn->reading = read;
    if (!read)
        uv_read_stop(&conn->handle.stream);
    else if (uv_read_start(&conn->handle.stream, on_room, on_read) != 0)
        http_conn_close(conn);
}

/* A request must be complete soon, and an answer read soon; between them there is time. Single bytes do not extend the time. */
static void renew_deadline(struct http_conn *conn)
{
    uint64_t now = uv_now(conn->http->core->loop);

    if (conn->guest.held || conn->guest.caller.waits)
        conn->deadline = UINT64_MAX;
    else if (conn->sending || conn->lingering)
        conn->deadline = now + HTTP_REQUEST_SECONDS * 1000;
    else if (conn->in_bytes > 0)
        conn->deadline = conn->began + HTTP_REQUEST_SECONDS * 1000;
    else
        conn->deadline = now + CONNECTION_IDLE_SECONDS * 1000;
    http_arm(conn->http, conn->deadline);
}

/* If the connection were closed at once, data that the peer has sent meanwhile would destroy the answer (RFC 9112 section 9.6). */
static void linger(struct http_conn *conn)
{
    uv_os_fd_t fd;

    if (conn->http->is_closed || uv_fileno(&conn->handle.any, &fd) != 0 || shutdown(fd, SHUT_WR) < 0) {
        http_conn_close(conn);
        return;
    }
    conn->lingering = true;
    http_conn_drop_in(conn);
}

/* Can the next request be processed? */
static bool may_handle(const struct http_conn *conn)
{
    return !conn->closing && !conn->guest.held && !conn->sending && !conn->ending && watch_sees(conn->http->core->watch);
}

/* Processes the input, while its user's share of this turn lasts. */
void http_conn_go_on(struct http_conn *conn)
{
    struct account *account = conn->guest.caller.account;

    account_begin(account);
    conn->handling = true;
    conn->half = false;
    while (may_handle(conn) && conn->in_bytes > 0 && account_may_work(account)) {
        enum http_read status = http_request_read(&conn->request, conn->in, conn->in_bytes);

        if (status == HTTP_MORE) {
            conn->half = true;
            break;
        }
        if (status == HTTP_BAD) {
            conn->ending = true;
            conn->http->accounts->facts.protocol_errors++;
            peer_log_broken_off(&conn->guest.peer, conn->request.why);
            http_error(conn, conn->request.status, "bad_request", conn->request.why);
        } else {
            http_route(conn);
        }
        account_spend(account);
    }
    conn->handling = false;
    if (may_handle(conn) && conn->in_bytes > 0 && !conn->half)
        account_wait(&conn->guest.caller);
    if (!conn->closing && conn->ending && !conn->sending && !conn->lingering)
        linger(conn);
    if (conn->http->is_closed && !conn->guest.held && !conn->sending && !conn->closing && !conn->guest.caller.waits)
        http_conn_close(conn);
    if (conn->closing && !conn->guest.held)
        http_conn_drop_in(conn);
    if (conn->closing)
        return;
    if (conn->in_bytes == 0 && !conn->guest.held)
        http_conn_drop_in(conn);
    renew_deadline(conn);
    read_or_wait(conn);
}

static struct http_conn *conn_of(const struct caller *caller)
{
    return (struct http_conn *)((const char *)caller - offsetof(struct http_conn, guest.caller));
}

static bool may_break_off(const struct caller *caller)
{
    const struct http_conn *conn = conn_of(caller);

    return !conn->guest.held && !conn->handling; /* a request held for a decision must not be freed */
}

static void break_off(struct caller *caller, const char *why)
{
    struct http_conn *conn = conn_of(caller);

    peer_log_broken_off(&conn->guest.peer, why);
    conn->http->accounts->facts.protocol_errors++;
    http_conn_close(conn);
}

/* Reads the descriptor without libuv, which would ask for a buffer again. */
static void receive(struct http_conn *conn)
{
    ssize_t got;

    if (!make_room(conn)) {
        break_off(&conn->guest.caller, "half-sent requests take too much memory");
        return;
    }
    do
        got = recv(conn->fd, conn->in + conn->in_bytes, conn->in_room - conn->in_bytes, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        take_up(conn, (size_t)got);
    else if (got == 0 || errno != EAGAIN)
        http_conn_close(conn);
    else
        http_conn_go_on(conn);
}

static void take_turn(struct caller *caller)
{
    struct http_conn *conn = conn_of(caller);

    if (may_handle(conn) && (conn->in_bytes == 0 || conn->half))
        receive(conn);
    else
        http_conn_go_on(conn);
}

static const struct caller_kind kind_http = {take_turn, may_break_off, break_off};

void http_conn_drain(struct http_conn *conn)
{
    bool is_kept_waiting = conn->guest.caller.waits || (conn->in_bytes > 0 && watch_waits(conn->http->core->watch));

    if (!conn->guest.held && !conn->sending && !conn->handling && !is_kept_waiting)
        http_conn_close(conn);
}

/* Determines the peer: over TCP the kernel does not identify callers. */
static bool meet(struct http_conn *conn)
{
    conn->guest.peer = (struct peer){.uid = (uid_t)-1, .gid = (gid_t)-1};
    if (uv_accept(&conn->http->listener.stream, &conn->handle.stream) != 0 || uv_fileno(&conn->handle.any, &conn->fd) != 0)
        return false;
    if (conn->http->is_tcp)
        uv_tcp_nodelay(&conn->handle.tcp, 1);
    else if (peer_of(conn->fd, &conn->guest.peer) < 0)
        return false;
    return account_join(conn->http->accounts, &conn->guest.caller, conn->guest.peer.uid) == 0;
}

/* The connection on which no request came for the longest time. */
static struct http_conn *idlest(const struct http *http)
{
    struct http_conn *idlest = NULL;

    for (struct http_conn *conn = http->all; conn != NULL; conn = conn->next) {
        if (conn->guest.caller.account != NULL && conn->in_bytes == 0 && !conn->guest.held && !conn->sending && !conn->handling && !conn->guest.caller.waits &&
            (idlest == NULL || conn->deadline < idlest->deadline))
            idlest = conn;
    }
    return idlest;
}

/* Over TCP all callers are one user: a connection that asks nothing makes room for one that asks. */
static enum welcome welcome(struct http_conn *conn)
{
    enum welcome first = guest_welcome(&conn->guest, false);
    struct http_conn *other = first != WELCOME && conn->http->is_tcp ? idlest(conn->http) : NULL;

    if (other == NULL || other == conn)
        return first;
    http_conn_close(other);
    return guest_welcome(&conn->guest, false);
}

void http_conn_open(struct http *http)
{
    struct http_conn *conn = calloc(1, sizeof *conn);

    if (conn == NULL) {
        http_turn_away(http);
        return;
    }
    http->has_one_waiting = false;
    http->accepted++;
    http->accounts->facts.accepted++;
    if (http->is_tcp)
        uv_tcp_init(http->core->loop, &conn->handle.tcp);
    else
        uv_pipe_init(http->core->loop, &conn->handle.pipe, 0);
    conn->handle.any.data = conn;
    conn->http = http;
    conn->open = true;
    conn->next = http->all;
    if (http->all != NULL)
        http->all->previous = conn;
    http->all = conn;
    conn->guest.caller.kind = &kind_http;
    http_request_begin(&conn->request);
    enum welcome its = WELCOME_NO_PLACE;
    bool met = meet(conn);

    conn->deadline = UINT64_MAX;
    if (met) {
        http_join(conn);
        conn->guest.line.user = &conn->guest.caller.account->lines;
        its = welcome(conn);
    }
    if (its != WELCOME) {
        guest_refused(&conn->guest, its, http->accounts);
        http_conn_close(conn);
        return;
    }
    renew_deadline(conn);
    read_or_wait(conn);
}
