#include "http_inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/alarm.h"
#include "socket.h"

struct http_account *http_account(struct http *http, uid_t uid)
{
    for (struct http_account *account = http->accounts; account != NULL; account = account->next) {
        if (account->uid == uid)
            return account;
    }
    struct http_account *account = calloc(1, sizeof *account);

    if (account == NULL)
        return NULL;
    account->uid = uid;
    account->next = http->accounts;
    http->accounts = account;
    return account;
}

void http_account_left(struct http *http, struct http_account *account)
{
    struct http_account **link = &http->accounts;

    if (account->connections > 0)
        return;
    while (*link != account)
        link = &(*link)->next;
    *link = account->next;
    free(account);
}

/* Who holds the most, of this user or of all. What is held for a decision is not taken away under it. */
static struct http_conn *heaviest(const struct http *http, const struct http_account *account)
{
    struct http_conn *heaviest = NULL;

    for (struct http_conn *conn = http->all; conn != NULL; conn = conn->next) {
        if (!conn->held && (account == NULL || conn->account == account) && (heaviest == NULL || conn->in_room > heaviest->in_room))
            heaviest = conn;
    }
    return heaviest;
}

bool http_charge(struct http_conn *conn, size_t bytes)
{
    struct http *http = conn->http;
    bool own;

    while ((own = conn->account->buffered + bytes > BUFFERS_BYTES_PER_UID_MAX) || http->buffered + bytes > BUFFERS_BYTES_MAX) {
        struct http_conn *other = heaviest(http, own ? conn->account : NULL);

        if (other == NULL || other->in_room <= conn->in_room)
            return false;
        http_conn_close(other);
    }
    conn->account->buffered += bytes;
    http->buffered += bytes;
    return true;
}

void http_discharge(struct http_conn *conn, size_t bytes)
{
    conn->account->buffered -= bytes;
    conn->http->buffered -= bytes;
}

/* Rings too early where a deadline was put off, and is set anew then. */
static void on_alarm(void *context)
{
    struct http *http = context;
    uint64_t now = uv_now(http->agent->loop), first = UINT64_MAX;

    http->alarm_due = 0;
    for (struct http_conn *conn = http->all, *next; conn != NULL; conn = next) {
        next = conn->next;
        if (conn->deadline > now) {
            first = conn->deadline < first ? conn->deadline : first;
            continue;
        }
        http->agent->door->facts.timeouts++;
        http_conn_close(conn);
    }
    http_arm(http, first);
}

void http_arm(struct http *http, uint64_t deadline)
{
    uint64_t now = uv_now(http->agent->loop);

    if (deadline == UINT64_MAX || (http->alarm_due != 0 && http->alarm_due <= deadline))
        return;
    http->alarm_due = deadline;
    alarm_set(http->alarm, deadline > now ? (double)(deadline - now) / 1000 : 0.001);
}

static void on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        http_conn_open(listener->data);
}

static void init_handle(struct http *http, union http_handle *handle)
{
    if (http->is_tcp)
        uv_tcp_init(http->agent->loop, &handle->tcp);
    else
        uv_pipe_init(http->agent->loop, &handle->pipe, 0);
    handle->any.data = http;
}

static void on_turned_away(uv_handle_t *handle)
{
    struct http *http = handle->data;

    http->is_turning_away = false;
    if (http->has_one_waiting && !http->is_closed)
        http_conn_open(http);
}

/* libuv holds the descriptor, and takes nobody else until it was accepted (conn.c). */
void http_turn_away(struct http *http)
{
    http->has_one_waiting = http->is_turning_away;
    if (http->has_one_waiting)
        return;
    init_handle(http, &http->turned_away);
    http->is_turning_away = true;
    (void)uv_accept(&http->listener.stream, &http->turned_away.stream);
    uv_close(&http->turned_away.any, on_turned_away);
}

static int listen_on_path(struct http *http, char why[512])
{
    http->listen_fd = socket_listen_http(http->agent->ring->config, &http->made_socket, why);
    if (http->listen_fd < 0)
        return -1;
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

int http_open(struct agent *agent, struct http **ret, char why[512])
{
    const struct http_config *config = &agent->ring->config->http;
    struct http *http = config->listen != NULL ? calloc(1, sizeof *http) : NULL;

    *ret = http;
    snprintf(why, 512, "out of memory or file descriptors");
    if (http == NULL)
        return config->listen != NULL ? -1 : 0;
    http->agent = agent;
    http->is_tcp = config->path == NULL;
    http->alarm = alarm_new(agent->loop, on_alarm, http);
    init_handle(http, &http->listener);
    if (http->alarm != NULL && start(http, config, why) == 0)
        return 0;
    http_close(http); /* and freed by whoever stops */
    return -1;
}

void http_drain(struct http *http)
{
    if (http == NULL || http->is_closed)
        return;
    http->is_closed = true;
    if (http->made_socket) /* at its place, which no reload has changed */
        socket_remove(http->agent->ring->config->http.path, http->listen_fd);
    uv_close(&http->listener.any, NULL);
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
