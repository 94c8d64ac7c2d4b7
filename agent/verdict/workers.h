/* The threads that check signatures. They get an immutable key and bytes, and give back good, bad or failed; nothing else is theirs.
   They are not libuv's pool, where name look-ups and file reads would stall them. */
#ifndef ASSAY_WORKERS_H
#define ASSAY_WORKERS_H

#include <uv.h>

#include "agent/door/fair_queue.h"
#include "agent/token/verify.h"

struct workers;

/* `done` is called on the loop's thread for each task that is finished. NULL: out of memory or threads. */
struct workers *workers_start(uv_loop_t *loop, unsigned threads, void (*done)(void *context, struct task *task), void *context);

/* `line`: of the connection that asks; it must live until the task comes back. -1: as many as may wait are waiting, of this user or of all,
   and the task was not taken. */
int workers_submit(struct workers *workers, struct task *task, struct line_of_tasks *line);

/* What was submitted goes to the threads, a few at a time, by turns. Once, before the loop waits: one turn at the lock and as many wake-ups as there is work for.
   A wake-up for each task costs more than the task's parsing. */
void workers_hand_over(struct workers *workers);

/* Ends the threads; tasks that wait come back undecided. Freed once the loop has closed its handle. */
void workers_stop(struct workers *workers);

#endif
