/* Checks that the socket's path still leads to the socket. A program that cleans up folders may remove it; then no new connection arrives, and no
   error tells anybody why. */
#ifndef ASSAY_SOCKET_WATCH_H
#define ASSAY_SOCKET_WATCH_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct socket_watch {
    uv_fs_event_t folder;
    char path[108]; /* the size of sun_path */
    dev_t device;
    ino_t inode;
    bool made; /* by the agent; otherwise systemd created and holds it */
    bool told; /* a fault that the agent cannot repair was logged */
    void (*gone)(void *context);
    void *context;
};

/* Call it once, first. Set `gone` and `context` before socket_watch_note. */
void socket_watch_init(struct socket_watch *watch, uv_loop_t *loop);

/* The file now at this path is the socket's. Checks again whenever something changes in its folder, as far as the kernel reports it. */
void socket_watch_note(struct socket_watch *watch, const char *path, bool made);

/* Checks now: calls `gone` if the agent created the file and it is gone. Other faults are logged, once. */
void socket_watch_look(struct socket_watch *watch);

/* The file is about to be removed on purpose. */
void socket_watch_end(struct socket_watch *watch);

void socket_watch_close(struct socket_watch *watch); /* freed by the loop */

#endif
