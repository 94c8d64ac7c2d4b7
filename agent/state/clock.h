/* What the wall clock may be trusted with. A clock that stands before times already seen would make expired tokens good again; one
   that was just set would make records be forgotten too soon. On the loop's thread. */
#ifndef ASSAY_CLOCK_H
#define ASSAY_CLOCK_H

#include <stdbool.h>

#include "store.h"
#include "writer.h"

struct clock {
    struct writer *writer;
    void (*on_behind)(void *context); /* it cannot be trusted any more: what was decided under it ends */
    void *context;
    double highest; /* time ever seen, in Unix seconds */
    double noted;   /* what of it was last sent to the disk */
    double wall_start, monotonic_start;
    double leap; /* seconds by which the clock was ever seen to go ahead at once: so much it may have been behind before */
    bool noting;
    unsigned accepting; /* an operator's words on their way to the disk */
    bool behind;        /* when it was last looked at, it could not be trusted */
};

/* Reads the highest time seen by earlier runs. The writer may be set later, but before the loop runs. 0 or -1. */
int clock_load(struct clock *clock, struct view *view);

/* The time is this: the highest seen grows, and is written down now and then. To be called with each question, and with each beat
   of the heart, for then clients say yes themselves; who asks for nothing needs no clock. */
void clock_saw(struct clock *clock, double now);

/* Is it not too far behind the highest time seen? */
bool clock_is_trusted(const struct clock *clock, double now);

/* Writes the highest time down, at the end of a run. */
void clock_note(struct clock *clock);

/* An operator says that the clock is right: the highest time seen becomes now. `done` is called when that is on the disk, or not
   (-1). -1: it will not be called. */
int clock_accept(struct clock *clock, void (*done)(void *context, int status), void *context);

/* May records be forgotten by this clock? */
bool clock_may_forget(const struct clock *clock, double now);

#endif
