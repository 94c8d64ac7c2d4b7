/* The one descriptor that a program's event loop watches for a handle: an epoll instance that holds the connection's socket, and a
   timer for what time alone brings. */
#ifndef ASSAY_CLIENT_LOOP_H
#define ASSAY_CLIENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The timer is not set. */
#define LOOP_NEVER INT64_MAX

struct loop {
    int epoll_fd, timer_fd;
    int anchor_fd;       /* a socket of no use but to know the epoll instance again; see loop.c */
    dev_t anchor_device; /* what it is */
    ino_t anchor_inode;
    int64_t wakes_at; /* LOOP_NEVER: not by time */
    bool for_room;    /* it is readable also when the socket may be written to */
};

/* 0, ASSAY_E_NO_MEMORY, ASSAY_E_UNREACHABLE (errno says why: there are no more descriptors). */
int loop_open(struct loop *loop);

/* Closes what is still the loop's own. */
void loop_close(struct loop *loop);

/* False once the program has closed the descriptors, whatever has their numbers now. */
bool loop_is_ours(const struct loop *loop);

/* The socket is watched for what can be read, until it is unwatched. False: it cannot be. */
bool loop_watch(struct loop *loop, int fd);
void loop_unwatch(struct loop *loop, int fd);

/* Whether the socket is watched for room to write as well. */
void loop_want_room(struct loop *loop, int fd, bool wanted);

/* When the descriptor gets readable by itself: at that moment of the monotonic clock, at once if it has passed, or LOOP_NEVER.
   It may be earlier, by a moment that was asked for before. */
void loop_wake_at(struct loop *loop, int64_t moment, int64_t now);

#endif
