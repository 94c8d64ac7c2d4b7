/* The inside of a connection, for connection.c (its life), connection_in.c (what comes in), connection_out.c (what goes out), send_page.c and connection_rights.c. */
#ifndef ASSAY_CONN_INSIDE_H
#define ASSAY_CONN_INSIDE_H

#include <stddef.h>

#include "agent/door/guest.h"
#include "connection.h"
#include "listener.h"

struct conn {
    uv_pipe_t pipe;
    uv_os_fd_t fd; /* its descriptor */
    struct door *door;
    struct guest guest;
    struct conn *next, *previous;   /* of all */
    struct conn *next_dirty;
    struct conn *earlier, *later;   /* in the list of its patience */
    struct patience *patience;
    uint64_t since;                 /* when its patience began */
    uint8_t *partial;               /* what was read and not yet handled */
    size_t partial_bytes, partial_room;
    uint8_t *out;                   /* answers of this turn */
    size_t out_bytes, out_room;
    struct wire_writer writer;
    size_t unsent;                  /* bytes that the kernel did not take yet */
    struct piecework *work;         /* one that is being answered */
    size_t work_bytes;
    bool open, reading, draining, dirty, closing;
    bool handling;                  /* messages are being taken out of its buffer */
    bool holds_page;                /* and so may be idle for ever */
    bool page_unread;               /* one was sent over it, and may still lie in its queue */
    bool was_told_of;               /* in the log: that it is none of `peers` */
};

/* Its peer's rights are those of the configuration in force; and the end of that. */
void conn_join(struct conn *conn);
void conn_leave(struct conn *conn);

/* A user that has too many, or more than there is room for: the connection is taken and closed, so that it does not wait. */
bool conn_is_welcome(struct conn *conn);

void conn_free(struct conn *conn);

/* Page_out.c, for the other files: the connection is being closed; what was read meanwhile, once in a turn of the loop (false: it was
   looked already); and the end. */
void sent_page_conn_closes(struct conn *conn);
bool sent_page_look(struct door *door);

/* Closes a connection on a peer who broke a bound, with a line in the log. */
void conn_break_off(struct conn *conn, const char *why);

/* How long the peer may take for what is expected of it now. `progress`: it has done some of it. */
void conn_renew_patience(struct conn *conn, bool progress);

/* There is something to send at the end of the turn, or it may be possible to read on. */
void conn_mark_dirty(struct conn *conn);

/* Conn_in.c. Takes up what was left when it had too much to wait for. */
void conn_read_on(struct conn *conn);
void conn_take_turn(struct caller *caller);
bool conn_may_read(const struct conn *conn);
bool conn_start_reading(struct conn *conn);
void conn_stop_reading(struct conn *conn);
void conn_drop_work(struct conn *conn); /* a request that was being answered in pieces */

void conn_close_if_done(struct conn *conn);

static inline struct conn *conn_of(struct caller *caller)
{
    return (struct conn *)((char *)caller - offsetof(struct conn, guest.caller));
}

#endif
