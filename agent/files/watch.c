#include "watch_inside.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MS 20 /* a file that is written in several pieces is read once */

void watch_look_in(struct watch *watch, uint64_t milliseconds)
{
    uint64_t due = uv_now(watch->loop) + milliseconds;

    if (watch->closed || (watch->due != 0 && watch->due <= due))
        return;
    watch->due = due;
    alarm_set(watch->alarm, (double)milliseconds / 1000 + 0.001);
}

static void stop_waiting(struct watch *watch)
{
    watch->waits = false;
    watch->seen(watch->context);
}

static bool keeps_waiting(const struct watched *watched)
{
    return watched->after_pause && !watched->gave_up && watched_is_pending(watched);
}

static bool somebody_keeps_waiting(const struct watch *watch)
{
    for (const struct watched *watched = watch->first; watched != NULL; watched = watched->next) {
        if (keeps_waiting(watched))
            return true;
    }
    return false;
}

void watch_see(struct watch *watch)
{
    if (!watch->waits || watch->closed)
        return;
    if (somebody_keeps_waiting(watch) && uv_now(watch->loop) < watch->waits_until)
        return;
    for (struct watched *watched = watch->first; watched != NULL; watched = watched->next)
        watched->gave_up = watched->after_pause;
    stop_waiting(watch);
}

static void wait_if_needed(struct watch *watch)
{
    if (watch->waits || !somebody_keeps_waiting(watch))
        return;
    watch->waits = true;
    watch->waits_until = uv_now(watch->loop) + WAIT_MS;
    watch_look_in(watch, WAIT_MS);
}

static void look_on_thread(struct watched *watched);

static void look_at_wanted(struct watch *watch)
{
    for (struct watched *watched = watch->first; watched != NULL; watched = watched->next) {
        if (watched->wanted && !watched->looking)
            look_on_thread(watched);
    }
}

static void free_watched(struct watched *watched)
{
    free(watched->path);
    free(watched->folder);
    free(watched->name);
    free(watched);
}

static void free_watch(struct watch *watch)
{
    if (watch->closed && watch->looking == 0 && watch->first == NULL)
        free(watch);
}

static void on_work(uv_work_t *work)
{
    struct watched *watched = (struct watched *)work;

    watched->found_error = facts_look(watched->path, true, &watched->found);
    watched->found_local = watched->found_error == 0 && facts_are_local(watched->path);
}

static void on_looked(uv_work_t *work, int status)
{
    struct watched *watched = (struct watched *)work;
    struct watch *watch = watched->watch;

    (void)status;
    watch->looking--;
    watched->looking = watched->overdue = false;
    if (watched->dropped) {
        free_watched(watched);
        free_watch(watch);
        return;
    }
    watched->is_local = watched->found_local;
    watched_looked(watched, watched->found_error, &watched->found);
    watch_go_on(watch);
}

static void look_on_thread(struct watched *watched)
{
    struct watch *watch = watched->watch;

    watched->wanted = watch->looking + watch->reading >= THREADS_MAX;
    if (watched->wanted || uv_queue_work(watch->loop, &watched->work, on_work, on_looked) != 0)
        return;
    watched->looking = true;
    watched->began = uv_now(watch->loop);
    watch->looking++;
}

static void look_at(struct watched *watched)
{
    struct file_facts facts;

    if (watched->looking)
        return;
    watched->after_pause |= !watched_is_pending(watched) && uv_now(watched->watch->loop) - watched->clean_at > WAIT_MS;
    if (!watched->is_local) {
        if (!watched->wanted)
            watched->began = uv_now(watched->watch->loop);
        look_on_thread(watched);
        return;
    }
    int error = facts_look_at_once(watched->path, &facts);

    if (error == EAGAIN)
        look_on_thread(watched);
    else
        watched_looked(watched, error, &facts);
}

void watch_go_on(struct watch *watch)
{
    look_at_wanted(watch);
    for (struct watched *watched = watch->first, *next; watched != NULL; watched = next) {
        next = watched->next;
        watched_tell(watched);
    }
    watch_see(watch);
}

void watch_look(struct watch *watch)
{
    if (watch == NULL || watch->closed)
        return;
    uint64_t now = uv_now(watch->loop);

    watch->last = now;
    for (struct watched *watched = watch->first, *next; watched != NULL; watched = next) {
        next = watched->next;
        look_at(watched);
        watched_see_if_late(watched, now);
    }
    watch_see(watch);
    wait_if_needed(watch);
}

bool watch_sees(struct watch *watch)
{
    if (watch == NULL)
        return true;
    if (!watch->waits && (watch->last == 0 || uv_now(watch->loop) - watch->last >= LOOK_MS))
        watch_look(watch);
    return !watch->waits;
}

bool watch_waits(const struct watch *watch)
{
    return watch != NULL && watch->waits;
}

static void on_alarm(void *context)
{
    struct watch *watch = context;

    watch->due = 0;
    watch_look(watch);
    if (watch->waits)
        watch_look_in(watch, watch->waits_until > uv_now(watch->loop) ? watch->waits_until - uv_now(watch->loop) : 1);
}

static void on_happened(void *context, const char *folder, const char *name)
{
    struct watch *watch = context;

    for (struct watched *watched = watch->first; watched != NULL; watched = watched->next)
        watched->forced |= strcmp(watched->folder, folder) == 0 && (name == NULL || strcmp(watched->name, name) == 0);
    watch_look_in(watch, GATHER_MS);
}

struct watch *watch_new(uv_loop_t *loop, void (*seen)(void *context), void *context)
{
    struct watch *watch = calloc(1, sizeof *watch);

    if (watch == NULL)
        return NULL;
    watch->loop = loop;
    watch->seen = seen;
    watch->context = context;
    watch->folders = folders_new(loop, on_happened, watch);
    watch->alarm = watch->folders != NULL ? alarm_new(loop, on_alarm, watch) : NULL;
    if (watch->alarm != NULL)
        return watch;
    folders_close(watch->folders);
    free(watch);
    return NULL;
}

/* Splits a path into its two parts, as folders.h names folders. */
static bool cut(struct watched *watched, const char *path)
{
    char *copy = strdup(path);

    if (copy == NULL)
        return false;
    watched->path = strdup(path);
    watched->name = strdup(basename(copy));
    strcpy(copy, path);
    watched->folder = strdup(dirname(copy));
    free(copy);
    return watched->path != NULL && watched->name != NULL && watched->folder != NULL;
}

struct watched *watch_file(struct watch *watch, const char *path, const struct watcher *watcher)
{
    struct watched *watched = calloc(1, sizeof *watched);

    if (watched == NULL)
        return NULL;
    if (!cut(watched, path)) {
        free_watched(watched);
        return NULL;
    }
    watched->watch = watch;
    watched->watcher = *watcher;
    watched->clean_at = uv_now(watch->loop);
    watched->next = watch->first;
    watch->first = watched;
    folders_add(watch->folders, path);
    watch_look_in(watch, 1);
    return watched;
}

void watched_drop(struct watched *watched)
{
    if (watched == NULL)
        return;
    struct watch *watch = watched->watch;
    struct watched **link = &watch->first;

    while (*link != watched)
        link = &(*link)->next;
    *link = watched->next;
    watched->dropped = true;
    watch->reading -= watched->counts;
    if (!watched->looking)
        free_watched(watched);
    if (watch->first == NULL && !watch->closed)
        folders_forget(watch->folders); /* watches that are no longer needed end with the last file */
    watch_see(watch);
    free_watch(watch);
}

void watch_close(struct watch *watch)
{
    if (watch == NULL)
        return;
    watch->closed = true;
    watch->waits = false;
    folders_close(watch->folders);
    alarm_close(watch->alarm);
    free_watch(watch);
}
