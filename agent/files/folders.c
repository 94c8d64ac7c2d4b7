#include "folders.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"

struct folder {
    uv_fs_event_t event;
    struct folder *next;
    char *path;
};

struct folders {
    uv_loop_t *loop;
    struct folder *first;
    void (*happened)(void *context, const char *path, const char *name);
    void *context;
};

struct folders *folders_new(uv_loop_t *loop, void (*happened)(void *context, const char *path, const char *name), void *context)
{
    struct folders *folders = calloc(1, sizeof *folders);

    if (folders == NULL)
        return NULL;
    folders->loop = loop;
    folders->happened = happened;
    folders->context = context;
    return folders;
}

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct folders *folders = event->data;
    const struct folder *folder = (const struct folder *)event;

    (void)events;
    (void)status;
    folders->happened(folders->context, folder->path, name);
}

static void free_folder(uv_handle_t *handle)
{
    struct folder *folder = (struct folder *)handle;

    free(folder->path);
    free(folder);
}

static bool is_known(const struct folders *folders, const char *path)
{
    for (const struct folder *known = folders->first; known != NULL; known = known->next) {
        if (strcmp(known->path, path) == 0)
            return true;
    }
    return false;
}

static void add(struct folders *folders, const char *path)
{
    struct folder *folder = calloc(1, sizeof *folder);

    if (folder == NULL || (folder->path = strdup(path)) == NULL) {
        free(folder);
        return;
    }
    uv_fs_event_init(folders->loop, &folder->event);
    folder->event.data = folders;
    int status = uv_fs_event_start(&folder->event, on_event, folder->path, 0);

    if (status != 0)
        log_warning("the kernel does not report changes in a folder; the agent notices them half a second later",
                    LOG_TEXT("folder", folder->path), LOG_TEXT("error", uv_strerror(status)));
    folder->next = folders->first;
    folders->first = folder;
}

void folders_add(struct folders *folders, const char *file)
{
    char *copy = strdup(file);
    const char *path = copy != NULL ? dirname(copy) : NULL;

    if (path != NULL && !is_known(folders, path))
        add(folders, path);
    free(copy);
}

void folders_forget(struct folders *folders)
{
    while (folders->first != NULL) {
        struct folder *folder = folders->first;

        folders->first = folder->next;
        uv_close((uv_handle_t *)&folder->event, free_folder);
    }
}

void folders_close(struct folders *folders)
{
    if (folders == NULL)
        return;
    folders_forget(folders);
    free(folders);
}
