#include "alarm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "log.h"

struct alarm {
    uv_poll_t poll;
    int fd;
    void (*rings)(void *context);
    void *context;
};

static void on_ring(uv_poll_t *poll, int status, int events)
{
    struct alarm *alarm = poll->data;
    uint64_t expirations;

    (void)status;
    (void)events;
    if (read(alarm->fd, &expirations, sizeof expirations) == (ssize_t)sizeof expirations)
        alarm->rings(alarm->context);
}

struct alarm *alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context)
{
    struct alarm *alarm = calloc(1, sizeof *alarm);

    if (alarm == NULL)
        return NULL;
    alarm->rings = rings;
    alarm->context = context;
    alarm->poll.data = alarm;
    alarm->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (alarm->fd >= 0 && uv_poll_init(loop, &alarm->poll, alarm->fd) == 0) {
        uv_poll_start(&alarm->poll, UV_READABLE, on_ring);
        return alarm;
    }
    if (alarm->fd >= 0)
        close(alarm->fd);
    free(alarm);
    return NULL;
}

void alarm_set(struct alarm *alarm, double seconds)
{
    struct itimerspec due = {.it_value = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) + 1}};

    if (timerfd_settime(alarm->fd, 0, &due, NULL) < 0)
        log_error("a timer cannot be set", LOG_TEXT("error", strerror(errno)));
}

static void free_alarm(uv_handle_t *handle)
{
    struct alarm *alarm = handle->data;

    close(alarm->fd);
    free(alarm);
}

void alarm_close(struct alarm *alarm)
{
    if (alarm != NULL)
        uv_close((uv_handle_t *)&alarm->poll, free_alarm);
}
