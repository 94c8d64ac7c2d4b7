/* Connections to the agent: making one, and keeping those that nobody uses. What is said over them is call.c's. */
#ifndef ASSAY_CLIENT_CHANNEL_H
#define ASSAY_CLIENT_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "limits.h"

/* A connection is used by one thread at a time, with one request on its way. Any trouble on it, and it is closed. */
struct connection {
    int fd;
    uint32_t msgid; /* of the last request */
    uint32_t life;  /* the process' life in which it was made; see channel.c */
    bool reused;    /* it has carried an answer before: the agent may have closed it meanwhile, with good reason */
    int64_t wait_ns; /* what a send or a read waits for at most: what was left of the time of the call that connected it */
    dev_t device;   /* what the descriptor is, */
    ino_t inode;    /* to know it again before it is used or closed */
};

struct channel {
    struct sockaddr_un address;
    uid_t agent_uid;
    _Atomic uint32_t *life; /* a page that reads zero in a child; NULL: the kernel has none, and no connection is kept */
    _Atomic uint32_t lives; /* numbers of lives given out, before they are used */
    _Atomic(struct connection *) idle[IDLE_CONNECTIONS_MAX];
    _Atomic int64_t lost; /* when an agent that had answered was gone; 0: it was not, or another is there */
};

/* 0, ASSAY_E_ARGUMENT (no path, or too long a path), ASSAY_E_NO_MEMORY. */
int channel_init(struct channel *channel, const char *path, uid_t agent_uid);
void channel_fini(struct channel *channel);

/* An idle connection, or NULL. */
struct connection *channel_take(struct channel *channel);

/* A new connection to an agent that may be trusted, before the monotonic clock reads `deadline`. An agent that was lost is waited for.
   0, ASSAY_E_UNREACHABLE (errno says why), ASSAY_E_UNTRUSTED, ASSAY_E_TIMEOUT, ASSAY_E_NO_MEMORY. */
int channel_connect(struct channel *channel, int64_t deadline, struct connection **ret_connection);

/* The same on a socket that never blocks, and without waiting: ASSAY_E_PENDING where the agent has as many connections before its
   door as fit there, and nothing will tell when there is a place. */
int channel_connect_now(struct channel *channel, struct connection **ret_connection);

/* An agent that had answered has closed its connection. */
void channel_lost(struct channel *channel);

/* After a call that failed with `error`: may an agent that was lost then come back by itself? And the same by errno: true after a pause, when
   it may be tried again. A program that is being killed still takes connections for a moment, and resets them. */
bool channel_may_come_back(int error, int64_t lost, int64_t now);
bool channel_waited(const struct channel *channel, int64_t deadline);

/* The process' life; 0 where the kernel does not tell of forks. */
uint32_t channel_life(struct channel *channel);

/* Gives back a connection on which an answer was read whole. */
void channel_put(struct channel *channel, struct connection *connection);

/* False once the program has closed the descriptor, whatever has its number now. */
bool connection_is_ours(const struct connection *connection);

/* Closes and frees it; errno is kept. NULL is fine. */
void connection_close(struct connection *connection);
void connection_close_at(struct connection **connection);

#endif
