/* `status`: the state of the agent, for administrators. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/base/pairs.h"
#include "agent/feeds/batch.h"
#include "agent/feeds/feeds.h"
#include "agent/feeds/unreadable.h"
#include "agent/keys/refresh.h"
#include "agent/keys/remotes.h"
#include "agent/policy/granted.h"
#include "agent/verdict/cache.h"
#include "agent/verdict/readiness.h"
#include "listener.h"
#include "methods.h"

#define SHADOW_RULES_SHOWN 64

/* How long ago a check confirmed that what is in force equals its source. */
static void put_confirmed(struct wire_writer *writer, double confirmed, double now)
{
    wire_put_text(writer, "confirmed");
    if (confirmed > 0)
        wire_put_uint(writer, now > confirmed ? (uint64_t)(now - confirmed) : 0);
    else
        wire_put_nil(writer);
}

/* For keys from a file, only the error of the file changes. */
static void put_keys(struct wire_writer *writer, const struct core *core, unsigned index, double now)
{
    const struct keyring_entry *entry = &core->ring->entries[index];
    struct remote_facts facts = {.state = "fresh", .error = core->key_errors[index]};
    bool remote = remotes_facts(entry, now, &facts);
    double since = remotes_confirmed(entry);

    put_confirmed(writer, remote ? since : refresh_keys_confirmed(core->refresh, index), now);
    put_pair_uint(writer, "keys", entry->keys->count);
    put_pair_uint(writer, "skipped", entry->keys->skipped);
    wire_put_text(writer, "key_age");
    if (since > 0)
        wire_put_uint(writer, now > since ? (uint64_t)(now - since) : 0);
    else
        wire_put_nil(writer);
    put_pair_text(writer, "state", facts.state);
    wire_put_text(writer, "next_fetch");
    if (remote)
        wire_put_uint(writer, facts.next);
    else
        wire_put_nil(writer);
    put_pair_uint(writer, "failures", facts.failures);
    put_pair_uint(writer, "waiting", facts.waiting);
    put_pair_uint(writer, "shared_kids", entry->keys->shared_kids);
    put_pair_text(writer, "error", facts.error);
}

static uint32_t issuer_warnings(const struct issuer *issuer, char texts[2][GRANTED_WARNING_BYTES])
{
    uint32_t count = 0;

    count += granted_warning(&issuer->roles, "roles", texts[count]);
    count += granted_warning(&issuer->scopes, "scopes", texts[count]);
    return count;
}

static void put_issuer_warnings(struct wire_writer *writer, const struct issuer *issuer)
{
    char texts[2][GRANTED_WARNING_BYTES];
    uint32_t count = issuer_warnings(issuer, texts);

    wire_put_text(writer, "warnings");
    wire_put_array(writer, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_text(writer, texts[i]);
}

static void put_issuers(struct wire_writer *writer, const struct core *core, unsigned count)
{
    double now = unix_now();

    wire_put_text(writer, "issuers");
    wire_put_array(writer, count);
    for (unsigned i = 0; i < count; i++) {
        const struct issuer *issuer = &core->ring->entries[i].issuer;

        wire_put_map(writer, 14);
        wire_put_text(writer, "issuer");
        wire_put_str(writer, issuer->names.list[0].at, issuer->names.list[0].bytes);
        put_pair_text(writer, "mode", issuer->shadow ? "shadow" : "enforce");
        put_pair_text(writer, "source", core->ring->config->issuers[i].keys.name);
        put_keys(writer, core, i, now);
        put_issuer_warnings(writer, issuer);
    }
}

static void put_cache(struct wire_writer *writer, const struct verdicts *verdicts)
{
    struct cache_facts facts = cache_facts(verdicts->cache);

    wire_put_text(writer, "cache");
    wire_put_map(writer, 6);
    put_pair_uint(writer, "entries", facts.entries);
    put_pair_uint(writer, "bytes", facts.bytes);
    put_pair_uint(writer, "size", facts.bytes_max);
    put_pair_uint(writer, "hits", facts.hits);
    put_pair_uint(writer, "misses", facts.misses);
    put_pair_uint(writer, "evictions", facts.evictions);
}

static void put_connections(struct wire_writer *writer, const struct door *door)
{

    wire_put_text(writer, "connections");
    wire_put_map(writer, 7);
    put_pair_uint(writer, "open", door->accounts.connections);
    put_pair_uint(writer, "accepted", door->accounts.facts.accepted);
    put_pair_uint(writer, "turned_away", door->accounts.facts.refused);
    put_pair_uint(writer, "requests", door->accounts.facts.requests);
    put_pair_uint(writer, "broken_off", door->accounts.facts.protocol_errors);
    put_pair_uint(writer, "timeouts", door->accounts.facts.timeouts);
    put_pair_uint(writer, "buffered_bytes", door->accounts.buffered);
}

static void put_peer(struct wire_writer *writer, const struct peer_config *peer)
{
    const struct peer_tally *tally = peer->tally;

    wire_put_map(writer, 7);
    put_pair_text(writer, "name", peer->name);
    put_pair_uint(writer, "connections", tally->connections);
    put_pair_uint(writer, "in_flight", tally->in_flight);
    put_pair_uint(writer, "requests", tally->requests);
    put_pair_uint(writer, "refused", tally->refused);
    put_pair_uint(writer, "rate_limited", tally->rate_limited);
    put_pair_uint(writer, "turned_away", tally->turned_away);
}

#define PEER_ROOM (PEER_NAME_BYTES_MAX + 160)

/* The last one has no name: peers that match no entry. */
static void put_peers(struct wire_writer *writer, const struct peers_config *peers)
{
    wire_put_text(writer, "peers");
    wire_put_array(writer, peers->configured ? peers->count + 1 : 0);
    for (unsigned i = 0; i < peers->count; i++)
        put_peer(writer, &peers->list[i]);
    if (peers->configured)
        put_peer(writer, &peers->stranger);
}

static void put_reasons(struct wire_writer *writer, const char *name, const uint64_t counts[REASON_COUNT], enum reason first)
{
    uint32_t named = 0;

    for (enum reason reason = first; reason < REASON_COUNT; reason++)
        named += counts[reason] > 0;
    wire_put_text(writer, name);
    wire_put_map(writer, named);
    for (enum reason reason = first; reason < REASON_COUNT; reason++) {
        if (counts[reason] > 0)
            put_pair_uint(writer, reason == REASON_NONE ? "accepted" : reason_name(reason), counts[reason]);
    }
}

/* Shadow rules, which decide nothing yet, and how often each would have applied. */
static void put_shadow_rules(struct wire_writer *writer, const struct policy *policy)
{
    uint32_t shown = 0;

    for (unsigned i = 0; i < policy->rule_count && shown < SHADOW_RULES_SHOWN; i++)
        shown += policy->rules[i].shadow;
    wire_put_text(writer, "shadow");
    wire_put_map(writer, shown);
    for (unsigned i = 0; shown > 0; i++) {
        if (!policy->rules[i].shadow)
            continue;
        put_pair_uint(writer, policy->rules[i].name, policy->rules[i].shadow_count->decisions);
        shown--;
    }
}

static void put_policy(struct wire_writer *writer, const struct core *core)
{
    const struct policy *policy = core->ring->policy;

    wire_put_text(writer, "policy");
    if (policy == NULL) {
        wire_put_nil(writer);
        return;
    }
    wire_put_map(writer, 6);
    put_pair_text(writer, "file", policy->path);
    put_confirmed(writer, refresh_policy_confirmed(core->refresh), unix_now());
    put_pair_text(writer, "error", core->policy_error);
    put_pair_uint(writer, "rules", policy->rule_count);
    put_pair_uint(writer, "warnings", policy->warnings.count);
    put_shadow_rules(writer, policy);
}

static void put_counters(struct wire_writer *writer, const struct counters *counters)
{

    wire_put_text(writer, "counters");
    wire_put_map(writer, 9);
    put_pair_uint(writer, "accepted", counters->accepted);
    put_reasons(writer, "refused", counters->refused, REASON_NONE + 1);
    put_reasons(writer, "shadow", counters->shadow, REASON_NONE);
    put_pair_uint(writer, "undecided", counters->undecided);
    put_pair_uint(writer, "allowed", counters->allowed);
    put_reasons(writer, "denied", counters->denied, REASON_NONE + 1);
    put_pair_uint(writer, "joined", counters->joined);
    put_pair_uint(writer, "revoke", counters->revokes);
    put_pair_uint(writer, "unrevoke", counters->unrevokes);
}

static int sum_counts(void *context, const struct slot *slot)
{
    *(uint64_t *)context += slot->count;
    return 0;
}

#define FEED_ROOM (SOURCE_NAME_BYTES + 256)

static void put_feed(void *context, const struct feed_facts *facts)
{
    struct wire_writer *writer = context;
    char error[80];

    wire_put_map(writer, 10);
    put_pair_text(writer, "source", facts->source);
    wire_put_text(writer, "read");
    wire_put_bool(writer, facts->is_read);
    if (facts->error != NULL)
        snprintf(error, sizeof error, "%.79s", facts->error);
    put_pair_text(writer, "error", facts->error != NULL ? error : NULL);
    wire_put_text(writer, "complete");
    wire_put_bool(writer, facts->is_read && !facts->is_incomplete);
    put_confirmed(writer, facts->confirmed, unix_now());
    put_pair_uint(writer, "lines", facts->lines);
    put_pair_uint(writer, "records", facts->records);
    put_pair_uint(writer, "unreadable", facts->unreadable);
    put_pair_uint(writer, "excluded", facts->excluded);
    put_pair_uint(writer, "gaps", facts->gaps);
}

static void put_revocation(struct wire_writer *writer, const struct core *core)
{
    struct view *view = store_view(core->store);
    uint64_t records = 0;
    int status = view != NULL ? slot_each(view, sum_counts, &records) : -1;

    uint64_t unreadable = 0;
    bool counted = view != NULL && unreadable_count(view, &unreadable) == 0;

    wire_put_text(writer, "revocation");
    wire_put_map(writer, 6);
    wire_put_text(writer, "records");
    if (status == 0)
        wire_put_uint(writer, records);
    else
        wire_put_nil(writer);
    put_pair_uint(writer, "commits", core->commits - 1);
    put_pair_text(writer, "state", core->ring->config->state_path);
    wire_put_text(writer, "unreadable_kept");
    if (counted)
        wire_put_uint(writer, unreadable);
    else
        wire_put_nil(writer);
    put_pair_uint(writer, "damaged", store_damaged(core->store));
    wire_put_text(writer, "feeds");
    wire_put_array(writer, core->ring->config->revocation.feed_count);
    feeds_each(core->feeds, put_feed, writer);
}

/* The room for an issuer in the answer: its name and its file's, and the words around them. */
static size_t issuer_room(const struct core *core, unsigned index)
{
    struct remote_facts facts;
    const char *error = remotes_facts(&core->ring->entries[index], 0, &facts) ? facts.error : core->key_errors[index];
    char texts[2][GRANTED_WARNING_BYTES];
    size_t warnings = issuer_warnings(&core->ring->entries[index].issuer, texts) * (size_t)GRANTED_WARNING_BYTES;

    return warnings + core->ring->issuers[index]->names.list[0].bytes + strlen(core->ring->config->issuers[index].keys.name) +
           (error != NULL ? strlen(error) : 0) + 304;
}

void method_status(const struct request *request)
{
    const struct core *core = request->core;
    const struct policy *policy = core->ring->policy;
    size_t policy_room = policy != NULL ? strlen(policy->path) + (core->policy_error != NULL ? strlen(core->policy_error) : 0) + SHADOW_RULES_SHOWN * (POLICY_RULE_NAME_BYTES_MAX + 16) : 0;
    size_t room = 4096 + policy_room + (core->reload_error != NULL ? strlen(core->reload_error) : 0) +
                  strlen(core->ring->config->state_path) + readiness_room(core) +
                  core->ring->config->revocation.feed_count * FEED_ROOM + (core->ring->config->peers.count + 1) * PEER_ROOM;
    unsigned issuers = 0;

    if (!rpc_params(request, NULL, 0, false))
        return;
    for (; issuers < core->ring->count && room + issuer_room(core, issuers) < ANSWER_BYTES_MAX - 64; issuers++)
        room += issuer_room(core, issuers);
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, room);

    if (writer == NULL)
        return;
    double uptime = unix_now() - core->started;

    wire_put_map(writer, 14);
    put_pair_text(writer, "version", ASSAY_VERSION);
    put_pair_text(writer, "instance", core->instance);
    put_pair_uint(writer, "pid", (uint64_t)getpid());
    put_pair_uint(writer, "uptime", uptime > 0 ? (uint64_t)uptime : 0);
    wire_put_text(writer, "ready");
    wire_put_bool(writer, core->ready);
    wire_put_text(writer, "missing");
    readiness_put(writer, core);
    put_pair_text(writer, "reload_error", core->reload_error);
    put_issuers(writer, core, issuers);
    put_policy(writer, core);
    put_revocation(writer, core);
    put_cache(writer, request->verdicts);
    put_connections(writer, conn_door(request->conn));
    put_peers(writer, &core->ring->config->peers);
    put_counters(writer, &request->verdicts->counters);
    conn_answer_end(request->conn);
}
