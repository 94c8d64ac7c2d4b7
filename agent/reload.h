/* Reading the configuration, with the policy and all key files, anew, off the loop. What is good takes effect whole; what is not
   changes nothing, and says why. What was read is used only if all of it stood in the files at one moment, and nobody was writing to
   the configuration or the policy: else it is read again, for a few seconds. One read at a time: whoever asks during one gets the
   next, which begins when that has ended. */
#ifndef ASSAY_RELOAD_H
#define ASSAY_RELOAD_H

#include "agent.h"

struct reload *reload_new(struct agent *agent); /* NULL: out of memory or descriptors */
void reload_close(struct reload *reload);       /* before the loop ends; NULL is fine */
void reload_free(struct reload *reload);        /* not while one is under way; NULL is fine */

/* Reads the configuration and all key files. `waiter` may be NULL. */
void reload_all(struct reload *reload, struct reload_waiter *waiter);

bool reload_is_quiet(const struct reload *reload);

#endif
