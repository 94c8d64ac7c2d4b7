/* Waits for the result of a reload, which core->reload begins. */
#ifndef ASSAY_RELOAD_WAITER_H
#define ASSAY_RELOAD_WAITER_H

#include "fault.h"

struct reload_waiter {
    struct reload_waiter *next;
    void (*reloaded)(struct reload_waiter *waiter, const struct faults *faults); /* no faults: the new configuration is in force */
};

#endif
