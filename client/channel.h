/* Connections to the agent: makes new ones, and keeps idle ones. call.c sends requests over them. */
#ifndef ASSAY_CLIENT_CHANNEL_H
#define ASSAY_CLIENT_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "limits.h"

/* One thread at a time uses a connection, with one request on it. After any error it is closed. */
struct connection {
    int fd;
    uint32_t msgid; /* of the last request */
    uint32_t life;  /* the number of the process in which it was made; see channel.c */
    bool reused;    /* it has carried an answer before, so the agent may have closed it as idle */
    int64_t wait_ns; /* the socket's timeout: what was left of the time of the call that connected it */
    dev_t device;   /* device and inode of the socket, */
    ino_t inode;    /* to recognise it before it is used or closed */
};

struct channel {
    struct sockaddr_un address;
    uid_t agent_uid;
    _Atomic uint32_t *life; /* a page that reads zero in a child; NULL: the kernel has no such pages, and no connection is kept */
    _Atomic uint32_t lives; /* how many numbers have been given out; counted before use */
    _Atomic(struct connection *) idle[IDLE_CONNECTIONS_MAX];
    _Atomic int64_t lost; /* when an agent that had answered went away; 0: it has not, or another one is there */
};

/* Returns 0, ASSAY_E_ARGUMENT (the path is empty or too long) or ASSAY_E_NO_MEMORY. */
int channel_init(struct channel *channel, const char *path, uid_t agent_uid);
void channel_fini(struct channel *channel);

/* Takes an idle connection; NULL: there is none. */
struct connection *channel_take(struct channel *channel);

/* Connects to an agent that may be trusted, before the monotonic clock reads `deadline`. Waits for an agent that has gone away. Returns
   0, ASSAY_E_UNREACHABLE (errno says why), ASSAY_E_UNTRUSTED, ASSAY_E_TIMEOUT or ASSAY_E_NO_MEMORY. */
int channel_connect(struct channel *channel, int64_t deadline, struct connection **ret_connection);

/* The same with a non-blocking socket, without waiting. ASSAY_E_PENDING if the agent's backlog is full: the kernel gives no event when a
   place becomes free. */
int channel_connect_now(struct channel *channel, struct connection **ret_connection);

/* Notes that an agent that had answered has closed its connection. */
void channel_lost(struct channel *channel);

/* After a call that failed with `error`: tells whether an agent that went away may come back by itself. channel_waited() asks the same
   about errno, and returns true after a pause, when the caller may retry. An agent that is being killed still accepts connections for a
   moment, and resets them. */
bool channel_may_come_back(int error, int64_t lost, int64_t now);
bool channel_waited(const struct channel *channel, int64_t deadline);

/* The number of this process; 0 if the kernel does not tell of forks. */
uint32_t channel_life(struct channel *channel);

/* Returns a connection on which a whole answer was read to the idle ones. */
void channel_put(struct channel *channel, struct connection *connection);

/* False once the program has closed the descriptor, even if the same number is open again. */
bool connection_is_ours(const struct connection *connection);

/* Closes and frees it, and keeps errno. Does nothing for NULL. */
void connection_close(struct connection *connection);
void connection_close_at(struct connection **connection);

#endif
