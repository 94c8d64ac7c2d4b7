#include "conn.h"

#include <stdlib.h>
#include <string.h>

#include "agent/observe/audit.h"
#include "door.h"
#include "rpc.h"

#define OUT_ROOM_FIRST 4096

struct conn {
    uv_pipe_t pipe;
    struct door *door;
    struct peer peer;
    struct account *account;
    struct conn *next, *previous;   /* of all */
    struct conn *next_dirty;
    struct conn *earlier, *later;   /* in the list of its patience */
    struct patience *patience;
    uint64_t since;                 /* when its patience began */
    uint8_t *partial;               /* what was read and not yet handled */
    size_t partial_bytes, partial_room;
    uint8_t *out;                   /* answers of this turn */
    size_t out_bytes, out_room;
    struct wire_writer writer;
    size_t unsent;                  /* bytes that the kernel did not take yet */
    unsigned held;                  /* requests that are answered later */
    bool open, reading, draining, dirty, closing;
};

/* Answers that did not go out at once. */
struct sending {
    uv_write_t request;
    struct conn *conn;
    size_t bytes;
    uint8_t data[];
};

const struct peer *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

static bool charge(struct conn *conn, size_t bytes)
{
    struct door *door = conn->door;

    if (door->buffered + bytes > BUFFERS_BYTES_MAX || conn->account->buffered + bytes > BUFFERS_BYTES_PER_UID_MAX)
        return false;
    door->buffered += bytes;
    conn->account->buffered += bytes;
    return true;
}

static void discharge(struct conn *conn, size_t bytes)
{
    conn->door->buffered -= bytes;
    conn->account->buffered -= bytes;
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

static void free_conn(struct conn *conn)
{
    struct door *door = conn->door;

    if (conn->account != NULL) {
        discharge(conn, conn->partial_room + conn->out_room);
        conn->account->connections--;
        door_account_left(door, conn->account);
    }
    if (conn->partial != NULL)
        explicit_bzero(conn->partial, conn->partial_room);
    free(conn->partial);
    free(conn->out);
    free(conn);
}

/* Freed when libuv lets go of it and no request of it is under way any more. */
static void on_closed(uv_handle_t *handle)
{
    struct conn *conn = handle->data;

    conn->open = false;
    if (conn->held == 0)
        free_conn(conn);
}

void conn_close(struct conn *conn)
{
    struct door *door = conn->door;

    if (conn->closing)
        return;
    conn->closing = true;
    leave_patience(conn);
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
    uv_close((uv_handle_t *)&conn->pipe, on_closed);
}

static void mark_dirty(struct conn *conn)
{
    if (conn->dirty || conn->closing)
        return;
    conn->dirty = true;
    conn->next_dirty = conn->door->dirty;
    conn->door->dirty = conn;
}

static bool may_read(const struct conn *conn)
{
    return !conn->closing && !conn->draining && conn->held < IN_FLIGHT_PER_CONNECTION_MAX &&
           conn->out_bytes + conn->unsent < CONNECTION_UNSENT_BYTES_MAX;
}

static void break_off(struct conn *conn, const char *why)
{
    audit_broken_off(&conn->peer, why);
    conn->door->facts.protocol_errors++;
    conn_close(conn);
}

/* Handles the whole messages that stand there. Returns how many bytes they were. */
static size_t handle(struct conn *conn, const uint8_t *bytes, size_t size)
{
    static const struct wire_limits limits = {FRAME_BYTES_MAX, FRAME_NODES_MAX, FRAME_DEPTH_MAX};
    size_t done = 0, length;

    while (done < size && may_read(conn)) {
        enum wire_status status = wire_measure(bytes + done, size - done, &limits, &length);

        if (status == WIRE_MORE)
            break;
        if (status == WIRE_BAD) {
            break_off(conn, "it sent what is no MessagePack-RPC request, or one beyond the limits");
            break;
        }
        rpc_handle(conn, conn->door->agent, conn->door->zone, bytes + done, length);
        done += length;
    }
    return done;
}

static bool keep(struct conn *conn, const uint8_t *bytes, size_t size)
{
    size_t needed = conn->partial_bytes + size;

    if (needed > conn->partial_room) {
        size_t room = needed < 1024 ? 1024 : needed;
        uint8_t *larger = charge(conn, room - conn->partial_room) ? realloc(conn->partial, room) : NULL;

        if (larger == NULL) {
            break_off(conn, "half messages and unread answers take too much memory");
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
    discharge(conn, conn->partial_room);
    explicit_bzero(conn->partial, conn->partial_room); /* it held a token */
    free(conn->partial);
    conn->partial = NULL;
    conn->partial_room = 0;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    struct conn *conn = handle->data;

    (void)suggested;
    *ret_buffer = uv_buf_init(conn->door->read_buffer, sizeof conn->door->read_buffer);
}

static void close_if_done(struct conn *conn)
{
    if (conn->draining && conn->held == 0 && conn->out_bytes == 0 && conn->unsent == 0)
        conn_close(conn);
}

static void stop_reading(struct conn *conn)
{
    if (conn->reading)
        uv_read_stop((uv_stream_t *)&conn->pipe);
    conn->reading = false;
}

/* A half message has to be finished soon; between messages there is time. Drop by drop is not finishing: only whole ones count. */
static void renew_patience(struct conn *conn, bool progress)
{
    struct door *door = conn->door;
    struct patience *now = (conn->partial_bytes > 0 && may_read(conn)) || conn->unsent > 0 ? &door->partial : &door->idle;

    if (now != conn->patience || progress)
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

static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
    struct conn *conn = stream->data;

    if (got < 0) {
        conn_drain(conn); /* what was asked before the end is still answered */
        return;
    }
    if (got == 0)
        return;
    size_t done = take_in(conn, (const uint8_t *)buffer->base, (size_t)got);

    explicit_bzero(buffer->base, (size_t)got); /* there were tokens in it */
    if (conn->closing)
        return;
    renew_patience(conn, done > 0);
    if (!may_read(conn))
        stop_reading(conn);
}

/* Takes up what was left when it had too much to wait for. */
static void read_on(struct conn *conn)
{
    if (conn->reading || !may_read(conn))
        return;
    if (conn->partial_bytes > 0) {
        size_t done = handle(conn, conn->partial, conn->partial_bytes);

        drop_partial(conn, done);
        if (conn->closing)
            return;
        renew_patience(conn, done > 0);
    }
    if (may_read(conn) && uv_read_start((uv_stream_t *)&conn->pipe, on_room, on_read) == 0)
        conn->reading = true;
}

static void on_sent(uv_write_t *request, int status)
{
    struct sending *sending = (struct sending *)request;
    struct conn *conn = sending->conn;

    conn->unsent -= sending->bytes;
    discharge(conn, sending->bytes);
    free(sending);
    if (conn->closing)
        return;
    if (status < 0) {
        conn_close(conn);
        return;
    }
    renew_patience(conn, true);
    mark_dirty(conn);
}

static void send_later(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct sending *sending = charge(conn, size) ? malloc(sizeof *sending + size) : NULL;

    if (sending == NULL) {
        break_off(conn, "half messages and unread answers take too much memory");
        return;
    }
    sending->conn = conn;
    sending->bytes = size;
    memcpy(sending->data, bytes, size);
    uv_buf_t buffer = uv_buf_init((char *)sending->data, (unsigned)size);

    conn->unsent += size;
    if (uv_write(&sending->request, (uv_stream_t *)&conn->pipe, &buffer, 1, on_sent) != 0) {
        conn->unsent -= size;
        discharge(conn, size);
        free(sending);
        conn_close(conn);
        return;
    }
    renew_patience(conn, false);
}

static void release_out(struct conn *conn)
{
    struct door *door = conn->door;

    discharge(conn, conn->out_room);
    if (door->spare == NULL && conn->out_room == OUT_ROOM_FIRST)
        door->spare = conn->out;
    else
        free(conn->out);
    conn->out = NULL;
    conn->out_bytes = conn->out_room = 0;
}

static void flush(struct conn *conn)
{
    if (conn->out_bytes > 0) {
        uv_buf_t buffer = uv_buf_init((char *)conn->out, (unsigned)conn->out_bytes);
        int sent = uv_try_write((uv_stream_t *)&conn->pipe, &buffer, 1);

        if (sent < 0 && sent != UV_EAGAIN) {
            conn_close(conn);
            return;
        }
        size_t done = sent > 0 ? (size_t)sent : 0;

        if (done < conn->out_bytes)
            send_later(conn, conn->out + done, conn->out_bytes - done);
        release_out(conn);
    }
    if (conn->closing)
        return;
    read_on(conn);
    if (!conn->closing)
        close_if_done(conn);
}

void conn_flush_all(struct door *door)
{
    while (door->dirty != NULL) {
        struct conn *conn = door->dirty;

        door->dirty = conn->next_dirty;
        conn->dirty = false;
        flush(conn);
    }
}

static bool grow_out(struct conn *conn, size_t room)
{
    struct door *door = conn->door;
    size_t needed = conn->out_bytes + room, larger = conn->out_room == 0 ? OUT_ROOM_FIRST : conn->out_room;

    if (needed <= conn->out_room)
        return true;
    while (larger < needed)
        larger *= 2;
    if (!charge(conn, larger - conn->out_room))
        return false;
    uint8_t *out = conn->out;

    if (out == NULL && larger == OUT_ROOM_FIRST && door->spare != NULL) {
        out = door->spare;
        door->spare = NULL;
    } else {
        out = realloc(conn->out, larger);
    }
    if (out == NULL) {
        discharge(conn, larger - conn->out_room);
        return false;
    }
    conn->out = out;
    conn->out_room = larger;
    return true;
}

struct wire_writer *conn_answer_begin(struct conn *conn, size_t room)
{
    if (conn->closing)
        return NULL;
    if (!grow_out(conn, room)) {
        break_off(conn, "half messages and unread answers take too much memory");
        return NULL;
    }
    wire_writer_init(&conn->writer, conn->out + conn->out_bytes, room);
    return &conn->writer;
}

void conn_answer_end(struct conn *conn)
{
    if (conn->writer.full) {
        break_off(conn, "an answer did not fit into the room that was made for it");
        return;
    }
    conn->out_bytes += wire_written(&conn->writer);
    mark_dirty(conn);
}

bool conn_hold(struct conn *conn)
{
    if (conn->account->in_flight >= IN_FLIGHT_PER_UID_MAX)
        return false;
    conn->account->in_flight++;
    conn->door->held++;
    conn->held++;
    return true;
}

bool conn_release(struct conn *conn)
{
    conn->account->in_flight--;
    conn->door->held--;
    conn->held--;
    if (!conn->open && conn->held == 0) {
        free_conn(conn);
        return false;
    }
    if (conn->closing)
        return false;
    mark_dirty(conn);
    return true;
}

void conn_drain(struct conn *conn)
{
    if (conn->closing)
        return;
    conn->draining = true;
    stop_reading(conn);
    close_if_done(conn);
}

/* A user that has too many, or more than there is room for: the connection is taken and closed, so that it does not wait. */
static bool is_welcome(struct conn *conn)
{
    struct door *door = conn->door;
    unsigned most = door->connections_max - (conn->peer.uid == 0 ? 0 : CONNECTIONS_KEPT_FOR_ROOT);

    if (door->facts.connections > most || (conn->peer.uid != 0 && conn->account->connections > CONNECTIONS_PER_UID_MAX)) {
        door->facts.refused++;
        return false;
    }
    return true;
}

void conn_open(struct door *door, uv_stream_t *listener)
{
    struct conn *conn = calloc(1, sizeof *conn);
    uv_os_fd_t fd;

    if (conn == NULL || uv_pipe_init(door->agent->loop, &conn->pipe, 0) != 0) {
        free(conn);
        return;
    }
    conn->pipe.data = conn;
    conn->door = door;
    conn->open = true;
    conn->next = door->all;
    if (door->all != NULL)
        door->all->previous = conn;
    door->all = conn;
    door->facts.connections++;
    door->facts.accepted++;
    if (uv_accept(listener, (uv_stream_t *)&conn->pipe) != 0 || uv_fileno((uv_handle_t *)&conn->pipe, &fd) != 0 ||
        peer_of(fd, &conn->peer) < 0 || (conn->account = door_account(door, conn->peer.uid)) == NULL) {
        conn_close(conn);
        return;
    }
    conn->account->connections++;
    if (!is_welcome(conn) || uv_read_start((uv_stream_t *)&conn->pipe, on_room, on_read) != 0) {
        conn_close(conn);
        return;
    }
    conn->reading = true;
    have_patience(conn, &door->idle);
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
