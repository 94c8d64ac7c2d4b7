#include "notify.h"

#include <inttypes.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "agent/alarm.h"
#include "agent/observe/log.h"
#include "client/clock.h"

struct watchdog {
    struct alarm *alarm;
    double period; /* seconds */
};

void notify_ready(unsigned issuers)
{
    sd_notifyf(0, "READY=1\nSTATUS=ready, %u issuer%s", issuers, issuers == 1 ? "" : "s");
}

void notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, monotonic_ns() / (NS_PER_MS / 1000));
}

void notify_refused(const char *why)
{
    sd_notifyf(0, "READY=1\nSTATUS=the new configuration is refused, the old one goes on: %s", why);
}

void notify_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=answering what was asked");
}

void notify_status(const char *what)
{
    sd_notifyf(0, "STATUS=%s", what);
}

static void on_alarm(void *context)
{
    struct watchdog *watchdog = context;

    sd_notify(0, "WATCHDOG=1");
    alarm_set(watchdog->alarm, watchdog->period);
}

struct watchdog *watchdog_new(uv_loop_t *loop)
{
    uint64_t usec = 0;

    if (sd_watchdog_enabled(0, &usec) <= 0)
        return NULL;
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);

    if (watchdog == NULL || (watchdog->alarm = alarm_new(loop, on_alarm, watchdog)) == NULL) {
        log_error("the watchdog cannot be fed, and will restart the agent: there is no memory, or there are no descriptors");
        free(watchdog);
        return NULL;
    }
    watchdog->period = (double)usec / 1e6 / 2;
    on_alarm(watchdog);
    return watchdog;
}

void watchdog_close(struct watchdog *watchdog)
{
    if (watchdog == NULL)
        return;
    alarm_close(watchdog->alarm);
    free(watchdog);
}
