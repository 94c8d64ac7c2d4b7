/* SIGTERM and SIGINT end the agent in order: nobody new comes in, what was asked is answered, for some seconds at most, then
   everything is closed. SIGHUP reads the configuration anew. */
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

/* `finish` closes the agent's rooms, once the answers are out. -1: signals cannot be waited for, and the loop is to run once more.
 */
int signals_watch(struct signals *signals, struct agent *agent, void (*finish)(struct agent *agent));

/* What has been opened of them. */
void signals_close(struct signals *signals);

#endif
