/* The rights of callers over HTTP. Over TCP the kernel does not identify callers; there the configuration names the entry whose rights they get
   (`http.peer`). Without it, callers have no rights if there are `peers`. */
#include "agent/keys/keyring.h"
#include "http_inside.h"

void http_join(struct http_conn *conn)
{
    const struct config *config = conn->http->core->ring->config;

    if (conn->http->is_tcp && config->peers.configured)
        guest_join_as(&conn->guest, config, config->http.peer);
    else
        guest_join(&conn->guest, conn->fd, config);
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
