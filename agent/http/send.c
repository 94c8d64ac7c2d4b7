/* Output of an HTTP connection. */
#include <stdlib.h>
#include <string.h>

#include "http_inside.h"

/* Makes room for the next request, of which a part may have arrived. */
static void drop_request(struct http_conn *conn)
{
    size_t whole = conn->request.whole_bytes, rest = conn->in_bytes - whole;

    memmove(conn->in, conn->in + whole, rest);
    explicit_bzero(conn->in + rest, whole);
    conn->in_bytes = rest;
    conn->began = uv_now(conn->http->core->loop);
    http_request_begin(&conn->request);
}

/* An answer that the kernel did not take at once. */
struct sending {
    uv_write_t request;
    struct http_conn *conn;
    char data[];
};

static void on_sent(uv_write_t *request, int status)
{
    struct http_conn *conn = ((struct sending *)request)->conn;

    free(request);
    conn->sending = false;
    if (status < 0)
        http_conn_close(conn);
    if (!conn->closing)
        http_conn_go_on(conn);
}

static void send_later(struct http_conn *conn, const char *at, size_t bytes)
{
    struct sending *sending = malloc(sizeof *sending + bytes);

    if (sending == NULL) {
        http_conn_close(conn);
        return;
    }
    memcpy(sending->data, at, bytes);
    sending->conn = conn;
    uv_buf_t buffer = uv_buf_init(sending->data, (unsigned)bytes);

    if (uv_write(&sending->request, &conn->handle.stream, &buffer, 1, on_sent) != 0) {
        free(sending);
        http_conn_close(conn);
        return;
    }
    conn->sending = true;
}

static void send_out(struct http_conn *conn)
{
    const struct http_out *out = &conn->http->out;
    uv_buf_t buffer = uv_buf_init(out->start, (unsigned)out->bytes);
    int sent = out->failed ? UV_ENOMEM : uv_try_write(&conn->handle.stream, &buffer, 1);

    if (sent < 0 && sent != UV_EAGAIN)
        http_conn_close(conn);
    else if (sent < 0 || (size_t)sent < out->bytes)
        send_later(conn, out->start + (sent > 0 ? sent : 0), out->bytes - (size_t)(sent > 0 ? sent : 0));
}

struct http_out *http_answer_begin(struct http_conn *conn, unsigned status)
{
    struct http_out *out = &conn->http->out;

    out->bytes = 0;
    out->failed = false;
    http_put_status(out, status);
    if (conn->decides)
        http_put_header(out, "X-Assay-Decision", audit_id(conn->http->verdicts));
    conn->decides = false;
    if (status == 503)
        http_put_header(out, "Retry-After", HTTP_RETRY_SECONDS_TEXT);
    return out;
}

void http_answer_end(struct http_conn *conn, const char *type, struct text body)
{
    struct http_request *request = &conn->request;
    bool is_head = conn->in != NULL && text_is(http_text(request->method, conn->in), "HEAD", 4);

    conn->ending = conn->ending || !request->keep_alive || conn->http->is_closed;
    http_put_body(&conn->http->out,
                  conn->ending      ? HTTP_CLOSES
                  : request->is_old ? HTTP_KEEPS_AS_OLD
                                    : HTTP_KEEPS,
                  type, body, is_head);
    if (conn->ending)
        http_conn_drop_in(conn);
    else
        drop_request(conn);
    send_out(conn);
}
