#include "notify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alarm.h"
#include "client/wire/clock.h"
#include "log.h"

#define MESSAGE_BYTES_MAX 2048

struct watchdog {
    struct alarm *alarm;
    double period; /* seconds */
};

/* sd_notify(3)'s protocol: a datagram of lines, to a file or, if the name begins with @, to an abstract name. */
__attribute__((format(printf, 1, 2))) static void notify(const char *format, ...)
{
    const char *to = secure_getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t to_bytes = to != NULL ? strlen(to) : 0;
    char message[MESSAGE_BYTES_MAX];
    va_list values;

    if (to_bytes < 2 || to_bytes >= sizeof address.sun_path || (*to != '/' && *to != '@'))
        return;
    memcpy(address.sun_path, to, to_bytes);
    if (*to == '@')
        address.sun_path[0] = '\0';
    va_start(values, format);
    vsnprintf(message, sizeof message, format, values);
    va_end(values);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    (void)sendto(fd, message, strlen(message), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + to_bytes));
    close(fd);
}

void notify_ready(unsigned issuers)
{
    notify("READY=1\nSTATUS=ready, %u issuer%s", issuers, issuers == 1 ? "" : "s");
}

void notify_reloading(void)
{
    notify("RELOADING=1\nMONOTONIC_USEC=%" PRId64, monotonic_ns() / (NS_PER_MS / 1000));
}

void notify_refused(const char *why)
{
    notify("READY=1\nSTATUS=the new configuration is refused, the old one stays in force: %s", why);
}

void notify_stopping(void)
{
    notify("STOPPING=1\nSTATUS=finishing the requests under way");
}

void notify_status(const char *what)
{
    notify("STATUS=%s", what);
}

static void on_alarm(void *context)
{
    struct watchdog *watchdog = context;

    notify("WATCHDOG=1");
    alarm_set(watchdog->alarm, watchdog->period);
}

/* Microseconds; 0: the watchdog is not enabled for this process. */
static uint64_t watchdog_usec(void)
{
    const char *usec = secure_getenv("WATCHDOG_USEC"), *pid = secure_getenv("WATCHDOG_PID");

    if (usec == NULL || (pid != NULL && strtol(pid, NULL, 10) != getpid()))
        return 0;
    return strtoull(usec, NULL, 10);
}

struct watchdog *watchdog_new(uv_loop_t *loop)
{
    uint64_t usec = watchdog_usec();

    if (usec == 0)
        return NULL;
    struct watchdog *watchdog = calloc(1, sizeof *watchdog);

    if (watchdog == NULL || (watchdog->alarm = alarm_new(loop, on_alarm, watchdog)) == NULL) {
        log_error("the watchdog timer cannot be set (out of memory or descriptors); systemd will restart the agent");
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
