/* Reuses cached results inside the agent, as clients do with a stamp: nothing is judged again as long as nothing has changed. */
#ifndef ASSAY_REPEAT_H
#define ASSAY_REPEAT_H

#include <string.h>

#include "agent/base/core.h"
#include "cache.h"

/* An acceptance for a certain audience may be reused for every peer that may ask for that audience; one without an audience only for peers with
   the same allowed audiences. An acceptance without limits is reused for peers without limits. */
static inline bool reuse_has_audiences(const struct reuse *reuse, struct text audience, const struct bounds *bounds)
{
    if (bounds->any_audience)
        return true;
    return audience.at == NULL ? reuse->bounds == bounds->id : bounds_have_audience(bounds, audience.at, audience.bytes);
}

/* May the last acceptance of this token be reused for a peer with these bounds, which may ask about its issuer? The caller has checked the clock. */
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

/* Records a new acceptance. */
void reuse_keep(const struct core *core, struct entry *entry, struct text audience, const struct bounds *bounds);

#endif
