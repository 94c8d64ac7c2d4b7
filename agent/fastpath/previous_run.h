/* Earlier runs of the agent. One that was killed leaves its page behind in its clients, who go on believing in it as long as its
   last heartbeat is fresh. So it leaves a marker in the state folder too, and the run that finds one says of nothing that it is
   revoked before that page cannot be believed any more. Tokens are judged meanwhile, and changes take effect at once: it is only
   the answers that wait. On the loop's thread. */
#ifndef ASSAY_EARLIER_H
#define ASSAY_EARLIER_H

#include <stdbool.h>
#include <uv.h>

struct previous_run;

/* An answer that says that something counts from now on. */
struct held {
    struct held *next;
    void (*answer)(struct held *held);
};

/* To be called once the state folder's lock is held, and before anything is answered: time counts from here. The marker is looked
   for in the folder. NULL: out of memory or descriptors. */
struct previous_run *previous_run_new(uv_loop_t *loop, const char *folder);

/* There may have been a run whose marker is gone. */
void previous_run_suspect(struct previous_run *earlier);

/* Answers now, or when it may be answered. */
void previous_run_hold(struct previous_run *earlier, struct held *held);

/* Leaves the marker, before the first client gets the page. False: it could not be left, which was logged, and nobody may get it. */
bool previous_run_mark(struct previous_run *earlier);

/* A clean end, after the page was closed: takes the marker away, unless it speaks for an earlier run still. What is held yet is
   answered, to be called when no connection is open any more. NULL is fine. */
void previous_run_close(struct previous_run *earlier);

#endif
