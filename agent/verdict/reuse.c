#include "reuse.h"

#include <string.h>

#include "stamp.h"

void reuse_keep(const struct core *core, struct entry *entry, struct text audience, const struct bounds *bounds)
{
    struct reuse *reuse = &entry->reuse;

    *reuse = (struct reuse){.keys = atomic_load_explicit(&shared_page_at(core->shared)->keys, memory_order_relaxed),
                              .any_audience = audience.at == NULL,
                              .bounds = audience.at == NULL ? bounds->id : 0};
    if (audience.bytes > sizeof reuse->audience)
        return;
    stamp_times(core, &entry->token, &reuse->from, &reuse->until);
    reuse->audience_bytes = (uint8_t)audience.bytes;
    if (audience.bytes > 0)
        memcpy(reuse->audience, audience.at, audience.bytes);
}
