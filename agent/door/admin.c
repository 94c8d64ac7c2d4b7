/* What administrators ask: what stands on the revocation list, how the agent is, and that it read its configuration anew. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/observe/audit.h"
#include "agent/reload.h"
#include "door.h"
#include "methods.h"

static void put_pair_uint(struct wire_writer *writer, const char *name, uint64_t value)
{
    wire_put_text(writer, name);
    wire_put_uint(writer, value);
}

static void put_pair_text(struct wire_writer *writer, const char *name, const char *value)
{
    wire_put_text(writer, name);
    wire_put_text(writer, value);
}

static void put_seconds(struct wire_writer *writer, const char *name, int64_t seconds)
{
    wire_put_text(writer, name);
    if (seconds == SECONDS_NONE)
        wire_put_nil(writer);
    else
        wire_put_int(writer, seconds);
}

/* Counts are kept by the spelling that a record used; answers name the issuer as it is configured now. */
struct row {
    char issuer_bytes[300];
    char kind[24];
    char source[64];
    uint64_t count;
};

#define ROWS_MAX 256 /* what fits into an answer */

struct rows {
    const struct keyring *ring;
    const char *only; /* NULL: every issuer */
    unsigned count;
    uint64_t left_out;
    struct row row[ROWS_MAX];
};

static const char *configured_name(const struct keyring *ring, const char *spelling)
{
    for (unsigned i = 0; i < ring->count; i++) {
        if (texts_have(&ring->issuers[i]->names, spelling, strlen(spelling)))
            return ring->issuers[i]->names.list[0].at;
    }
    return spelling;
}

static void add_row(void *context, const char *spelling, const char *kind, const char *source, uint64_t count)
{
    struct rows *rows = context;
    const char *issuer = configured_name(rows->ring, spelling);

    if (rows->only != NULL && strcmp(rows->only, issuer) != 0)
        return;
    for (unsigned i = 0; i < rows->count; i++) {
        struct row *row = &rows->row[i];

        if (strcmp(row->issuer_bytes, issuer) == 0 && strcmp(row->kind, kind) == 0 && strcmp(row->source, source) == 0) {
            row->count += count;
            return;
        }
    }
    if (rows->count == ROWS_MAX) {
        rows->left_out += count;
        return;
    }
    struct row *row = &rows->row[rows->count++];

    snprintf(row->issuer_bytes, sizeof row->issuer_bytes, "%s", issuer);
    snprintf(row->kind, sizeof row->kind, "%s", kind);
    snprintf(row->source, sizeof row->source, "%s", source);
    row->count = count;
}

static void answer_counts(const struct request *request, struct view *view, const char *only)
{
    struct rows *rows = calloc(1, sizeof *rows);

    if (rows != NULL) {
        rows->ring = request->agent->ring;
        rows->only = only;
    }
    if (rows == NULL || list_tally(view, add_row, rows) < 0) {
        rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "the revocations could not be read; the agent's log says why");
        free(rows);
        return;
    }
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, 128 + rows->count * (sizeof(struct row) + 64));

    if (writer != NULL) {
        wire_put_map(writer, rows->left_out > 0 ? 2 : 1);
        wire_put_text(writer, "revocations");
        wire_put_array(writer, rows->count);
        for (unsigned i = 0; i < rows->count; i++) {
            wire_put_map(writer, 4);
            put_pair_text(writer, "issuer", rows->row[i].issuer_bytes);
            put_pair_text(writer, "kind", rows->row[i].kind);
            put_pair_text(writer, "source", rows->row[i].source);
            put_pair_uint(writer, "count", rows->row[i].count);
        }
        if (rows->left_out > 0)
            put_pair_uint(writer, "others", rows->left_out);
        conn_answer_end(request->conn);
    }
    free(rows);
}

struct holders {
    unsigned count;
    struct holder {
        char source[64];
        int64_t before, exp;
    } holder[REVOCATION_SOURCES_MAX];
};

static void add_holder(void *context, const char *source, int64_t before, int64_t exp)
{
    struct holders *holders = context;
    struct holder *holder = &holders->holder[holders->count];

    if (holders->count == REVOCATION_SOURCES_MAX)
        return;
    snprintf(holder->source, sizeof holder->source, "%s", source);
    holder->before = before;
    holder->exp = exp;
    holders->count++;
}

/* Under every spelling of the issuer: they are one. */
static int find_holders(const struct agent *agent, struct view *view, struct record record, struct holders *holders)
{
    for (unsigned i = 0; i < agent->ring->count; i++) {
        const struct texts *names = &agent->ring->issuers[i]->names;

        if (!texts_have(names, record.issuer.at, record.issuer.bytes))
            continue;
        for (unsigned k = 0; k < names->count; k++) {
            record.issuer = names->list[k];
            if (list_holders(agent->hasher, view, &record, add_holder, holders) < 0)
                return -1;
        }
        return 0;
    }
    return -1;
}

static void answer_holders(const struct request *request, struct view *view, const struct record *record)
{
    struct holders holders = {.count = 0};

    if (find_holders(request->agent, view, *record, &holders) < 0) {
        rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "the revocations could not be read; the agent's log says why");
        return;
    }
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, 64 + holders.count * 128);

    if (writer == NULL)
        return;
    wire_put_map(writer, 2);
    wire_put_text(writer, "revoked");
    wire_put_bool(writer, holders.count > 0);
    wire_put_text(writer, "held_by");
    wire_put_array(writer, holders.count);
    for (unsigned i = 0; i < holders.count; i++) {
        wire_put_map(writer, 3);
        put_pair_text(writer, "source", holders.holder[i].source);
        put_seconds(writer, "before", holders.holder[i].before);
        put_seconds(writer, "exp", holders.holder[i].exp);
    }
    conn_answer_end(request->conn);
}

/* Does the request name more than an issuer? */
static bool has_selector(const msgpack_object_map *map)
{
    struct text name;

    for (uint32_t i = 0; i < map->size; i++) {
        if (object_text(&map->ptr[i].key, &name) && !text_is(name, "iss", 3))
            return true;
    }
    return false;
}

void method_revocations(const struct request *request)
{
    struct record record = {.before = SECONDS_NONE, .exp = SECONDS_NONE};
    bool all = false;
    const struct param params[] = {{"all", PARAM_BOOL, &all}};

    if (!rpc_params(request, params, 1, true))
        return;
    bool selects = has_selector(request->params);
    const char *why = record_read(request->params, false, &record);

    if (all && record.kind == RECORD_NONE) {
        record.kind = RECORD_ISSUER;
        why = NULL;
    }
    if (selects && why != NULL) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "%s", why);
        return;
    }
    /* record_read leaves the record alone when it names nothing but an issuer. */
    for (uint32_t i = 0; i < request->params->size; i++) {
        struct text name;

        if (object_text(&request->params->ptr[i].key, &name) && text_is(name, "iss", 3))
            (void)object_text(&request->params->ptr[i].val, &record.issuer);
    }
    if ((selects || record.issuer.at != NULL) && !method_issuer(request, &record.issuer))
        return;
    struct view *view = store_view(request->agent->store);

    if (view == NULL) {
        rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "the revocations could not be read; the agent's log says why");
    } else if (selects) {
        answer_holders(request, view, &record);
    } else {
        char name[300];

        snprintf(name, sizeof name, "%.*s", (int)record.issuer.bytes, record.issuer.at != NULL ? record.issuer.at : "");
        answer_counts(request, view, record.issuer.at != NULL ? configured_name(request->agent->ring, name) : NULL);
    }
}

static void put_issuers(struct wire_writer *writer, const struct agent *agent, unsigned count)
{
    double now = agent_now();

    wire_put_text(writer, "issuers");
    wire_put_array(writer, count);
    for (unsigned i = 0; i < count; i++) {
        const struct keyring_entry *entry = &agent->ring->entries[i];

        wire_put_map(writer, 7);
        wire_put_text(writer, "issuer");
        wire_put_str(writer, entry->issuer.names.list[0].at, entry->issuer.names.list[0].bytes);
        put_pair_text(writer, "mode", entry->issuer.shadow ? "shadow" : "enforce");
        put_pair_text(writer, "source", agent->ring->config->issuers[i].key_file);
        put_pair_uint(writer, "keys", entry->keys->count);
        put_pair_uint(writer, "skipped", entry->keys->skipped);
        put_pair_uint(writer, "key_age", now > entry->loaded ? (uint64_t)(now - entry->loaded) : 0);
        put_pair_text(writer, "error", agent->key_errors[i]);
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
    put_pair_uint(writer, "open", door->facts.connections);
    put_pair_uint(writer, "accepted", door->facts.accepted);
    put_pair_uint(writer, "turned_away", door->facts.refused);
    put_pair_uint(writer, "requests", door->facts.requests);
    put_pair_uint(writer, "broken_off", door->facts.protocol_errors);
    put_pair_uint(writer, "timeouts", door->facts.timeouts);
    put_pair_uint(writer, "buffered_bytes", door->buffered);
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

static void put_counters(struct wire_writer *writer, const struct agent *agent)
{
    const struct counters *counters = &agent->counters;

    wire_put_text(writer, "counters");
    wire_put_map(writer, 7);
    put_pair_uint(writer, "accepted", counters->accepted);
    put_reasons(writer, "refused", counters->refused, REASON_NONE + 1);
    put_reasons(writer, "shadow", counters->shadow, REASON_NONE);
    put_pair_uint(writer, "undecided", counters->undecided);
    put_pair_uint(writer, "joined", counters->joined);
    put_pair_uint(writer, "revoke", counters->revokes);
    put_pair_uint(writer, "unrevoke", counters->unrevokes);
}

static void sum_tally(void *context, const char *issuer, const char *kind, const char *source, uint64_t count)
{
    (void)issuer;
    (void)kind;
    (void)source;
    *(uint64_t *)context += count;
}

static void put_revocation(struct wire_writer *writer, const struct agent *agent)
{
    struct view *view = store_view(agent->store);
    uint64_t records = 0;
    int status = view != NULL ? list_tally(view, sum_tally, &records) : -1;

    wire_put_text(writer, "revocation");
    wire_put_map(writer, 3);
    wire_put_text(writer, "records");
    if (status == 0)
        wire_put_uint(writer, records);
    else
        wire_put_nil(writer);
    put_pair_uint(writer, "commits", agent->revocation_generation - 1);
    put_pair_text(writer, "state", agent->ring->config->state_path);
}

/* What an issuer takes in the answer: its name and its file's, and the words around them. */
static size_t issuer_room(const struct agent *agent, unsigned index)
{
    const char *error = agent->key_errors[index];

    return agent->ring->issuers[index]->names.list[0].bytes + strlen(agent->ring->config->issuers[index].key_file) +
           (error != NULL ? strlen(error) : 0) + 160;
}

void method_status(const struct request *request)
{
    const struct agent *agent = request->agent;
    size_t room = 4096 + (agent->reload_error != NULL ? strlen(agent->reload_error) : 0) + strlen(agent->ring->config->state_path);
    unsigned issuers = 0;

    if (!rpc_params(request, NULL, 0, false))
        return;
    for (; issuers < agent->ring->count && room + issuer_room(agent, issuers) < ANSWER_BYTES_MAX - 64; issuers++)
        room += issuer_room(agent, issuers);
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, room);

    if (writer == NULL)
        return;
    double uptime = agent_now() - agent->started;

    wire_put_map(writer, 12);
    put_pair_text(writer, "version", ASSAY_VERSION);
    put_pair_text(writer, "instance", agent->instance);
    put_pair_uint(writer, "pid", (uint64_t)getpid());
    put_pair_uint(writer, "uptime", uptime > 0 ? (uint64_t)uptime : 0);
    wire_put_text(writer, "ready");
    wire_put_bool(writer, agent->ready);
    wire_put_text(writer, "missing");
    wire_put_array(writer, 0);
    put_pair_text(writer, "reload_error", agent->reload_error);
    put_issuers(writer, agent, issuers);
    put_revocation(writer, agent);
    put_cache(writer, agent);
    put_connections(writer, agent);
    put_counters(writer, agent);
    conn_answer_end(request->conn);
}

/* A reload request, while the files are read. */
struct reload_request {
    struct reload_waiter waiter;
    struct conn *conn;
    uint32_t msgid;
};

static void reloaded(struct reload_waiter *waiter, const struct faults *faults)
{
    struct reload_request *its = (struct reload_request *)waiter;
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
    free(its);
}

void method_reload(const struct request *request)
{
    if (!rpc_params(request, NULL, 0, false))
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
    reload_all(request->agent->reload, &its->waiter);
}
