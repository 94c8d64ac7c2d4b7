/* Whose rights callers by HTTP have. Over TCP the kernel does not say who calls; there the configuration names the entry whose rights callers have
   (`http.peer`), and without one, where there are `peers`, callers have none. */
#include "agent/keys/keyring.h"
#include "http_inside.h"

void http_join(struct http_conn *conn)
{
    const struct config *config = conn->http->core->ring->config;
    bool unknown = conn->http->is_tcp && (config->http.peer != NULL || config->peers.configured);

    guest_join(&conn->guest, conn->fd, config, unknown ? (config->http.peer != NULL ? config->http.peer : "") : NULL);
}

void http_leave(struct http_conn *conn)
{
    guest_leave(&conn->guest);
}

void http_use_config(struct http *http)
{
    for (struct http_conn *conn = http != NULL ? http->all : NULL; conn != NULL; conn = conn->next) {
        http_leave(conn);
        http_join(conn);
    }
}

bool http_hold(struct http_conn *conn)
{
    bool holds = guest_hold(&conn->guest);

    conn->http->held += holds;
    return holds;
}

void http_release(struct http_conn *conn)
{
    guest_release(&conn->guest);
    conn->http->held--;
}
