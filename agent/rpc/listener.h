/* The door for services: the listener, all its connections, and limits on what they cost together. */
#ifndef ASSAY_DOOR_H
#define ASSAY_DOOR_H

#include <msgpack.h>

#include "agent/door/account.h"
#include "agent/door/socket_watch.h"
#include "agent/verdict/verdicts.h"
#include "connection.h"

/* Connections in the order in which their patience ends. */
struct patience {
    struct conn *first, *last;
    uint64_t milliseconds;
};

struct door {
    struct core *core;
    struct verdicts *verdicts;
    void (*before_wait)(void *context); /* called before the loop waits */
    void *context;
    uv_pipe_t listener;
    int listen_fd;
    bool made_socket, found_socket;
    struct socket_watch file; /* watches the socket's file */
    uv_pipe_t turned_away; /* accepts a connection for which there is no memory */
    bool is_turning_away, has_one_waiting;
    uv_check_t flush;   /* sends the answers of this turn */
    uv_idle_t awake;    /* active while a connection waits for its turn: then the loop does not sleep */
    uv_prepare_t sleep; /* before the loop waits: hands work to the workers, and ends the store's view */
    struct alarm *heart;   /* beats while a client holds the page */
    unsigned page_holders; /* connections on which the page was sent */
    struct alarm *alarm; /* rings when the first patience ends */
    uint64_t timer_due; /* milliseconds of the loop's clock; 0: not set */
    struct conn *dirty; /* have unsent answers, or may be able to read on */
    struct conn *all;
    uint8_t *spare; /* one output buffer, so that the common case allocates nothing */
    struct patience idle, partial;
    struct accounts accounts; /* of HTTP's connections, too */
    unsigned pages_unread;    /* send_page.c */
    struct left *left;
    struct alarm *left_alarm; /* rings while there is one */
    uint64_t swept;           /* the turn after which reads of pages were last checked */
    unsigned accepted;        /* in this turn */
    unsigned held;            /* requests under way */
    msgpack_zone *zone; /* for the request that is being read */
    char read_buffer[65536];
};

/* Listens. `before_wait` is called each time before the loop waits. NULL: `why` says what is wrong. */
struct door *door_open(struct verdicts *verdicts, void (*before_wait)(void *context), void *context, char why[512]);

/* Accepts no more requests; `door_is_quiet` once all answers were sent. */
void door_drain(struct door *door);
bool door_is_quiet(const struct door *door);

/* Closes what is left. door_free frees the door after the loop has closed its handles. */
void door_close(struct door *door);
void door_free(struct door *door);

/* Checks that the socket's file still exists, and creates the socket again if not. */
void door_look_for_socket(struct door *door);

/* Answers may be given again (watch_sees). */
void door_go_on(struct door *door);

/* After another configuration was put in force: gives open connections the rights that it grants. The old one must still exist. */
void door_use_config(struct door *door);

/* Between listener.c and connection.c. */
void door_arm(struct door *door); /* sets the timer, if it is not set */
void door_beat(void *door);
void conn_flush_all(struct door *door);
void conn_push_out(void *door, const struct caller *except); /* sends the other connections' answers of this turn, as far as the kernel takes them */
void conn_close_all(struct door *door);
void conn_drain_all(struct door *door);
void sent_page_on_alarm(void *door);
void sent_page_forget_all(struct door *door); /* forgets the unread pages in queues of closed connections */
uint64_t conn_deadline(const struct conn *conn);

#endif
