/* Decides how far the wall clock can be trusted. A clock that is behind times already seen would make expired tokens valid again; a clock that was
   just set would let records be removed too soon. On the loop's thread. */
#ifndef ASSAY_CLOCK_H
#define ASSAY_CLOCK_H

#include <stdbool.h>

#include "store.h"
#include "writer.h"

struct clock {
    struct writer *writer;
    void (*on_behind)(void *context); /* the clock can no longer be trusted: ends decisions made under it */
    void *context;
    double highest; /* latest time ever seen, in Unix seconds */
    double noted;   /* the part of it that was last sent to the disk */
    double wall_start, monotonic_start;
    double leap; /* the largest forward step ever seen, in seconds: the clock may have been behind by that much before */
    bool noting;
    unsigned accepting; /* accepted clocks that are being written to the disk */
    bool behind;        /* at the last check it could not be trusted */
};

/* Reads the latest time seen by earlier runs. The writer may be set later, but before the loop runs. 0 or -1. */
int clock_load(struct clock *clock, struct view *view);

/* Reports the time: the latest time seen grows, and is written now and then. Call it with each question, and with each heartbeat, because clients
   then accept tokens themselves; without either no clock is needed. */
void clock_saw(struct clock *clock, double now);

/* Is it not too far behind the latest time seen? */
bool clock_is_trusted(const struct clock *clock, double now);

/* Writes the latest time, at the end of a run. */
void clock_note(struct clock *clock);

/* An operator says that the clock is right: the latest time seen becomes now. `done` is called when that is on the disk, or failed (-1). -1: it
   will not be called. */
int clock_accept(struct clock *clock, void (*done)(void *context, int status), void *context);

/* May records be removed by this clock? */
bool clock_may_forget(const struct clock *clock, double now);

#endif
