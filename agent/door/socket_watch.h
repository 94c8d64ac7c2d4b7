/* Does the socket's name still lead to the socket? Whoever cleans up folders may take it away, and from then on no new connection comes, for
   no reason that anybody is told. */
#ifndef ASSAY_SOCKET_WATCH_H
#define ASSAY_SOCKET_WATCH_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

struct socket_watch {
    uv_fs_event_t folder;
    char path[108]; /* sun_path's */
    dev_t device;
    ino_t inode;
    bool made; /* by us; else systemd holds it, and makes it */
    bool told; /* of what cannot be mended here */
    void (*gone)(void *context);
    void *context;
};

/* Once, before the others. `gone` and `context` are to be set before socket_watch_note. */
void socket_watch_init(struct socket_watch *watch, uv_loop_t *loop);

/* The file that is at this path now is the socket's. Looks again whenever something changes in its folder, as far as the kernel tells. */
void socket_watch_note(struct socket_watch *watch, const char *path, bool made);

/* Looks: `gone` is called if we have made it and it is gone. Others' are told of in the log, once. */
void socket_watch_look(struct socket_watch *watch);

/* The file goes now, and that is as it should be. */
void socket_watch_end(struct socket_watch *watch);

void socket_watch_close(struct socket_watch *watch); /* freed by the loop */

#endif
