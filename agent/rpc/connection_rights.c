/* A connection's peer, its rights, and how much of them is used. */
#include "agent/keys/keyring.h"
#include "connection_inside.h"

struct door *conn_door(const struct conn *conn)
{
    return conn->door;
}

const struct peer *conn_peer(const struct conn *conn)
{
    return &conn->guest.peer;
}

void conn_join(struct conn *conn)
{
    guest_join(&conn->guest, conn->fd, conn->door->core->ring->config);
}

void conn_leave(struct conn *conn)
{
    guest_leave(&conn->guest);
}

/* All at once, because no connection may keep a right, or a pointer, of the old configuration. */
void door_use_config(struct door *door)
{
    for (struct conn *conn = door->all; conn != NULL; conn = conn->next) {
        conn_leave(conn);
        conn_join(conn);
    }
}

void conn_log_stranger(struct conn *conn)
{
    guest_log_stranger(&conn->guest);
}

bool conn_is_welcome(struct conn *conn)
{
    enum welcome welcome = guest_welcome(&conn->guest, true);

    if (welcome == WELCOME_NO_PLACE && sent_page_look(conn->door))
        welcome = guest_welcome(&conn->guest, true);
    if (welcome != WELCOME)
        guest_refused(&conn->guest, welcome, &conn->door->accounts);
    return welcome == WELCOME;
}

bool conn_hold(struct conn *conn)
{
    bool holds = guest_hold(&conn->guest);

    conn->door->held += holds;
    return holds;
}

bool conn_release(struct conn *conn)
{
    guest_release(&conn->guest);
    conn->door->held--;
    if (!conn->open && conn->guest.held == 0) {
        conn_free(conn);
        return false;
    }
    if (conn->closing)
        return false;
    conn_mark_dirty(conn);
    return true;
}
