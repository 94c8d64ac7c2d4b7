/* Limits what an attacker could do with the agent's rights if he took over the process, as far as the kernel allows. Under systemd the unit limits
   more (systemd/assayd.service); in a pod this is all. */
#ifndef ASSAY_CONFINE_H
#define ASSAY_CONFINE_H

#include "agent/config/config.h"

/* At the very start: no core dumps, no access to the memory for other processes of the same user, no new privileges, and a piece of memory for
   secrets that is never swapped out. */
void confine_early(void);

/* From here on the calling thread, and all threads that it starts, can write files only below the state folder and create sockets only in their
   folders, which must exist. They cannot execute, trace or mount anything, and so on. If the kernel does not support a part, that is logged and
   the agent continues without it. */
void confine(const struct config *config);

#endif
