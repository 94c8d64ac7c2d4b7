/* The inside of HTTP: the listener (listener.c), its connections (connection.c, send.c), and the requests on them (ask.c, routes.c, gateway.c,
   json.c). */
#ifndef ASSAY_HTTP_INSIDE_H
#define ASSAY_HTTP_INSIDE_H

#include <uv.h>

#include "agent/door/guest.h"
#include "agent/rpc/listener.h"
#include "agent/verdict/decide.h"
#include "agent/verdict/permission.h"
#include "answer.h"
#include "listener.h"
#include "request.h"

union http_handle {
    uv_handle_t any;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
};

struct http {
    struct core *core;
    struct verdicts *verdicts;
    struct accounts *accounts; /* of both doors */
    union http_handle listener;
    union http_handle turned_away; /* accepts a connection for which there is no memory */
    bool is_turning_away, has_one_waiting;
    bool is_tcp, is_closed;
    bool made_socket; /* the agent created it, and removes it at the end */
    int listen_fd;
    struct socket_watch file; /* watches the socket's file */
    struct alarm *alarm; /* rings at the first deadline of a connection */
    uint64_t alarm_due;  /* milliseconds of the loop's clock; 0: not set */
    struct http_conn *all;
    struct http_conn *answered; /* their held request was answered: they continue before the loop waits */
    unsigned accepted; /* in this turn of the loop */
    unsigned held;
    struct http_out out, body; /* for the answer that is being built */
    char thrown_away[4096];    /* input after the last answer */
};

/* One request at a time: the connection reads nothing more until it is answered. */
struct http_conn {
    union http_handle handle;
    uv_os_fd_t fd; /* its descriptor */
    struct http *http;
    struct guest guest;
    struct http_conn *next, *previous;
    struct http_conn *next_answered;
    uint64_t deadline; /* milliseconds of the loop's clock */
    uint64_t began;    /* when the first byte of the request came */
    char *in;          /* the request, and the part of the next one that came with it */
    size_t in_bytes, in_room;
    struct http_request request;
    struct waiter waiter; /* of the request that is held */
    void (*decided)(struct http_conn *conn, const struct decision *decision);
    struct check_pair pair; /* the gateway's question; points into `in` */
    bool open, closing, reading, handling;
    bool half;      /* `in` has no whole request: more must be read first */
    bool answered;  /* is in the list of answered connections */
    bool sending;   /* the kernel has not taken the answer yet */
    bool decides;   /* the answer is a decision, and has its id in a header */
    bool ending;    /* the last answer was built */
    bool lingering; /* the last answer was sent: the peer gets time to read it */
};

/* connection.c: accepts a connection when the listener reports one, and closes one, or all. */
void http_conn_open(struct http *http);
void http_conn_close(struct http_conn *conn);
void http_conn_drain(struct http_conn *conn);
void http_conn_free(struct http_conn *conn); /* libuv has closed it, and none of its requests is held */
void http_conn_drop_in(struct http_conn *conn); /* drops and wipes the input */
void http_conn_go_on(struct http_conn *conn);   /* processes what is in `in` */

/* rights.c: the peer of a connection, its rights, and how much of them is used. */
void http_join(struct http_conn *conn);
void http_leave(struct http_conn *conn); /* takes its rights away */
bool http_hold(struct http_conn *conn); /* a request that is answered later; false: too many */
void http_release(struct http_conn *conn);

/* listener.c */
void http_arm(struct http *http, uint64_t deadline);
void http_accept_on(struct http *http); /* accepts connections that had to wait for another turn */
void http_turn_away(struct http *http);

/* An answer: its first line, then headers by http_put_header, then its end, which sends it. */
struct http_out *http_answer_begin(struct http_conn *conn, unsigned status);
void http_answer_end(struct http_conn *conn, const char *type, struct text body);
void http_answer_json(struct http_conn *conn, unsigned status, const struct http_out *body);

/* {"error", "message"} */
void http_error(struct http_conn *conn, unsigned status, const char *error, const char *message);
void http_bad_request(struct http_conn *conn, const char *message);
void http_undecided(struct http_conn *conn, const struct decision *decision);

/* ask.c: calls `decided` with the decision about the token: at once, or later, while the request is still in `in`. */
void http_ask(struct http_conn *conn, struct text token, struct text audience,
              void (*decided)(struct http_conn *conn, const struct decision *decision));

/* Begins the answer with a decision: gives it its id, and returns what the audit line says of the request. */
struct audited http_audited(struct http_conn *conn, const char *method);

/* Handles a whole request: answers it, or holds it. */
void http_route(struct http_conn *conn);

/* The handlers. */
void http_auth(struct http_conn *conn);
void http_forward(struct http_conn *conn);
void http_ext_authz(struct http_conn *conn);
void http_verify(struct http_conn *conn);
void http_introspect(struct http_conn *conn);
void http_healthz(struct http_conn *conn);
void http_readyz(struct http_conn *conn);

#endif
