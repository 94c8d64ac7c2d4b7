#include "previous_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/alarm.h"
#include "agent/base/log.h"
#include "client/wire/clock.h"
#include "client/wire/page.h"

#define BOOT_BYTES 36 /* a UUID in text */

struct previous_run {
    struct alarm *alarm;
    char path[4096]; /* the marker */
    char boot[BOOT_BYTES + 1]; /* the kernel's boot id, or empty: unreadable */
    int64_t started, until; /* monotonic, nanoseconds */
    bool marked;
    struct held *held;
};

/* Reads the first bytes of a file; how many, or -1. */
static ssize_t read_start(const char *path, char *bytes, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t got = fd >= 0 ? read(fd, bytes, size) : -1;

    if (fd >= 0)
        close(fd);
    return got;
}

/* The monotonic clock restarts with each boot, and no page outlives one. An unknown boot counts as this one. */
static bool is_of_this_boot(const struct previous_run *earlier)
{
    char found[BOOT_BYTES];
    ssize_t got = read_start(earlier->path, found, sizeof found);

    if (got < 0 && errno == ENOENT)
        return false;
    return got != BOOT_BYTES || earlier->boot[0] == '\0' || memcmp(found, earlier->boot, BOOT_BYTES) == 0;
}

static bool is_waiting(const struct previous_run *earlier)
{
    return monotonic_ns() < earlier->until;
}

static void answer_all(struct previous_run *earlier)
{
    struct held *held = earlier->held;

    earlier->held = NULL;
    for (struct held *next; held != NULL; held = next) {
        next = held->next;
        held->answer(held);
    }
}

static void set_alarm(const struct previous_run *earlier)
{
    alarm_set(earlier->alarm, (double)(earlier->until - monotonic_ns()) / (double)NS_PER_S);
}

static void on_alarm(void *context)
{
    struct previous_run *earlier = context;

    if (is_waiting(earlier))
        set_alarm(earlier);
    else
        answer_all(earlier);
}

void previous_run_suspect(struct previous_run *earlier)
{
    earlier->until = earlier->started + PAGE_WAIT_NS;
}

struct previous_run *previous_run_new(uv_loop_t *loop, const char *folder)
{
    struct previous_run *earlier = calloc(1, sizeof *earlier);

    if (earlier == NULL)
        return NULL;
    earlier->started = earlier->until = monotonic_ns();
    earlier->alarm = alarm_new(loop, on_alarm, earlier);
    if (earlier->alarm == NULL || snprintf(earlier->path, sizeof earlier->path, "%s/page", folder) >= (int)sizeof earlier->path) {
        alarm_close(earlier->alarm);
        free(earlier);
        return NULL;
    }
    if (read_start("/proc/sys/kernel/random/boot_id", earlier->boot, BOOT_BYTES) != BOOT_BYTES)
        earlier->boot[0] = '\0';
    if (is_of_this_boot(earlier))
        previous_run_suspect(earlier);
    return earlier;
}

void previous_run_hold(struct previous_run *earlier, struct held *held)
{
    if (!is_waiting(earlier)) {
        held->answer(held);
        return;
    }
    if (earlier->held == NULL)
        set_alarm(earlier);
    held->next = earlier->held;
    earlier->held = held;
}

/* It must outlive this process, not the kernel, so nothing is synced. */
bool previous_run_mark(struct previous_run *earlier)
{
    const char *text = earlier->boot[0] != '\0' ? earlier->boot : "unknown";
    ssize_t size = (ssize_t)strlen(text);

    if (earlier->marked)
        return true;
    int fd = open(earlier->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    earlier->marked = fd >= 0 && write(fd, text, (size_t)size) == size;
    if (!earlier->marked)
        log_warning("the marker of the shared page cannot be written, so clients do not get the page and each of their calls goes to the agent",
                    LOG_TEXT("file", earlier->path), LOG_TEXT("error", strerror(errno)));
    if (fd >= 0)
        close(fd);
    return earlier->marked;
}

void previous_run_close(struct previous_run *earlier)
{
    if (earlier == NULL)
        return;
    if (!is_waiting(earlier) && unlink(earlier->path) < 0 && errno != ENOENT)
        log_warning("the marker of the shared page cannot be removed, so the next start will wait", LOG_TEXT("file", earlier->path),
                    LOG_TEXT("error", strerror(errno)));
    answer_all(earlier);
    alarm_close(earlier->alarm);
    free(earlier);
}
