/* Reading the configuration, with the policy and all key files, anew, off the loop. What is good takes effect whole; what is not changes nothing, and says
   why. One read at a time: whoever asks during one gets the next, which begins when that has ended. */
#ifndef ASSAY_RELOAD_H
#define ASSAY_RELOAD_H

#include "agent/agent.h"

/* Somebody who wants to know how it went. */
struct reload_waiter {
    struct reload_waiter *next;
    void (*reloaded)(struct reload_waiter *waiter, const struct faults *faults); /* no faults: it is in force */
};

struct reload *reload_new(struct agent *agent); /* NULL: out of memory */
void reload_free(struct reload *reload);        /* not while one is under way; NULL is fine */

/* Reads the configuration and all key files. `waiter` may be NULL. */
void reload_all(struct reload *reload, struct reload_waiter *waiter);

bool reload_is_quiet(const struct reload *reload);

#endif
