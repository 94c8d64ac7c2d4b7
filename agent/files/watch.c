#include "watch.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/alarm.h"
#include "agent/limits.h"
#include "client/clock.h"
#include "facts.h"
#include "folders.h"

#define LOOK_MS    500  /* between two looks */
#define WAIT_MS    900  /* since the last look, or for it: beyond it nothing is answered without one, and nobody waits any longer */
#define GATHER_MS  20   /* a file that is written in several pieces is read once */
#define AGAIN_MS   1000 /* after a reading that failed */
#define BOUND_MS   ((uint64_t)(FILE_BOUND_SECONDS * 1000))
#define LOOKS_MAX  2 /* at once, of libuv's four threads: a file system that hangs must leave some to the others */
#define REREADS    2

/* Two changes within one tick of a file system's clock leave the same facts. Ticks are of some milliseconds, or of one second, or of
   two; so after a change the file is read once more when a tick of either is over. */
static const uint64_t reread_ms[REREADS] = {1100, 2100};

struct watched {
    uv_work_t work; /* first: a look at a file system that might hang */
    struct watched *next;
    struct watch *watch;
    struct watcher watcher;
    char *path, *folder, *name;
    struct file_facts seen;
    bool has_seen;
    int error;    /* of the last look */
    bool is_local;
    bool forced;  /* the kernel says that something happened to it */
    bool changed; /* and nobody was told yet */
    bool told;    /* and has not read it yet */
    bool again;   /* has changed since they were told */
    bool good;    /* when it was last read */
    bool late, overdue, dropped;
    unsigned rereads;
    uint64_t changed_at, told_at, not_before, again_at; /* milliseconds of the loop's clock; 0: never */
    uint64_t since;                           /* likewise: of the first change that was not read yet; 0: none */
    double told_time, confirmed;              /* Unix seconds */
    int64_t told_ns, confirmed_ns;            /* the same by CLOCK_MONOTONIC */

    /* While a thread looks. */
    bool looking, wanted;
    uint64_t began;
    struct file_facts found;
    int found_error;
    bool found_local;
};

struct watch {
    uv_loop_t *loop;
    struct alarm *alarm;
    uint64_t due; /* of the alarm; 0: not set */
    struct folders *folders;
    struct watched *first;
    void (*seen)(void *context);
    void *context;
    uint64_t last; /* look; 0: none yet */
    uint64_t waits_until;
    unsigned looking;
    bool waits, closed;
};

static double wall_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void look_in(struct watch *watch, uint64_t milliseconds)
{
    uint64_t due = uv_now(watch->loop) + milliseconds;

    if (watch->closed || (watch->due != 0 && watch->due <= due))
        return;
    watch->due = due;
    alarm_set(watch->alarm, (double)milliseconds / 1000 + 0.001);
}

static bool is_pending(const struct watched *watched)
{
    return (watched->changed && watched->error == 0) || watched->told || ((watched->looking || watched->wanted) && !watched->overdue);
}

static void stop_waiting(struct watch *watch)
{
    watch->waits = false;
    watch->seen(watch->context);
}

static void see_if_seen(struct watch *watch)
{
    if (!watch->waits || watch->closed)
        return;
    for (const struct watched *watched = watch->first; watched != NULL; watched = watched->next) {
        if (is_pending(watched) && uv_now(watch->loop) < watch->waits_until)
            return;
    }
    stop_waiting(watch);
}

static void note_change(struct watched *watched, bool once_more)
{
    if (watched->since == 0 && !once_more)
        watched->since = uv_now(watched->watch->loop);
    if (watched->told)
        watched->again = true;
    else
        watched->changed = true;
}

/* How many milliseconds it is still to be left alone: whoever is writing it may not be done. */
static uint64_t unsettled_ms(const struct watched *watched)
{
    uint64_t now = uv_now(watched->watch->loop), settles = (uint64_t)(watched->watcher.settles * 1000);
    double age = wall_now() - (double)watched->seen.modified_ns / 1e9;
    uint64_t observed = now - watched->changed_at, rests = age > watched->watcher.settles ? settles : observed;

    if (now < watched->not_before)
        return watched->not_before - now;
    return settles > rests ? settles - rests : 0;
}

static void tell(struct watched *watched)
{
    uint64_t wait = watched->changed && !watched->told ? unsettled_ms(watched) : 0;

    if (!watched->changed || watched->told || watched->error != 0)
        return;
    if (wait > 0) {
        look_in(watched->watch, wait);
        return;
    }
    watched->changed = false;
    watched->told = true;
    watched->told_at = uv_now(watched->watch->loop);
    watched->told_time = wall_now();
    watched->told_ns = monotonic_ns();
    watched->watcher.changed(watched->watcher.context);
}

#define HANGS (-1) /* beside errnos */

static void lose(struct watched *watched, int error)
{
    if (watched->error == error)
        return;
    watched->error = error;
    watched->watcher.lost(watched->watcher.context, error == HANGS ? "its file system does not answer" : strerror(error),
                          error == HANGS);
}

/* It is to be read; `once_more`: although nothing says that it has changed. */
static bool is_changed(struct watched *watched, const struct file_facts *facts, bool *ret_once_more)
{
    uint64_t now = uv_now(watched->watch->loop);

    *ret_once_more = false;
    if (!watched->has_seen || watched->error != 0 || !facts_are_same(&watched->seen, facts)) {
        watched->is_local = watched->is_local && facts->device == watched->seen.device;
        watched->seen = *facts;
        watched->has_seen = true;
        watched->error = 0;
        watched->changed_at = now;
        watched->rereads = 0;
        return true;
    }
    if (watched->rereads < REREADS && now - watched->changed_at >= reread_ms[watched->rereads]) {
        watched->rereads++;
        *ret_once_more = true;
        return true;
    }
    *ret_once_more = !watched->forced;
    return watched->forced || (watched->again_at != 0 && now >= watched->again_at);
}

static void looked(struct watched *watched, int error, const struct file_facts *facts)
{
    bool once_more;

    if (error != 0) {
        lose(watched, error);
        return;
    }
    if (is_changed(watched, facts, &once_more)) {
        note_change(watched, once_more);
        watched->again_at = 0;
    }
    watched->forced = false;
    if (!watched->changed && !watched->told && watched->good) {
        watched->confirmed = wall_now();
        watched->confirmed_ns = monotonic_ns();
    }
    tell(watched);
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
    looked(watched, watched->found_error, &watched->found);
    look_at_wanted(watch);
    see_if_seen(watch);
}

static void look_on_thread(struct watched *watched)
{
    struct watch *watch = watched->watch;

    watched->wanted = watch->looking >= LOOKS_MAX;
    if (watched->wanted || uv_queue_work(watch->loop, &watched->work, on_work, on_looked) != 0)
        return;
    watched->looking = true;
    watched->began = uv_now(watch->loop);
    watch->looking++;
}

static uint64_t bound_ms(const struct watched *watched)
{
    return BOUND_MS + watched->seen.size / (FILE_BOUND_BYTES_PER_SECOND / 1000);
}

static void see_if_late(struct watched *watched, uint64_t now)
{
    if ((watched->looking || watched->wanted) && !watched->overdue && now - watched->began > WAIT_MS) {
        watched->overdue = true;
        lose(watched, HANGS);
    }
    if (watched->told && watched->since == 0 && now - watched->told_at > bound_ms(watched))
        lose(watched, HANGS);
    if (watched->since != 0 && watched->error == 0 && !watched->late && now - watched->since > bound_ms(watched)) {
        watched->late = true;
        if (watched->watcher.late != NULL)
            watched->watcher.late(watched->watcher.context);
    }
}

static void look_at(struct watched *watched)
{
    struct file_facts facts;

    if (watched->looking)
        return;
    if (!watched->is_local) {
        if (!watched->wanted)
            watched->began = uv_now(watched->watch->loop);
        look_on_thread(watched);
        return;
    }
    int error = facts_look(watched->path, false, &facts);

    looked(watched, error, &facts);
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
        see_if_late(watched, now);
    }
    see_if_seen(watch);
}

bool watch_sees(struct watch *watch)
{
    if (watch == NULL)
        return true;
    uint64_t now = uv_now(watch->loop), last = watch->last;

    if (watch->waits || watch->closed)
        return !watch->waits;
    if (now - last < LOOK_MS && last != 0)
        return true;
    watch_look(watch);
    if (now - last < WAIT_MS)
        return true;
    for (const struct watched *watched = watch->first; watched != NULL && !watch->waits; watched = watched->next)
        watch->waits = is_pending(watched);
    if (watch->waits) {
        watch->waits_until = now + WAIT_MS;
        look_in(watch, WAIT_MS);
    }
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
        look_in(watch, watch->waits_until > uv_now(watch->loop) ? watch->waits_until - uv_now(watch->loop) : 1);
}

static void on_happened(void *context, const char *folder, const char *name)
{
    struct watch *watch = context;

    for (struct watched *watched = watch->first; watched != NULL; watched = watched->next)
        watched->forced |= strcmp(watched->folder, folder) == 0 && (name == NULL || strcmp(watched->name, name) == 0);
    look_in(watch, GATHER_MS);
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

/* The two parts of a path, as folders.h names folders. */
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
    watched->next = watch->first;
    watch->first = watched;
    folders_add(watch->folders, path);
    look_in(watch, 1);
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
    if (!watched->looking)
        free_watched(watched);
    if (watch->first == NULL && !watch->closed)
        folders_forget(watch->folders); /* those that nobody needs any more go with the last file */
    see_if_seen(watch);
    free_watch(watch);
}

void watched_again(struct watched *watched, double seconds)
{
    watched->again_at = uv_now(watched->watch->loop) + (uint64_t)(seconds * 1000);
    look_in(watched->watch, (uint64_t)(seconds * 1000));
}

/* What has changed since it was read waits since then, and what could not be read since it was noticed. */
static void note_waiting(struct watched *watched, enum file_read how)
{
    if (watched->again && (how == FILE_READ || how == FILE_BAD))
        watched->since = watched->told_at;
    else if (how == FILE_READ || how == FILE_BAD)
        watched->since = 0;
    if (watched->since == 0)
        watched->late = false;
}

void watched_was_read(struct watched *watched, enum file_read how)
{
    if (!watched->told && how != FILE_NOT_READ)
        return; /* it has changed since somebody began to read it of his own accord */
    note_waiting(watched, how);
    watched->told = false;
    watched->changed = watched->again || how == FILE_NOT_READ;
    watched->again = false;
    watched->good = how == FILE_READ;
    watched->not_before = how == FILE_NOT_READ ? uv_now(watched->watch->loop) + AGAIN_MS : 0;
    if (watched->good) {
        watched->confirmed = watched->told_time;
        watched->confirmed_ns = watched->told_ns;
    }
    if (how == FILE_UNSURE)
        watched_again(watched, (double)AGAIN_MS / 1000);
    tell(watched);
    see_if_seen(watched->watch);
}

double watched_confirmed(const struct watched *watched)
{
    return watched->confirmed;
}

int64_t watched_confirmed_ns(const struct watched *watched)
{
    return watched->confirmed_ns;
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
