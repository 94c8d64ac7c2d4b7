#include "repeat.h"

#include <string.h>

#include "agent/stamp.h"

void repeat_keep(const struct agent *agent, struct entry *entry, struct text audience, const struct bounds *bounds)
{
    struct repeat *repeat = &entry->repeat;

    *repeat = (struct repeat){.keys = atomic_load_explicit(&board_page(agent->board)->keys, memory_order_relaxed),
                              .any_audience = audience.at == NULL,
                              .bounds = audience.at == NULL ? bounds->id : 0};
    if (audience.bytes > sizeof repeat->audience)
        return;
    stamp_times(agent, &entry->token, &repeat->from, &repeat->until);
    repeat->audience_bytes = (uint8_t)audience.bytes;
    if (audience.bytes > 0)
        memcpy(repeat->audience, audience.at, audience.bytes);
}
