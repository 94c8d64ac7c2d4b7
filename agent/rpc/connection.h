/* One connection: bytes in, whole messages to request.c, answers out. It limits what a peer may cost; a peer that exceeds a limit loses this
   connection and nothing else. */
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

struct door *conn_door(const struct conn *conn); /* the door through which it came */
const struct peer *conn_peer(const struct conn *conn);

/* Logs once that the peer matches no entry of `peers`. */
void conn_log_stranger(struct conn *conn);

/* Where its signature checks wait. Lives as long as one of its requests is held. */
struct line_of_tasks *conn_line(struct conn *conn);

/* Begins an answer: a writer with room for `room` bytes; conn_answer_end ends it. NULL: out of memory, and the connection is gone. The answer goes
   out at the end of the loop's turn, with all others of the connection. */
struct wire_writer *conn_answer_begin(struct conn *conn, size_t room);
void conn_answer_end(struct conn *conn);

/* Holds the connection for a request that is answered later; false: it has too many of them. */
bool conn_hold(struct conn *conn);

/* Ends the hold. True: the answer can still be sent. */
bool conn_release(struct conn *conn);

/* For the shared page (send_page.c): were all answers of this connection sent? Only then can a page be sent. */
bool conn_may_pass(struct conn *conn);

/* Why no page may be sent on it now; NULL: one may be sent. */
const char *conn_page_refusal(struct conn *conn);

/* Records that its client holds the page, true if for the first time; or takes that back, because the page could not be sent. */
bool conn_hold_page(struct conn *conn);
void conn_drop_page(struct conn *conn);

/* Sends this whole answer, and the page with its first byte. NULL, or why nothing was sent. */
const char *conn_send_page(struct conn *conn, const uint8_t *bytes, size_t size);

/* A request that takes so long that it is processed in pieces, between which others have their turns. */
struct piecework {
    bool (*go_on)(struct piecework *work); /* processes one more piece. True: it was the last, and the work is freed */
    void (*drop)(struct piecework *work);  /* frees the work, because the connection is gone */
};

/* Is processing in pieces useful, and is there room for that many bytes of it? Only while other users ask, and for one request of a connection at
   a time. True: the bytes count as the connection's, and conn_take_pieces must follow. */
bool conn_takes_pieces(struct conn *conn, size_t bytes);
void conn_take_pieces(struct conn *conn, struct piecework *work); /* the connection's next request waits until it ends */

/* Accepts no more requests; closes the connection when all answers are sent. */
void conn_drain(struct conn *conn);
void conn_close(struct conn *conn);

#endif
