#include "socket_watch.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/log.h"

static void on_change(uv_fs_event_t *folder, const char *name, int events, int status)
{
    (void)name;
    (void)events;
    (void)status;
    socket_watch_look(folder->data);
}

void socket_watch_init(struct socket_watch *watch, uv_loop_t *loop)
{
    uv_fs_event_init(loop, &watch->folder);
    watch->folder.data = watch;
}

/* If the kernel reports nothing, a reload still checks. */
static void start(struct socket_watch *watch)
{
    char copy[sizeof watch->path];

    if (uv_is_active((uv_handle_t *)&watch->folder))
        return;
    memcpy(copy, watch->path, sizeof copy);
    if (uv_fs_event_start(&watch->folder, on_change, dirname(copy), 0) == 0)
        uv_unref((uv_handle_t *)&watch->folder);
}

void socket_watch_note(struct socket_watch *watch, const char *path, bool made)
{
    struct stat file;

    watch->inode = 0;
    watch->made = made;
    snprintf(watch->path, sizeof watch->path, "%s", path); /* its length was checked; the configuration is freed with the next one */
    if (lstat(watch->path, &file) < 0)
        return;
    watch->device = file.st_dev;
    watch->inode = file.st_ino;
    watch->told = false;
    start(watch);
}

static void tell(struct socket_watch *watch, const char *event, const char *remedy)
{
    if (!watch->told)
        log_warning(event, LOG_TEXT("socket", watch->path), LOG_TEXT("remedy", remedy));
    watch->told = true;
}

void socket_watch_look(struct socket_watch *watch)
{
    struct stat file;

    if (watch->inode == 0)
        return;
    if (lstat(watch->path, &file) == 0) {
        if (file.st_dev != watch->device || file.st_ino != watch->inode)
            tell(watch, "another file is in the place of the agent's socket", "stop the program that created it, and restart the agent");
        return;
    }
    if (errno != ENOENT)
        return;
    if (!watch->made) {
        tell(watch, "the socket's file was removed, and systemd holds the socket", "restart the socket unit (systemctl restart), then the agent");
        return;
    }
    log_warning("the socket's file was removed; the agent creates it again", LOG_TEXT("socket", watch->path));
    watch->inode = 0;
    watch->gone(watch->context);
}

void socket_watch_end(struct socket_watch *watch)
{
    watch->inode = 0;
}

void socket_watch_close(struct socket_watch *watch)
{
    uv_close((uv_handle_t *)&watch->folder, NULL);
}
