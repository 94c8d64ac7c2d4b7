/* The threads that check signatures. They get an immutable key and bytes, and return good, bad or failed; they touch nothing else. They are not
   libuv's pool, where name lookups and file reads would delay them. */
#ifndef ASSAY_WORKERS_H
#define ASSAY_WORKERS_H

#include <uv.h>

#include "agent/door/fair_queue.h"
#include "agent/token/verify.h"

struct workers;

/* `done` is called on the loop's thread for each finished task. NULL: out of memory or threads. */
struct workers *workers_start(uv_loop_t *loop, unsigned threads, void (*done)(void *context, struct task *task), void *context);

/* `line`: of the connection that asks; it must live until the task comes back. -1: too many tasks of this user or of all users wait, and the task
   was not taken. */
int workers_submit(struct workers *workers, struct task *task, struct line_of_tasks *line);

/* Hands submitted tasks to the threads, a few at a time, in turns. Called once, before the loop waits: it takes the lock once, and wakes as many
   threads as there is work for. A wake-up for each task would cost more than parsing its token. */
void workers_hand_over(struct workers *workers);

/* Ends the threads; waiting tasks come back undecided. Freed once the loop has closed its handle. */
void workers_stop(struct workers *workers);

#endif
