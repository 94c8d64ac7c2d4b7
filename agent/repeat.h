/* What clients do with a stamp the agent does with what it keeps beside a token: nothing is asked twice as long as nothing has
 * changed. */
#ifndef ASSAY_REPEAT_H
#define ASSAY_REPEAT_H

#include <string.h>

#include "agent/agent.h"
#include "agent/cache.h"

/* A yes to a question for a certain audience may be said again to whoever may ask for that; without one, to the very peers by whose
   audiences it was given. What was given to anybody is given to who may have all. */
static inline bool repeat_has_audiences(const struct repeat *repeat, struct text audience, const struct bounds *bounds)
{
    if (bounds->any_audience)
        return true;
    return audience.at == NULL ? repeat->bounds == bounds->id : bounds_have_audience(bounds, audience.at, audience.bytes);
}

/* May the last yes to this token be said again, to somebody with these bounds, who may ask about its issuer? The clock was looked
 * at. */
static inline bool repeat_may(struct agent *agent, const struct entry *entry, struct text audience, const struct bounds *bounds)
{
    const struct repeat *repeat = &entry->repeat;
    double now = agent_turn_now(agent);

    return now >= repeat->from && now < repeat->until &&
           repeat->keys == atomic_load_explicit(&board_page(agent->board)->keys, memory_order_relaxed) &&
           repeat_has_audiences(repeat, audience, bounds) && repeat->any_audience == (audience.at == NULL) &&
           repeat->audience_bytes == audience.bytes &&
           memcmp(repeat->audience, audience.at != NULL ? audience.at : "", audience.bytes) == 0 &&
           basis_holds(agent->board, &entry->basis);
}

/* A yes that has just been found. */
void repeat_keep(const struct agent *agent, struct entry *entry, struct text audience, const struct bounds *bounds);

#endif
