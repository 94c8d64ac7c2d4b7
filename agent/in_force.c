#include "in_force.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"
#include "agent/http/listener.h"
#include "agent/rpc/listener.h"
#include "agent/verdict/cache.h"
#include "agent/verdict/renamed_keys.h"

void keyring_tell_warnings(const struct keyring *old, const struct keyring *ring)
{
    bool same_config = old != NULL && old->config == ring->config;

    for (unsigned i = 0; ring->policy != NULL && (old == NULL || old->policy != ring->policy) && i < ring->policy->warnings.count; i++)
        log_warning("the policy may not mean what its author intended", LOG_TEXT("warning", ring->policy->warnings.text[i]));
    for (unsigned i = 0; i < ring->count; i++) {
        if (same_config && !keyring_has_other_keys(old, ring, i))
            continue;
        if (ring->entries[i].keys->note[0] != '\0')
            log_warning("several keys have the same kid, or none", LOG_TEXT("issuer", ring->entries[i].issuer.names.list[0].at),
                        LOG_TEXT("why", ring->entries[i].keys->note));
        for (unsigned w = 0; w < ring->entries[i].keys->warnings; w++)
            log_warning("a key is not used", LOG_TEXT("issuer", ring->entries[i].issuer.names.list[0].at),
                        LOG_TEXT("why", ring->entries[i].keys->warning[w]));
    }
}

/* Ends the cached results that rest on what changes, also those of clients with the page. */
static void tell_page(struct shared_page *shared, const struct keyring *old, const struct keyring *ring)
{
    if (ring->policy != old->policy)
        shared_page_bump_policy(shared);
    if (ring->config != old->config)
        shared_page_bump_keys(shared);
    else
        keyring_bump_changed(old, ring, shared);
}

int agent_use_keyring(struct core *core, struct keyring *ring)
{
    struct agent *agent = agent_of(core);
    struct keyring *old = core->ring;
    bool other_config = old->config != ring->config;
    char **key_errors = other_config ? calloc(ring->count, sizeof *key_errors) : NULL;

    if (other_config && key_errors == NULL)
        return -1;
    cache_follow(agent->verdicts.cache, old, ring);
    ring->generation = old->generation + 1;
    tell_page(core->shared, old, ring);
    if (other_config) {
        for (unsigned i = 0; i < old->count; i++)
            free(core->key_errors[i]);
        free(core->key_errors);
        core->key_errors = key_errors;
        free(core->policy_error);
        core->policy_error = NULL;
    }
    core->ring = ring;
    if (other_config) {
        peers_carry_over(&old->config->peers, &ring->config->peers);
        if (agent->door != NULL)
            door_use_config(agent->door);
        http_use_config(agent->http);
    }
    keyring_tell_warnings(old, ring);
    renamed_keys_note(agent->verdicts.renamed_keys, old);
    return 0;
}
