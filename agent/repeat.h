/* What clients do with a stamp the agent does with what it keeps beside a token: nothing is asked twice as long as nothing has
 * changed. */
#ifndef ASSAY_REPEAT_H
#define ASSAY_REPEAT_H

#include "agent/agent.h"
#include "agent/cache.h"

/* May the last yes to this token be said again, to somebody with these bounds? Of its issuer he may ask. */
bool repeat_may(struct agent *agent, const struct entry *entry, struct text audience, const struct bounds *bounds);

/* A yes that has just been found. */
void repeat_keep(const struct agent *agent, struct entry *entry, struct text audience, const struct bounds *bounds);

#endif
