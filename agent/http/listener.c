#include "http_inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/base/alarm.h"
#include "agent/base/log.h"
#include "agent/door/socket.h"
#include "agent/keys/keyring.h"

/* Rings too early if a deadline was extended, and is then set again. */
static void on_alarm(void *context)
{
    struct http *http = context;
    uint64_t now = uv_now(http->core->loop), first = UINT64_MAX;

    http->alarm_due = 0;
    for (struct http_conn *conn = http->all, *next; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->deadline > now) {
            first = conn->deadline < first ? conn->deadline : first;
            continue;
        }
        http->accounts->facts.timeouts++;
        http_conn_close(conn);
    }
    http_arm(http, first);
}

void http_arm(struct http *http, uint64_t deadline)
{
    uint64_t now = uv_now(http->core->loop);

    if (deadline == UINT64_MAX || (http->alarm_due != 0 && http->alarm_due <= deadline))
        return;
    http->alarm_due = deadline;
    alarm_set(http->alarm, deadline > now ? (double)(deadline - now) / 1000 : 0.001);
}

/* libuv accepts the next connection after this one was accepted. */
static void on_connection(uv_stream_t *listener, int status)
{
    struct http *http = listener->data;

    if (status != 0)
        return;
    http->has_one_waiting = http->accepted >= ACCEPTED_PER_TURN_MAX;
    if (!http->has_one_waiting)
        http_conn_open(http);
}

void http_accept_on(struct http *http)
{
    http->accepted = 0;
    if (http->has_one_waiting && !http->is_turning_away && !http->is_closed)
        http_conn_open(http);
}

static void init_handle(struct http *http, union http_handle *handle)
{
    if (http->is_tcp)
        uv_tcp_init(http->core->loop, &handle->tcp);
    else
        uv_pipe_init(http->core->loop, &handle->pipe, 0);
    handle->any.data = http;
}

static void on_turned_away(uv_handle_t *handle)
{
    struct http *http = handle->data;

    http->is_turning_away = false;
    if (http->has_one_waiting && !http->is_closed)
        http_conn_open(http);
}

/* libuv holds the descriptor, and accepts no other connection until this one was accepted (rpc/connection.c). */
void http_turn_away(struct http *http)
{
    http->has_one_waiting = http->is_turning_away;
    if (http->has_one_waiting)
        return;
    init_handle(http, &http->turned_away);
    http->is_turning_away = true;
    (void)uv_accept(&http->listener.stream, &http->turned_away.stream);
    http->accounts->facts.refused++;
    uv_close(&http->turned_away.any, on_turned_away);
}

static int listen_on_path(struct http *http, char why[512])
{
    http->listen_fd = socket_listen_http(http->core->ring->config, &http->made_socket, why);
    if (http->listen_fd < 0)
        return -1;
    socket_watch_note(&http->file, http->core->ring->config->http.path, http->made_socket);
    return uv_pipe_open(&http->listener.pipe, http->listen_fd);
}

static int start(struct http *http, const struct http_config *config, char why[512])
{
    int status = http->is_tcp ? uv_tcp_bind(&http->listener.tcp, (const struct sockaddr *)&config->at, 0)
                              : listen_on_path(http, why);

    if (status == -1)
        return -1;
    if (status == 0)
        status = uv_listen(&http->listener.stream, LISTEN_BACKLOG, on_connection);
    if (status != 0)
        snprintf(why, 512, "HTTP cannot be served on %s: %s", config->listen, uv_strerror(status));
    return status;
}

static void open_again(uv_handle_t *listener)
{
    struct http *http = listener->data;
    char why[512] = "out of memory or file descriptors";

    if (http->is_closed)
        return;
    init_handle(http, &http->listener);
    if (start(http, &http->core->ring->config->http, why) != 0)
        log_error("the socket cannot be created again; no caller can connect until the agent restarts", LOG_TEXT("why", why));
}

/* Open connections stay. */
static void on_gone(void *context)
{
    struct http *http = context;

    http->has_one_waiting = false;
    if (!uv_is_closing(&http->listener.any))
        uv_close(&http->listener.any, open_again);
}

void http_look_for_socket(struct http *http)
{
    if (http != NULL)
        socket_watch_look(&http->file);
}

int http_open(struct verdicts *verdicts, struct accounts *accounts, struct http **ret, char why[512])
{
    const struct http_config *config = &verdicts->core->ring->config->http;
    struct http *http = config->listen != NULL ? calloc(1, sizeof *http) : NULL;

    *ret = http;
    snprintf(why, 512, "out of memory or file descriptors");
    if (http == NULL)
        return config->listen != NULL ? -1 : 0;
    http->core = verdicts->core;
    http->verdicts = verdicts;
    http->accounts = accounts;
    http->is_tcp = config->path == NULL;
    http->alarm = alarm_new(verdicts->core->loop, on_alarm, http);
    init_handle(http, &http->listener);
    socket_watch_init(&http->file, verdicts->core->loop);
    http->file.gone = on_gone;
    http->file.context = http;
    if (http->alarm != NULL && start(http, config, why) == 0)
        return 0;
    http_close(http); /* the stopping code frees it */
    return -1;
}

void http_drain(struct http *http)
{
    if (http == NULL || http->is_closed)
        return;
    http->is_closed = true;
    socket_watch_end(&http->file);
    if (http->made_socket) /* at its path, which no reload can change */
        socket_remove(http->core->ring->config->http.path, http->listen_fd);
    if (!uv_is_closing(&http->listener.any))
        uv_close(&http->listener.any, NULL);
    socket_watch_close(&http->file);
    for (struct http_conn *conn = http->all, *next; conn != NULL; conn = next) {
        next = conn->next;
        http_conn_drain(conn);
    }
}

bool http_is_quiet(const struct http *http)
{
    return http == NULL || (http->all == NULL && http->held == 0);
}

void http_close(struct http *http)
{
    if (http == NULL)
        return;
    http_drain(http);
    while (http->all != NULL)
        http_conn_close(http->all);
    alarm_close(http->alarm);
    http->alarm = NULL;
}

void http_free(struct http *http)
{
    if (http == NULL)
        return;
    http_out_free(&http->out);
    http_out_free(&http->body);
    free(http);
}
