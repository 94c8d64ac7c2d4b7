#include "watch.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "agent/observe/log.h"

#define SETTLE_MILLISECONDS 20 /* a file that is written in several pieces is read once */

struct folder {
    uv_fs_event_t event;
    struct folder *next;
    char *path;
};

struct watch {
    uv_loop_t *loop;
    uv_timer_t settle;
    struct folder *folders;
    void (*changed)(void *context);
    void *context;
};

static void on_settled(uv_timer_t *timer)
{
    struct watch *watch = timer->data;

    watch->changed(watch->context);
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct watch *watch = event->data;

    (void)name;
    (void)events;
    (void)status;
    if (!uv_is_active((uv_handle_t *)&watch->settle)) /* not put off again and again, where something else writes all the time */
        uv_timer_start(&watch->settle, on_settled, SETTLE_MILLISECONDS, 0);
}

static void free_folder(uv_handle_t *handle)
{
    struct folder *folder = (struct folder *)handle;

    free(folder->path);
    free(folder);
}

static void add_folder(struct watch *watch, const char *file)
{
    char *copy = strdup(file);
    const char *path = copy != NULL ? dirname(copy) : NULL;
    struct folder *folder = NULL;

    for (struct folder *known = watch->folders; path != NULL && known != NULL; known = known->next) {
        if (strcmp(known->path, path) == 0)
            path = NULL;
    }
    if (path != NULL && (folder = calloc(1, sizeof *folder)) != NULL && (folder->path = strdup(path)) == NULL) {
        free(folder);
        folder = NULL;
    }
    free(copy);
    if (folder == NULL)
        return;
    uv_fs_event_init(watch->loop, &folder->event);
    folder->event.data = watch;
    int status = uv_fs_event_start(&folder->event, on_event, folder->path, 0);

    if (status != 0)
        log_warning("a folder cannot be watched; after a change, run: assay reload", LOG_TEXT("folder", folder->path),
                    LOG_TEXT("error", uv_strerror(status)));
    folder->next = watch->folders;
    watch->folders = folder;
}

static void drop_folders(struct watch *watch)
{
    while (watch->folders != NULL) {
        struct folder *folder = watch->folders;

        watch->folders = folder->next;
        uv_close((uv_handle_t *)&folder->event, free_folder);
    }
}

struct watch *watch_new(uv_loop_t *loop, void (*changed)(void *context), void *context)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->loop = loop;
    watch->changed = changed;
    watch->context = context;
    uv_timer_init(loop, &watch->settle);
    watch->settle.data = watch;
    return watch;
}

void watch_files(struct watch *watch, const struct config *config)
{
    drop_folders(watch);
    for (unsigned i = 0; i < config->issuer_count; i++)
        if (config->issuers[i].keys.file != NULL)
            add_folder(watch, config->issuers[i].keys.file);
    for (unsigned i = 0; i < config->revocation.feed_count; i++)
        if (config->revocation.feeds[i].path != NULL)
            add_folder(watch, config->revocation.feeds[i].path);
    uv_timer_start(&watch->settle, on_settled, SETTLE_MILLISECONDS, 0);
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

void watch_close(struct watch *watch)
{
    if (watch == NULL)
        return;
    drop_folders(watch);
    uv_close((uv_handle_t *)&watch->settle, free_watch);
}
