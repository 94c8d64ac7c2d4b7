/* What the wall clock may be trusted with. A clock that stands before times already seen would make expired tokens good again; one
   that was just set would make records be forgotten too soon. On the loop's thread. */
#ifndef ASSAY_CLOCK_H
#define ASSAY_CLOCK_H

#include "agent/agent.h"

/* Reads the highest time seen by earlier runs. 0 or -1. */
int clock_load(struct agent *agent, struct view *view);

/* The time is this: the highest seen grows, and is written down now and then. To be called with each question, and with each beat
   of the heart, for then clients say yes themselves; who asks for nothing needs no clock. */
void clock_saw(struct agent *agent, double now);

/* Is it not too far behind the highest time seen? */
bool clock_is_trusted(const struct agent *agent, double now);

/* Writes the highest time down, at the end of a run. */
void clock_note(struct agent *agent);

/* An operator says that the clock is right: the highest time seen becomes now. `done` is called when that is on the disk, or not
   (-1). -1: it will not be called. */
int clock_accept(struct agent *agent, void (*done)(void *context, int status), void *context);

/* May records be forgotten by this clock? */
bool clock_may_forget(const struct agent *agent, double now);

#endif
