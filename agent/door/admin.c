/* What administrators ask beside revocations: how the agent is, and that it reads its configuration anew. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/earlier.h"
#include "agent/refresh.h"
#include "agent/reload.h"
#include "answers.h"
#include "door.h"
#include "agent/clock.h"
#include "agent/keys/remotes.h"
#include "agent/observe/log.h"
#include "agent/policy/granted.h"
#include "agent/revocation/batch.h"
#include "agent/revocation/feeds.h"
#include "agent/revocation/unreadable.h"
#include "methods.h"

#define SHADOW_RULES_SHOWN 64

/* How long ago somebody looked, and found that what is in force is what its source says. */
static void put_confirmed(struct wire_writer *writer, double confirmed, double now)
{
    wire_put_text(writer, "confirmed");
    if (confirmed > 0)
        wire_put_uint(writer, now > confirmed ? (uint64_t)(now - confirmed) : 0);
    else
        wire_put_nil(writer);
}

/* Of keys that come from a file only what is wrong with it changes. */
static void put_keys(struct wire_writer *writer, const struct agent *agent, unsigned index, double now)
{
    const struct keyring_entry *entry = &agent->ring->entries[index];
    struct remote_facts facts = {.state = "fresh", .error = agent->key_errors[index]};
    bool remote = remotes_facts(entry, now, &facts);
    double since = remotes_confirmed(entry);

    put_confirmed(writer, remote ? since : refresh_keys_confirmed(agent->refresh, index), now);
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

static void put_issuers(struct wire_writer *writer, const struct agent *agent, unsigned count)
{
    double now = agent_now();

    wire_put_text(writer, "issuers");
    wire_put_array(writer, count);
    for (unsigned i = 0; i < count; i++) {
        const struct issuer *issuer = &agent->ring->entries[i].issuer;

        wire_put_map(writer, 14);
        wire_put_text(writer, "issuer");
        wire_put_str(writer, issuer->names.list[0].at, issuer->names.list[0].bytes);
        put_pair_text(writer, "mode", issuer->shadow ? "shadow" : "enforce");
        put_pair_text(writer, "source", agent->ring->config->issuers[i].keys.name);
        put_keys(writer, agent, i, now);
        put_issuer_warnings(writer, issuer);
    }
}

static void put_cache(struct wire_writer *writer, const struct agent *agent)
{
    struct cache_facts facts = cache_facts(agent->cache);

    wire_put_text(writer, "cache");
    wire_put_map(writer, 6);
    put_pair_uint(writer, "entries", facts.entries);
    put_pair_uint(writer, "bytes", facts.bytes);
    put_pair_uint(writer, "size", facts.bytes_max);
    put_pair_uint(writer, "hits", facts.hits);
    put_pair_uint(writer, "misses", facts.misses);
    put_pair_uint(writer, "evictions", facts.evictions);
}

static void put_connections(struct wire_writer *writer, const struct agent *agent)
{
    const struct door *door = agent->door;

    wire_put_text(writer, "connections");
    wire_put_map(writer, 7);
    put_pair_uint(writer, "open", door->accounts.connections);
    put_pair_uint(writer, "accepted", door->facts.accepted);
    put_pair_uint(writer, "turned_away", door->facts.refused);
    put_pair_uint(writer, "requests", door->facts.requests);
    put_pair_uint(writer, "broken_off", door->facts.protocol_errors);
    put_pair_uint(writer, "timeouts", door->facts.timeouts);
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

/* The last one has no name: those who are none of them. */
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

/* Rules that decide nothing yet, and how often each would have applied. */
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

static void put_policy(struct wire_writer *writer, const struct agent *agent)
{
    const struct policy *policy = agent->ring->policy;

    wire_put_text(writer, "policy");
    if (policy == NULL) {
        wire_put_nil(writer);
        return;
    }
    wire_put_map(writer, 6);
    put_pair_text(writer, "file", policy->path);
    put_confirmed(writer, refresh_policy_confirmed(agent->refresh), agent_now());
    put_pair_text(writer, "error", agent->policy_error);
    put_pair_uint(writer, "rules", policy->rule_count);
    put_pair_uint(writer, "warnings", policy->warnings.count);
    put_shadow_rules(writer, policy);
}

static void put_counters(struct wire_writer *writer, const struct agent *agent)
{
    const struct counters *counters = &agent->counters;

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
    put_confirmed(writer, facts->confirmed, agent_now());
    put_pair_uint(writer, "lines", facts->lines);
    put_pair_uint(writer, "records", facts->records);
    put_pair_uint(writer, "unreadable", facts->unreadable);
    put_pair_uint(writer, "excluded", facts->excluded);
    put_pair_uint(writer, "gaps", facts->gaps);
}

static void put_revocation(struct wire_writer *writer, const struct agent *agent)
{
    struct view *view = store_view(agent->store);
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
    put_pair_uint(writer, "commits", agent->commits - 1);
    put_pair_text(writer, "state", agent->ring->config->state_path);
    wire_put_text(writer, "unreadable_kept");
    if (counted)
        wire_put_uint(writer, unreadable);
    else
        wire_put_nil(writer);
    put_pair_uint(writer, "damaged", store_damaged(agent->store));
    wire_put_text(writer, "feeds");
    wire_put_array(writer, agent->ring->config->revocation.feed_count);
    feeds_each(agent->feeds, put_feed, writer);
}

/* What an issuer takes in the answer: its name and its file's, and the words around them. */
static size_t issuer_room(const struct agent *agent, unsigned index)
{
    struct remote_facts facts;
    const char *error = remotes_facts(&agent->ring->entries[index], 0, &facts) ? facts.error : agent->key_errors[index];
    char texts[2][GRANTED_WARNING_BYTES];
    size_t warnings = issuer_warnings(&agent->ring->entries[index].issuer, texts) * (size_t)GRANTED_WARNING_BYTES;

    return warnings + agent->ring->issuers[index]->names.list[0].bytes + strlen(agent->ring->config->issuers[index].keys.name) +
           (error != NULL ? strlen(error) : 0) + 304;
}

void method_status(const struct request *request)
{
    const struct agent *agent = request->agent;
    const struct policy *policy = agent->ring->policy;
    size_t policy_room = policy != NULL ? strlen(policy->path) + (agent->policy_error != NULL ? strlen(agent->policy_error) : 0) + SHADOW_RULES_SHOWN * (POLICY_RULE_NAME_BYTES_MAX + 16) : 0;
    size_t room = 4096 + policy_room + (agent->reload_error != NULL ? strlen(agent->reload_error) : 0) +
                  strlen(agent->ring->config->state_path) + answer_missing_room(agent) +
                  agent->ring->config->revocation.feed_count * FEED_ROOM + (agent->ring->config->peers.count + 1) * PEER_ROOM;
    unsigned issuers = 0;

    if (!rpc_params(request, NULL, 0, false))
        return;
    for (; issuers < agent->ring->count && room + issuer_room(agent, issuers) < ANSWER_BYTES_MAX - 64; issuers++)
        room += issuer_room(agent, issuers);
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, room);

    if (writer == NULL)
        return;
    double uptime = agent_now() - agent->started;

    wire_put_map(writer, 14);
    put_pair_text(writer, "version", ASSAY_VERSION);
    put_pair_text(writer, "instance", agent->instance);
    put_pair_uint(writer, "pid", (uint64_t)getpid());
    put_pair_uint(writer, "uptime", uptime > 0 ? (uint64_t)uptime : 0);
    wire_put_text(writer, "ready");
    wire_put_bool(writer, agent->ready);
    wire_put_text(writer, "missing");
    answer_put_missing(writer, agent);
    put_pair_text(writer, "reload_error", agent->reload_error);
    put_issuers(writer, agent, issuers);
    put_policy(writer, agent);
    put_revocation(writer, agent);
    put_cache(writer, agent);
    put_connections(writer, agent);
    put_peers(writer, &agent->ring->config->peers);
    put_counters(writer, agent);
    conn_answer_end(request->conn);
}

/* A reload request, while the files are read. */
struct reload_request {
    struct reload_waiter waiter;
    struct held held;
    struct faults faults; /* what was wrong, as long as the answer is held back */
    struct agent *agent;
    struct conn *conn;
    uint32_t msgid;
};

static void answer_reload(struct held *held)
{
    struct reload_request *its = (struct reload_request *)((char *)held - offsetof(struct reload_request, held));
    const struct faults *faults = &its->faults;
    size_t room = 64;

    if (conn_release(its->conn)) {
        unsigned told = 0;

        for (; told < faults->count && room + strlen(faults->text[told]) + 8 < ANSWER_BYTES_MAX - 64; told++)
            room += strlen(faults->text[told]) + 8;
        struct wire_writer *writer = rpc_result(its->conn, its->msgid, room);

        if (writer != NULL) {
            wire_put_map(writer, 2);
            wire_put_text(writer, "reloaded");
            wire_put_bool(writer, faults->count == 0);
            wire_put_text(writer, "faults");
            wire_put_array(writer, told);
            for (unsigned i = 0; i < told; i++)
                wire_put_text(writer, faults->text[i]);
            conn_answer_end(its->conn);
        }
    }
    faults_clear(&its->faults);
    free(its);
}

static void reloaded(struct reload_waiter *waiter, const struct faults *faults)
{
    struct reload_request *its = (struct reload_request *)waiter;

    faults_copy(faults, &its->faults);
    its->held.answer = answer_reload;
    earlier_hold(its->agent->earlier, &its->held);
}

/* The clock is written down first: what the reload says then is the last word. */
static void clock_accepted(void *context, int status)
{
    struct reload_request *its = context;

    if (status == 0) {
        log_warning("an operator has accepted the clock");
        reload_all(its->agent->reload, &its->waiter);
        return;
    }
    if (conn_release(its->conn))
        rpc_error(its->conn, its->msgid, ERROR_INTERNAL, "the clock could not be accepted: the store cannot be written");
    free(its);
}

void method_reload(const struct request *request)
{
    bool accept_clock = false;
    const struct param params[] = {{"accept_clock", PARAM_BOOL, &accept_clock}};

    if (!rpc_params(request, params, 1, false))
        return;
    struct reload_request *its = calloc(1, sizeof *its);

    if (its == NULL || !conn_hold(request->conn)) {
        free(its);
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "too many requests of this user are under way");
        return;
    }
    its->waiter.reloaded = reloaded;
    its->conn = request->conn;
    its->msgid = request->msgid;
    its->agent = request->agent;
    if (!accept_clock)
        reload_all(request->agent->reload, &its->waiter);
    else if (clock_accept(request->agent, clock_accepted, its) < 0)
        clock_accepted(its, -1);
}
