/* What a process that was taken over could do with the agent's rights: as little as the kernel lets us say. Under systemd the unit
   says more (systemd/assayd.service); in a pod this is all there is. */
#ifndef ASSAY_CONFINE_H
#define ASSAY_CONFINE_H

#include "agent/config/config.h"

/* At the very start: no core, no look into the memory by the same user's other processes, no new privileges, and a piece of memory
   that is never swapped out, for secrets. */
void confine_early(void);

/* From here on the calling thread, and all that it starts, write files only below the state's folder and make sockets only in their
   folders, which are there already; nothing is executed, nobody is traced, nothing is mounted, and so on. What the kernel cannot do
   is told, and goes without. */
void confine(const struct config *config);

#endif
