/* SIGTERM and SIGINT stop the agent in order: it accepts no new connection, answers the requests under way, for some seconds at most, and closes
   everything. SIGHUP reloads the configuration. */
#ifndef ASSAY_SIGNALS_H
#define ASSAY_SIGNALS_H

#include "agent.h"

struct signals {
    uv_signal_t term, interrupt, hangup;
    uv_timer_t tick;
    uint64_t deadline;
    struct agent *agent;
    void (*finish)(struct agent *agent);
};

/* `finish` closes the agent's rooms after the answers are sent. -1: signals cannot be handled, and the loop must run once more. */
int signals_watch(struct signals *signals, struct agent *agent, void (*finish)(struct agent *agent));

/* Closes what signals_watch has opened, also after a failure. */
void signals_close(struct signals *signals);

#endif
