#include "readiness.h"

#include <stdio.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/feeds/feeds.h"
#include "agent/keys/keyring.h"
#include "agent/keys/remotes.h"

struct missing {
    struct wire_writer *writer; /* NULL: only count */
    uint32_t count;
};

static void put_unread(void *context, const struct feed_facts *facts)
{
    struct missing *missing = context;
    char text[SOURCE_NAME_BYTES + 64];

    if (facts->is_read || facts->starts_without)
        return;
    missing->count++;
    snprintf(text, sizeof text, "revocations from %s: %.40s", facts->source, facts->error != NULL ? facts->error : "being read");
    if (missing->writer != NULL)
        wire_put_text(missing->writer, text);
}

#define KEYLESS_ROOM 320

size_t readiness_room(const struct core *core)
{
    struct remote_facts facts;
    size_t remotes = 0;

    for (unsigned i = 0; i < core->ring->count && remotes < KEYS_MISSING_MAX; i++)
        remotes += remotes_facts(&core->ring->entries[i], 0, &facts);
    return core->ring->config->revocation.feed_count * (SOURCE_NAME_BYTES + 80) + remotes * KEYLESS_ROOM;
}

/* Tokens of shadow issuers are refused in any case. */
static void put_keyless(struct missing *missing, const struct core *core)
{
    double now = unix_now();

    for (unsigned i = 0; i < core->ring->count && missing->count < KEYS_MISSING_MAX; i++) {
        const struct keyring_entry *entry = &core->ring->entries[i];
        struct remote_facts facts;
        char text[KEYLESS_ROOM];

        if (!remotes_facts(entry, now, &facts) || strcmp(facts.state, "fresh") == 0 || entry->issuer.shadow)
            continue;
        missing->count++;
        if (missing->writer == NULL)
            continue;
        snprintf(text, sizeof text, "keys of %.120s: %.160s", entry->issuer.names.list[0].at,
                 facts.error != NULL ? facts.error : facts.fetching ? "being fetched" : "not fetched yet");
        wire_put_text(missing->writer, text);
    }
}

void readiness_put(struct wire_writer *writer, const struct core *core)
{
    struct missing counted = {NULL, 0}, missing = {writer, 0};

    feeds_each(core->feeds, put_unread, &counted);
    put_keyless(&counted, core);
    wire_put_array(writer, counted.count);
    feeds_each(core->feeds, put_unread, &missing);
    put_keyless(&missing, core);
}
