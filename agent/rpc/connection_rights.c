/* Whose a connection is, what that allows, and how much of it is used. */
#include "agent/keys/keyring.h"
#include "agent/verdict/audit.h"
#include "connection_inside.h"

struct door *conn_door(const struct conn *conn)
{
    return conn->door;
}

const struct peer *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

void conn_join(struct conn *conn)
{
    peer_rank(&conn->peer, conn->fd, conn->door->core->ring->config);
    peer_join(&conn->peer, conn->held);
}

/* It may nothing from here on. What it has under way, and nobody waits for any more, must not point into a configuration that goes.
 */
void conn_leave(struct conn *conn)
{
    peer_leave(&conn->peer, conn->held);
}

/* All at once, for none of them may keep a right, nor a pointer, of the old one. */
void door_use_config(struct door *door)
{
    for (struct conn *conn = door->all; conn != NULL; conn = conn->next) {
        conn_leave(conn);
        conn_join(conn);
    }
}

void conn_tell_stranger(struct conn *conn)
{
    if (!conn->was_told_of)
        audit_stranger(&conn->peer);
    conn->was_told_of = true;
}

bool conn_is_welcome(struct conn *conn)
{
    bool has_place = account_is_welcome(conn->caller.account, true);

    if (!has_place && sent_page_look(conn->door))
        has_place = account_is_welcome(conn->caller.account, true);
    bool is_too_many = has_place && peer_is_too_many(&conn->peer);

    if (has_place && !is_too_many)
        return true;
    conn->door->facts.refused++;
    if (is_too_many)
        audit_turned_away(&conn->peer);
    return false;
}

bool conn_hold(struct conn *conn)
{
    if (!account_hold(conn->caller.account))
        return false;
    if (!peer_hold(&conn->peer)) {
        account_release(conn->caller.account);
        return false;
    }
    conn->door->held++;
    conn->held++;
    return true;
}

bool conn_release(struct conn *conn)
{
    peer_release(&conn->peer);
    account_release(conn->caller.account);
    conn->door->held--;
    conn->held--;
    if (!conn->open && conn->held == 0) {
        conn_free(conn);
        return false;
    }
    if (conn->closing)
        return false;
    conn_mark_dirty(conn);
    return true;
}
