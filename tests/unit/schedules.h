/* All the orders in which actors can take their steps, one run after the other, so that what must never happen is looked for in
   each.

   An actor is a thread of which only one runs at a time: it is stopped at each schedule_point() that it passes and goes on when it
   is chosen again. Choices are gone through depth first, by running everything anew with another one. To leave an actor in the
   middle of a step while it could go on costs one of a run's preemptions, of which there are few: without a bound the orders are
   too many, and what goes wrong at all goes wrong with few. */
#ifndef ASSAY_TESTS_SCHEDULES_H
#define ASSAY_TESTS_SCHEDULES_H

#include <stdbool.h>

#define ACTORS_MAX 10

struct actor {
    const char *name;
    bool (*enabled)(unsigned index); /* may it take a step, while it takes none? */
    void (*step)(unsigned index);
    unsigned index; /* for these two: actors of one kind */
};

struct scenario {
    struct actor actors[ACTORS_MAX];
    unsigned count;
    bool (*interrupts)(unsigned actor); /* may it come in the middle of another's step? */
    void (*set_up)(void);               /* before each run; no actor is stopped there */
    void (*tear_down)(void);
    const char *(*violated)(void); /* what must never happen; NULL: it has not */
};

struct explored {
    unsigned long runs;
    const char *violation; /* NULL: none */
    char trace[2048];      /* how it came to it */
};

/* Goes through all orders with at most so many preemptions, until something has happened that must not. */
struct explored schedules_explore(const struct scenario *scenario, unsigned preemptions);

/* A place in a step where others may come in between. */
void schedule_point(const char *where);

/* One of so many ways to go on. */
unsigned schedule_choose(unsigned count);

/* The actor takes no more steps in this run, as if it had been killed where it is: the step that it is in goes on only after the
   run's end. */
void schedule_kill(unsigned actor);
bool schedule_is_dead(void); /* is whoever asks one of those? */

#endif
