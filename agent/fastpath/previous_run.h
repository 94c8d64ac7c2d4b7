/* Handles earlier runs of the agent. A killed run leaves its page mapped in its clients, which trust it as long as its last heartbeat is fresh. So
   each run leaves a marker in the state folder, and a run that finds one delays answers that confirm a revocation until that page has expired.
   Tokens are judged meanwhile, and changes take effect at once: only these answers wait. On the loop's thread. */
#ifndef ASSAY_EARLIER_H
#define ASSAY_EARLIER_H

#include <stdbool.h>
#include <uv.h>

struct previous_run;

/* An answer that confirms that a change is in effect. */
struct held {
    struct held *next;
    void (*answer)(struct held *held);
};

/* Call it once the state folder's lock is held, and before anything is answered: time counts from here. It looks for the marker in the folder.
   NULL: out of memory or descriptors. */
struct previous_run *previous_run_new(uv_loop_t *loop, const char *folder);

/* There may have been a run whose marker is gone. */
void previous_run_suspect(struct previous_run *earlier);

/* Answers now, or as soon as the answer is allowed. */
void previous_run_hold(struct previous_run *earlier, struct held *held);

/* Writes the marker, before the first client gets the page. False: it could not be written, which was logged, and no client may get the page. */
bool previous_run_mark(struct previous_run *earlier);

/* At a clean end, after the page was closed: removes the marker, unless it still stands for an earlier run. Delayed answers are given, so call it
   when no connection is open any more. NULL is fine. */
void previous_run_close(struct previous_run *earlier);

#endif
