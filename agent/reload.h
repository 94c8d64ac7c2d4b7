/* Reads the configuration with the policy and all key files again, off the loop. If all of it is good, it takes effect as a whole; otherwise
   nothing changes, and the caller gets the faults. The agent uses what it read only if all files had that content at one moment, and no process
   was writing to the configuration or the policy; otherwise it reads them again, for a few seconds. One reload runs at a time: a caller that asks
   during one gets the next, which begins when that has ended. */
#ifndef ASSAY_RELOAD_H
#define ASSAY_RELOAD_H

#include "agent.h"

struct reload *reload_new(struct agent *agent); /* NULL: out of memory or descriptors */
void reload_close(struct reload *reload);       /* before the loop ends; NULL is fine */
void reload_free(struct reload *reload);        /* not during a reload; NULL is fine */

/* Reads the configuration and all key files. `waiter` may be NULL. */
void reload_all(struct reload *reload, struct reload_waiter *waiter);

bool reload_is_quiet(const struct reload *reload);

#endif
