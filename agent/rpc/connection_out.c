/* Output of a connection: answers of a turn of the loop are collected and sent at its end, in one write. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "connection_inside.h"

#define OUT_ROOM_FIRST 4096

/* Answers that the kernel did not take at once. */
struct sending {
    uv_write_t request;
    struct conn *conn;
    size_t bytes;
    uint8_t data[];
};

static void on_sent(uv_write_t *request, int status)
{
    struct sending *sending = (struct sending *)request;
    struct conn *conn = sending->conn;

    conn->unsent -= sending->bytes;
    account_discharge(&conn->guest.caller, sending->bytes);
    free(sending);
    if (conn->closing)
        return;
    if (status < 0) {
        conn_close(conn);
        return;
    }
    conn_renew_patience(conn, true);
    conn_mark_dirty(conn);
}

static void send_later(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct sending *sending = account_charge(&conn->guest.caller, size) ? malloc(sizeof *sending + size) : NULL;

    if (sending == NULL) {
        conn_break_off(conn, "half-sent messages and unread answers take too much memory");
        return;
    }
    sending->conn = conn;
    sending->bytes = size;
    memcpy(sending->data, bytes, size);
    uv_buf_t buffer = uv_buf_init((char *)sending->data, (unsigned)size);

    conn->unsent += size;
    if (uv_write(&sending->request, (uv_stream_t *)&conn->pipe, &buffer, 1, on_sent) != 0) {
        conn->unsent -= size;
        account_discharge(&conn->guest.caller, size);
        free(sending);
        conn_close(conn);
        return;
    }
    conn_renew_patience(conn, false);
}

static void release_out(struct conn *conn)
{
    struct door *door = conn->door;

    account_discharge(&conn->guest.caller, conn->out_room);
    if (door->spare == NULL && conn->out_room == OUT_ROOM_FIRST)
        door->spare = conn->out;
    else
        free(conn->out);
    conn->out = NULL;
    conn->out_bytes = conn->out_room = 0;
}

/* Sends as much as the kernel takes, before the turn ends. An error will come again later. */
static void push(struct conn *conn)
{
    uv_buf_t buffer = uv_buf_init((char *)conn->out, (unsigned)conn->out_bytes);
    int sent = conn->out_bytes > 0 ? uv_try_write((uv_stream_t *)&conn->pipe, &buffer, 1) : 0;

    if (sent <= 0)
        return;
    conn->out_bytes -= (size_t)sent;
    if (conn->out_bytes > 0)
        memmove(conn->out, conn->out + sent, conn->out_bytes);
    else
        release_out(conn);
}

void conn_push_out(void *context, const struct caller *except)
{
    const struct door *door = context;

    for (struct conn *conn = door->dirty; conn != NULL; conn = conn->next_dirty) {
        if (&conn->guest.caller != except)
            push(conn);
    }
}

bool conn_may_pass(struct conn *conn)
{
    push(conn);
    return conn->out_bytes == 0 && conn->unsent == 0;
}

static int send_now(struct conn *conn)
{
    uv_buf_t buffer = uv_buf_init((char *)conn->out, (unsigned)conn->out_bytes);

    return uv_try_write((uv_stream_t *)&conn->pipe, &buffer, 1);
}

static void flush(struct conn *conn)
{
    if (conn->out_bytes > 0) {
        int sent = send_now(conn);

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
    conn_read_on(conn);
    if (!conn->closing)
        conn_close_if_done(conn);
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
    if (!account_charge(&conn->guest.caller, larger - conn->out_room))
        return false;
    uint8_t *out = conn->out;

    if (out == NULL && larger == OUT_ROOM_FIRST && door->spare != NULL) {
        out = door->spare;
        door->spare = NULL;
    } else {
        out = realloc(conn->out, larger);
    }
    if (out == NULL) {
        account_discharge(&conn->guest.caller, larger - conn->out_room);
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
        conn_break_off(conn, "half-sent messages and unread answers take too much memory");
        return NULL;
    }
    wire_writer_init(&conn->writer, conn->out + conn->out_bytes, room);
    return &conn->writer;
}

void conn_answer_end(struct conn *conn)
{
    if (conn->writer.full) {
        conn_break_off(conn, "an answer did not fit into its buffer");
        return;
    }
    conn->out_bytes += wire_written(&conn->writer);
    conn_mark_dirty(conn);
}
