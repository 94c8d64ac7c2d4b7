/* One watched file. */
#include <string.h>

#include "client/wire/clock.h"
#include "watch_inside.h"

#define AGAIN_MS 1000 /* before the next try after a failed reading */
#define BOUND_MS ((uint64_t)(FILE_BOUND_SECONDS * 1000))
#define REREADS  2
#define SETTLES_MS_MAX 4000 /* then it is read anyway, and takes effect if a second reading AGAIN_MS later finds the same content: 5 s in all */

/* Two changes within one tick of a file system's clock leave the same facts. A tick is some milliseconds, one second or two; so after a change the
   file is read once more when a tick of each length is over. */
static const uint64_t reread_ms[REREADS] = {1100, 2100};

bool watched_is_pending(const struct watched *watched)
{
    return (watched->changed && watched->error == 0) || watched->told || ((watched->looking || watched->wanted) && !watched->overdue);
}

/* It may have changed right after a check last found it unchanged. */
static void note_change(struct watched *watched, bool once_more)
{
    if (watched->since == 0 && !once_more)
        watched->since = watched->clean_at;
    if (watched->told)
        watched->again = true;
    else
        watched->changed = true;
}

/* How many milliseconds it must still be left alone, because its writer may not be done. */
static uint64_t unsettled_ms(const struct watched *watched)
{
    uint64_t now = uv_now(watched->watch->loop), settles = (uint64_t)(watched->watcher.settles * 1000);
    uint64_t rests = now - watched->changed_at; /* the file system's clock may differ from this machine's */

    if (now < watched->not_before)
        return watched->not_before - now;
    return settles > rests ? settles - rests : 0;
}

/* A process that writes to a file all the time must not prevent its reading. */
static bool is_restless(const struct watched *watched)
{
    uint64_t now = uv_now(watched->watch->loop);

    return watched->watcher.settles > 0 && now >= watched->not_before && watched->since != 0 && now - watched->since > SETTLES_MS_MAX;
}

bool watched_is_restless(const struct watched *watched)
{
    return watched->restless;
}

/* A file system that hangs must leave some of libuv's threads free. */
static bool has_thread(struct watched *watched)
{
    struct watch *watch = watched->watch;

    if (watched->is_local)
        return true;
    if (watch->looking + watch->reading >= THREADS_MAX)
        return false;
    watched->counts = true;
    watch->reading++;
    return true;
}

void watched_tell(struct watched *watched)
{
    if (!watched->changed || watched->told || watched->error != 0)
        return;
    uint64_t wait = unsettled_ms(watched);

    watched->restless = wait > 0 && is_restless(watched);
    if (wait > 0 && !watched->restless) {
        watch_look_in(watched->watch, wait);
        return;
    }
    if (!has_thread(watched))
        return;
    watched->changed = false;
    watched->told = true;
    watched->told_at = uv_now(watched->watch->loop);
    watched->told_time = unix_seconds();
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

/* Must it be read? `once_more`: although no fact has changed. */
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

void watched_looked(struct watched *watched, int error, const struct file_facts *facts)
{
    bool once_more;

    if (error != 0) {
        watched->clean_at = uv_now(watched->watch->loop); /* as far as the agent can see */
        watched->after_pause = watched->gave_up = false;
        lose(watched, error);
        return;
    }
    if (is_changed(watched, facts, &once_more)) {
        note_change(watched, once_more);
        watched->again_at = 0;
    }
    watched->forced = false;
    if (!watched->changed && !watched->told) {
        watched->clean_at = uv_now(watched->watch->loop);
        watched->after_pause = watched->gave_up = false;
    }
    if (!watched->changed && !watched->told && watched->good) {
        watched->confirmed = unix_seconds();
        watched->confirmed_ns = monotonic_ns();
    }
    watched_tell(watched);
}

static uint64_t bound_ms(const struct watched *watched)
{
    uint64_t bound = BOUND_MS + watched->seen.size / (FILE_BOUND_BYTES_PER_SECOND / 1000);

    return bound < FILE_BOUND_SECONDS_MAX * 1000 ? bound : FILE_BOUND_SECONDS_MAX * 1000;
}

void watched_see_if_late(struct watched *watched, uint64_t now)
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

void watched_seen(const struct watched *watched, struct file_facts *ret)
{
    *ret = watched->seen;
}

void watched_again(struct watched *watched, double seconds)
{
    watched->again_at = uv_now(watched->watch->loop) + (uint64_t)(seconds * 1000);
    watch_look_in(watched->watch, (uint64_t)(seconds * 1000));
}

/* Sets since when an unread change waits. A change during the reading waits since the watcher learned of it; a change that could not be read
   keeps its time. */
static void note_waiting(struct watched *watched, enum file_read how)
{
    if (watched->again && (how == FILE_READ || how == FILE_BAD))
        watched->since = watched->told_at;
    else if (how == FILE_READ || how == FILE_BAD)
        watched->since = 0;
    if (how == FILE_READ || how == FILE_BAD)
        watched->late = false; /* changes since then may become late again */
}

void watched_was_read(struct watched *watched, enum file_read how)
{
    if (!watched->told && how != FILE_NOT_READ)
        return; /* it has changed since its watcher began a reading of its own accord */
    note_waiting(watched, how);
    watched->watch->reading -= watched->counts;
    watched->counts = false;
    if ((how == FILE_READ || how == FILE_BAD) && !watched->again) {
        watched->clean_at = watched->told_at;
        watched->after_pause = watched->gave_up = false;
    }
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
    watch_go_on(watched->watch);
}

double watched_confirmed(const struct watched *watched)
{
    return watched->confirmed;
}

int64_t watched_confirmed_ns(const struct watched *watched)
{
    return watched->confirmed_ns;
}
