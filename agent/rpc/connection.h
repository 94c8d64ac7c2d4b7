/* One connection: bytes in, whole messages to request.c, answers out. What a peer may cost is bounded here, and a peer that breaks a bound
   loses this connection and nothing else happens. */
#ifndef ASSAY_CONN_H
#define ASSAY_CONN_H

#include <uv.h>

#include "agent/door/peer.h"
#include "client/wire/wire.h"

struct door;
struct line_of_tasks;
struct conn;

/* For the listener: takes the descriptor over. */
void conn_open(struct door *door, uv_stream_t *listener);

struct door *conn_door(const struct conn *conn); /* by which it came */
const struct peer *conn_peer(const struct conn *conn);

/* A line in the log, once, about a peer that is none of the configuration's. */
void conn_tell_stranger(struct conn *conn);

/* Where its signature checks wait. Lives as long as a request of it is held. */
struct line_of_tasks *conn_line(struct conn *conn);

/* An answer: a writer with room for that many bytes, then the end of it. NULL: there is no memory, and the connection is gone.
   It goes out at the end of the loop's turn, with all others of the connection. */
struct wire_writer *conn_answer_begin(struct conn *conn, size_t room);
void conn_answer_end(struct conn *conn);

/* A request that is answered later holds the connection; false: it has too many of them. */
bool conn_hold(struct conn *conn);

/* Its end: true if the answer can still be sent. */
bool conn_release(struct conn *conn);

/* The page of the fast path (send_page.c). Was everything sent that was answered over it? A page can go only then. */
bool conn_may_pass(struct conn *conn);

/* Why no page may be sent over it now; NULL: one may. */
const char *conn_page_refusal(struct conn *conn);

/* Somebody holds the page by it: true if it is the first time. And not, for it could not be sent. */
bool conn_hold_page(struct conn *conn);
void conn_drop_page(struct conn *conn);

/* Sends this, a whole answer, and the page with its first byte. NULL, or why nothing was sent. */
const char *conn_send_page(struct conn *conn, const uint8_t *bytes, size_t size);

/* A request that takes so long that it is answered in pieces, between which others have their turns. */
struct piecework {
    bool (*go_on)(struct piecework *work); /* a piece more. True: it was the last, and there is no work any more */
    void (*drop)(struct piecework *work);  /* the connection is gone */
};

/* Is it worth it, and is there room for that many bytes of it? Only while others ask, too, and for one request of a connection at a time. True:
   the bytes count as the connection's, and conn_take_pieces is called next. */
bool conn_takes_pieces(struct conn *conn, size_t bytes);
void conn_take_pieces(struct conn *conn, struct piecework *work); /* its next request waits for the end */

/* No more requests; closed when what is owed was sent. */
void conn_drain(struct conn *conn);
void conn_close(struct conn *conn);

#endif
