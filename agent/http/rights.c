/* Who calls by HTTP, and what that allows: as rpc/connection_rights.c for the agent's own protocol, but that over TCP nobody knows who calls.
   There the configuration names the entry whose rights callers have (`http.peer`). */
#include "agent/keys/keyring.h"
#include "http_inside.h"

static void rank(struct http_conn *conn)
{
    const struct config *config = conn->http->core->ring->config;

    if (conn->http->is_tcp && config->http.peer != NULL)
        (void)peer_named(config, config->http.peer, &conn->peer);
    else if (!conn->http->is_tcp || !config->peers.configured)
        peer_rank(&conn->peer, conn->fd, config);
}

void http_join(struct http_conn *conn)
{
    rank(conn);
    peer_join(&conn->peer, conn->held);
}

void http_leave(struct http_conn *conn)
{
    peer_leave(&conn->peer, conn->held);
}

void http_use_config(struct http *http)
{
    for (struct http_conn *conn = http != NULL ? http->all : NULL; conn != NULL; conn = conn->next) {
        http_leave(conn);
        http_join(conn);
    }
}

bool http_is_welcome(const struct http_conn *conn)
{
    return account_is_welcome(conn->caller.account, false) && !peer_is_too_many(&conn->peer);
}

bool http_hold(struct http_conn *conn)
{
    if (!account_hold(conn->caller.account))
        return false;
    if (!peer_hold(&conn->peer)) {
        account_release(conn->caller.account);
        return false;
    }
    conn->http->held++;
    conn->held = true;
    return true;
}

void http_release(struct http_conn *conn)
{
    peer_release(&conn->peer);
    account_release(conn->caller.account);
    conn->http->held--;
    conn->held = false;
}
