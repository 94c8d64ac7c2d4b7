/* The inside of a connection, for connection.c (its life), connection_in.c (input), connection_out.c (output), send_page.c and
   connection_rights.c. */
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
    struct conn *next, *previous;   /* in the list of all */
    struct conn *next_dirty;
    struct conn *earlier, *later;   /* in the list of its patience */
    struct patience *patience;
    uint64_t since;                 /* when its patience began */
    uint8_t *partial;               /* read and not yet processed */
    size_t partial_bytes, partial_room;
    uint8_t *out;                   /* answers of this turn */
    size_t out_bytes, out_room;
    struct wire_writer writer;
    size_t unsent;                  /* bytes that the kernel has not taken yet */
    struct piecework *work;         /* a request that is processed in pieces */
    size_t work_bytes;
    bool open, reading, draining, dirty, closing;
    bool handling;                  /* messages are being taken from its buffer */
    bool holds_page;                /* so it may be idle without limit */
    bool page_unread;               /* a page was sent on it, and may still be in its queue */
};

/* Gives its peer the rights of the configuration in force; and takes them away. */
void conn_join(struct conn *conn);
void conn_leave(struct conn *conn);

/* False: the user has too many connections, or there is no place left. Such a connection is accepted and closed, so that it does not wait. */
bool conn_is_welcome(struct conn *conn);

void conn_free(struct conn *conn);

/* send_page.c, for the other files: the connection is being closed; checks which pages were read, once in a turn of the loop (false: already done
   in this turn); and the end. */
void sent_page_conn_closes(struct conn *conn);
bool sent_page_look(struct door *door);

/* Closes a connection whose peer exceeded a limit, with a line in the log. */
void conn_break_off(struct conn *conn, const char *why);

/* Sets how long the peer may take for its next step. `progress`: it has made some progress. */
void conn_renew_patience(struct conn *conn, bool progress);

/* Marks the connection: it has something to send at the end of the turn, or may be able to read on. */
void conn_mark_dirty(struct conn *conn);

/* connection_in.c. Processes what was left when it had too many requests waiting. */
void conn_read_on(struct conn *conn);
void conn_take_turn(struct caller *caller);
bool conn_may_read(const struct conn *conn);
bool conn_start_reading(struct conn *conn);
void conn_stop_reading(struct conn *conn);
void conn_drop_work(struct conn *conn); /* drops the request that is processed in pieces */

void conn_close_if_done(struct conn *conn);

static inline struct conn *conn_of(struct caller *caller)
{
    return (struct conn *)((char *)caller - offsetof(struct conn, guest.caller));
}

#endif
