#include "repeat.h"

#include <string.h>

#include "agent/clock.h"
#include "agent/stamp.h"

/* A yes by which audiences may be repeated? The one that was asked for, which who asks now must be allowed too; without one, by
   those of the very peers that have them. */
static uint64_t audiences_of(struct text audience, const struct bounds *bounds)
{
    return audience.at == NULL ? bounds->id : 0;
}

bool repeat_may(struct agent *agent, const struct entry *entry, struct text audience, const struct bounds *bounds)
{
    const struct repeat *repeat = &entry->repeat;
    double now = agent_turn_now(agent);

    clock_saw(agent, now); /* which may make the keys' generation grow */
    return now >= repeat->from && now < repeat->until &&
           repeat->keys == atomic_load_explicit(&board_page(agent->board)->keys, memory_order_relaxed) &&
           repeat->bounds == audiences_of(audience, bounds) &&
           (audience.at == NULL || bounds_have_audience(bounds, audience.at, audience.bytes)) &&
           repeat->any_audience == (audience.at == NULL) && repeat->audience_bytes == audience.bytes &&
           memcmp(repeat->audience, audience.at != NULL ? audience.at : "", audience.bytes) == 0 &&
           basis_holds(agent->board, &entry->basis);
}

void repeat_keep(const struct agent *agent, struct entry *entry, struct text audience, const struct bounds *bounds)
{
    struct repeat *repeat = &entry->repeat;

    *repeat = (struct repeat){.keys = atomic_load_explicit(&board_page(agent->board)->keys, memory_order_relaxed),
                              .any_audience = audience.at == NULL,
                              .bounds = audiences_of(audience, bounds)};
    if (audience.bytes > sizeof repeat->audience)
        return;
    stamp_times(agent, &entry->token, &repeat->from, &repeat->until);
    repeat->audience_bytes = (uint8_t)audience.bytes;
    if (audience.bytes > 0)
        memcpy(repeat->audience, audience.at, audience.bytes);
}
