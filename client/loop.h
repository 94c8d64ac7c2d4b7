/* The one descriptor of a handle that a program's event loop watches: an epoll instance with the connection's socket, and a timer for
   deadlines. */
#ifndef ASSAY_CLIENT_LOOP_H
#define ASSAY_CLIENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The timer is not set. */
#define LOOP_NEVER INT64_MAX

struct loop {
    int epoll_fd, timer_fd;
    int anchor_fd;       /* a socket that only serves to recognise the epoll instance; see loop.c */
    dev_t anchor_device; /* its device and inode */
    ino_t anchor_inode;
    int64_t wakes_at; /* LOOP_NEVER: the timer is off */
    bool for_room;    /* the descriptor is also readable when the socket can be written to */
};

/* Returns 0, ASSAY_E_NO_MEMORY or ASSAY_E_UNREACHABLE (errno says why: there are no more descriptors). */
int loop_open(struct loop *loop);

/* Closes the descriptors that still belong to the loop. */
void loop_close(struct loop *loop);

/* False once the program has closed the descriptors, even if the same numbers are open again. */
bool loop_is_ours(const struct loop *loop);

/* Watches the socket for reading, until loop_unwatch(). False: that failed. */
bool loop_watch(struct loop *loop, int fd);
void loop_unwatch(struct loop *loop, int fd);

/* Whether to watch the socket for writing as well. */
void loop_want_room(struct loop *loop, int fd, bool wanted);

/* When the descriptor becomes readable without an event on the socket: at that moment of the monotonic clock, at once if it has passed,
   or LOOP_NEVER. It may become readable earlier, at a moment that was set before. */
void loop_wake_at(struct loop *loop, int64_t moment, int64_t now);

#endif
