/* Whose a connection is, what that allows, and how much of it is used. */
#include "agent/observe/audit.h"
#include "conn_inside.h"

const struct peer *conn_peer(const struct conn *conn)
{
    return &conn->peer;
}

void conn_join(struct conn *conn)
{
    peer_rank(&conn->peer, conn->fd, conn->door->agent->ring->config);
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
    struct door *door = conn->door;
    unsigned most = door->connections_max - (conn->peer.uid == 0 ? 0 : CONNECTIONS_KEPT_FOR_ROOT);

    if (door->facts.connections + door->others > most ||
        (conn->peer.uid != 0 && conn->account->connections > CONNECTIONS_PER_UID_MAX)) {
        door->facts.refused++;
        return false;
    }
    if (!peer_is_too_many(&conn->peer))
        return true;
    door->facts.refused++;
    audit_turned_away(&conn->peer);
    return false;
}

bool conn_hold(struct conn *conn)
{
    if (conn->account->in_flight >= IN_FLIGHT_PER_UID_MAX || !peer_hold(&conn->peer))
        return false;
    conn->account->in_flight++;
    conn->door->held++;
    conn->held++;
    return true;
}

bool conn_release(struct conn *conn)
{
    peer_release(&conn->peer);
    conn->account->in_flight--;
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
