/* What clients do with a stamp the agent does with what it keeps beside a token: nothing is asked twice as long as nothing has
 * changed. */
#ifndef ASSAY_REPEAT_H
#define ASSAY_REPEAT_H

#include <string.h>

#include "agent/base/core.h"
#include "cache.h"

/* A yes to a question for a certain audience may be said again to whoever may ask for that; without one, to the very peers by whose
   audiences it was given. What was given to anybody is given to who may have all. */
static inline bool reuse_has_audiences(const struct reuse *reuse, struct text audience, const struct bounds *bounds)
{
    if (bounds->any_audience)
        return true;
    return audience.at == NULL ? reuse->bounds == bounds->id : bounds_have_audience(bounds, audience.at, audience.bytes);
}

/* May the last yes to this token be said again, to somebody with these bounds, who may ask about its issuer? The clock was looked
 * at. */
static inline bool reuse_may(struct core *core, const struct entry *entry, struct text audience, const struct bounds *bounds)
{
    const struct reuse *reuse = &entry->reuse;
    double now = core_turn_now(core);

    return now >= reuse->from && now < reuse->until &&
           reuse->keys == atomic_load_explicit(&shared_page_at(core->shared)->keys, memory_order_relaxed) &&
           reuse_has_audiences(reuse, audience, bounds) && reuse->any_audience == (audience.at == NULL) &&
           reuse->audience_bytes == audience.bytes &&
           memcmp(reuse->audience, audience.at != NULL ? audience.at : "", audience.bytes) == 0 &&
           grounds_holds(core->shared, &entry->grounds);
}

/* A yes that has just been found. */
void reuse_keep(const struct core *core, struct entry *entry, struct text audience, const struct bounds *bounds);

#endif
