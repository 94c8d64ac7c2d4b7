/* The door: the listener, all connections, and what they may cost together. */
#ifndef ASSAY_DOOR_H
#define ASSAY_DOOR_H

#include <msgpack.h>

#include "agent/door/account.h"
#include "agent/door/socket_watch.h"
#include "agent/verdict/verdicts.h"
#include "connection.h"

/* Connections in the order in which they will have been patient enough. */
struct patience {
    struct conn *first, *last;
    uint64_t milliseconds;
};

struct door {
    struct core *core;
    struct verdicts *verdicts;
    void (*before_wait)(void *context); /* what else is done before the loop waits */
    void *context;
    uv_pipe_t listener;
    int listen_fd;
    bool made_socket, found_socket;
    struct socket_watch file; /* of the socket */
    uv_pipe_t turned_away; /* takes the one for whom there is no memory */
    bool is_turning_away, has_one_waiting;
    uv_check_t flush;   /* sends what was answered in this turn */
    uv_idle_t awake;    /* runs while somebody waits for a turn: then the loop does not sleep */
    uv_prepare_t sleep; /* before the loop waits: work goes to the workers, and the store's view is let go */
    struct alarm *heart;   /* beats while somebody holds the page */
    unsigned page_holders; /* connections over which it was given */
    struct alarm *alarm; /* rings when the first of those who are waited for has had time enough */
    uint64_t timer_due; /* milliseconds of the loop's clock; 0: not set */
    struct conn *dirty; /* have answers that were not sent, or may read on */
    struct conn *all;
    uint8_t *spare; /* one output buffer, so that the common case allocates nothing */
    struct patience idle, partial;
    struct accounts accounts; /* of HTTP's connections, too */
    unsigned pages_unread;    /* send_page.c */
    struct left *left;
    struct alarm *left_alarm; /* rings while there is one */
    uint64_t swept;           /* the turn after which it was looked what was read */
    unsigned accepted;        /* in this turn */
    unsigned held;            /* requests under way */
    struct door_facts facts;
    msgpack_zone *zone; /* of the request that is being read */
    char read_buffer[65536];
};

/* Listens. `before_wait` is called each time before the loop waits. NULL: `why` says what is wrong. */
struct door *door_open(struct verdicts *verdicts, void (*before_wait)(void *context), void *context, char why[512]);

/* Takes no more requests; `door_is_quiet` once everything that was asked has been answered and sent. */
void door_drain(struct door *door);
bool door_is_quiet(const struct door *door);

/* Closes what is left. The door is freed by door_free after the loop has closed its handles. */
void door_close(struct door *door);
void door_free(struct door *door);

/* Is the socket's file still there? Made again if it is not. */
void door_look_for_socket(struct door *door);

/* Answers may be given again (watch_sees). */
void door_go_on(struct door *door);

/* Another configuration is in force: whoever is there has the rights that it gives. The old one must still be there. */
void door_use_config(struct door *door);

/* Between listener.c and connection.c. */
void door_arm(struct door *door); /* the timer, if it sleeps */
void door_beat(void *door);
void conn_flush_all(struct door *door);
void conn_push_out(void *door, const struct caller *except); /* what others were answered in this turn, as far as the kernel takes it */
void conn_close_all(struct door *door);
void conn_drain_all(struct door *door);
void sent_page_on_alarm(void *door);
void sent_page_forget_all(struct door *door); /* what lies unread in closed connections' queues */
uint64_t conn_deadline(const struct conn *conn);

#endif
