#include "signals.h"

#include <signal.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/fastpath/shared_page.h"
#include "agent/http/listener.h"
#include "agent/keys/refresh.h"
#include "agent/rpc/listener.h"
#include "reload.h"

void signals_close(struct signals *signals)
{
    uv_signal_t *all[] = {&signals->term, &signals->interrupt, &signals->hangup};
    sigset_t late;

    /* One more signal while the process ends must not end it early: libuv restores the default action. */
    sigemptyset(&late);
    sigaddset(&late, SIGTERM);
    sigaddset(&late, SIGINT);
    sigaddset(&late, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &late, NULL);
    uv_close((uv_handle_t *)&signals->tick, NULL);
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i]->data != NULL)
            uv_close((uv_handle_t *)all[i], NULL);
    }
}

/* All answered changes are on the disk, and only a thread is left that a file system blocks. */
static void leave(int number)
{
    (void)number;
    _exit(0);
}

static void on_tick(uv_timer_t *timer)
{
    struct signals *signals = timer->data;
    struct agent *agent = signals->agent;

    if ((!door_is_quiet(agent->door) || !http_is_quiet(agent->http) || !reload_is_quiet(agent->reload) || !refresh_is_quiet(agent->core.refresh)) &&
        uv_now(agent->core.loop) < signals->deadline)
        return;
    signals_close(signals);
    signal(SIGTERM, SIG_IGN); /* libuv gives them back to the system, where a second one would end the process half-way */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGALRM, leave);
    alarm(STUCK_SECONDS_MAX);
    signals->finish(agent);
    alarm(STUCK_SECONDS);
}

static void on_stop(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;
    struct agent *agent = signals->agent;

    if (agent->core.stopping || agent->door == NULL)
        return;
    agent->core.stopping = true;
    agent->core.ready = false;
    shared_page_close(agent->core.shared); /* results that clients cached end here; the last calls come to the agent */
    notify_stopping();
    log_info("stopping", LOG_TEXT("signal", number == SIGTERM ? "SIGTERM" : "SIGINT"));
    door_drain(agent->door);
    http_drain(agent->http);
    signals->deadline = uv_now(agent->core.loop) + DRAIN_SECONDS * 1000;
    uv_timer_start(&signals->tick, on_tick, 0, 10);
}

static void on_hangup(uv_signal_t *handle, int number)
{
    struct signals *signals = handle->data;

    (void)number;
    reload_all(signals->agent->reload, NULL);
}

static int watch_signal(struct signals *signals, uv_signal_t *handle, uv_signal_cb call, int number)
{
    if (uv_signal_init(signals->agent->core.loop, handle) != 0)
        return -1;
    handle->data = signals; /* so it must be closed */
    return uv_signal_start(handle, call, number) == 0 ? 0 : -1;
}

int signals_watch(struct signals *signals, struct agent *agent, void (*finish)(struct agent *agent))
{
    *signals = (struct signals){.agent = agent, .finish = finish};
    uv_timer_init(agent->core.loop, &signals->tick);
    signals->tick.data = signals;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* so that a limit on file size is an error of the store, and does not end the process */
    if (watch_signal(signals, &signals->term, on_stop, SIGTERM) == 0 &&
        watch_signal(signals, &signals->interrupt, on_stop, SIGINT) == 0 &&
        watch_signal(signals, &signals->hangup, on_hangup, SIGHUP) == 0)
        return 0;
    signals_close(signals);
    return -1;
}
