/* `revocations`: how many are in force, of what kind and from which source; or whether a given one is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/pairs.h"
#include "agent/keys/keyring.h"
#include "agent/revocation/holders.h"
#include "agent/revocation/list.h"
#include "agent/revocation/record.h"
#include "agent/state/entries.h"
#include "agent/state/store.h"
#include "methods.h"

static void put_seconds(struct wire_writer *writer, const char *name, int64_t seconds)
{
    wire_put_text(writer, name);
    if (seconds == SECONDS_NONE)
        wire_put_nil(writer);
    else
        wire_put_int(writer, seconds);
}

/* Counts are stored under the spelling that a record used; answers name the issuer as it is configured now. */
struct row {
    char issuer_bytes[300];
    char kind[24];
    char source[SOURCE_NAME_BYTES];
    uint64_t count;
};

#define ROWS_MAX 100 /* what fits into an answer */

struct rows {
    const struct keyring *ring;
    const char *only; /* NULL: every issuer */
    unsigned count;
    uint64_t left_out;
    struct row row[ROWS_MAX];
};

static const char *configured_name(const struct keyring *ring, const char *spelling)
{
    const struct issuer *issuer = keyring_issuer(ring, (struct text){spelling, strlen(spelling)});

    return issuer != NULL ? issuer->names.list[0].at : spelling;
}

static int add_row(void *context, const struct slot *slot)
{
    struct rows *rows = context;
    const char *issuer = configured_name(rows->ring, slot->issuer), *kind = record_kind_name(slot->kind), *source = slot->source;

    if (rows->only != NULL && strcmp(rows->only, issuer) != 0)
        return 0;
    for (unsigned i = 0; i < rows->count; i++) {
        struct row *row = &rows->row[i];

        if (strcmp(row->issuer_bytes, issuer) == 0 && strcmp(row->kind, kind) == 0 && strcmp(row->source, source) == 0) {
            row->count += slot->count;
            return 0;
        }
    }
    if (rows->count == ROWS_MAX) {
        rows->left_out += slot->count;
        return 0;
    }
    struct row *row = &rows->row[rows->count++];

    snprintf(row->issuer_bytes, sizeof row->issuer_bytes, "%s", issuer);
    snprintf(row->kind, sizeof row->kind, "%s", kind);
    snprintf(row->source, sizeof row->source, "%s", source);
    row->count = slot->count;
    return 0;
}

static void answer_counts(const struct request *request, struct view *view, const char *only)
{
    struct rows *rows = calloc(1, sizeof *rows);

    if (rows != NULL) {
        rows->ring = request->core->ring;
        rows->only = only;
    }
    if (rows == NULL || slot_each(view, add_row, rows) < 0) {
        rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "the revocations could not be read; see the agent's log");
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
    struct word_held {
        char source[64];
        int64_t before, exp;
    } holder[ENTRIES_PER_KEY_MAX];
};

static void add_holder(void *context, const char *source, int64_t before, int64_t exp)
{
    struct holders *holders = context;
    struct word_held *holder = &holders->holder[holders->count];

    if (holders->count == ENTRIES_PER_KEY_MAX)
        return;
    snprintf(holder->source, sizeof holder->source, "%s", source);
    holder->before = before;
    holder->exp = exp;
    holders->count++;
}

/* Under every spelling of the issuer, because all spellings are one issuer. */
static int find_holders(const struct core *core, struct view *view, struct record record, struct holders *holders)
{
    const struct issuer *issuer = keyring_issuer(core->ring, record.issuer);

    for (unsigned i = 0; issuer != NULL && i < issuer->names.count; i++) {
        record.issuer = issuer->names.list[i];
        if (list_holders(core->hasher, view, &record, add_holder, holders) < 0)
            return -1;
    }
    return issuer != NULL ? 0 : -1;
}

static void answer_holders(const struct request *request, struct view *view, const struct record *record)
{
    struct holders holders = {.count = 0};

    if (find_holders(request->core, view, *record, &holders) < 0) {
        rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "the revocations could not be read; see the agent's log");
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
    char digits[RECORD_DIGITS_BYTES];
    bool all = false;
    const struct param params[] = {{"all", PARAM_BOOL, &all}};

    if (!rpc_params(request, params, 1, true))
        return;
    bool selects = has_selector(request->params);
    const char *why = record_read(request->params, false, digits, &record);

    if (all && record.kind == RECORD_NONE) {
        record.kind = RECORD_ISSUER;
        why = NULL;
    }
    if (selects && why != NULL) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "%s", why);
        return;
    }
    /* record_read leaves the record empty if it names nothing but an issuer. */
    for (uint32_t i = 0; i < request->params->size; i++) {
        struct text name;

        if (object_text(&request->params->ptr[i].key, &name) && text_is(name, "iss", 3))
            (void)object_text(&request->params->ptr[i].val, &record.issuer);
    }
    if ((selects || record.issuer.at != NULL) && !method_issuer(request, &record.issuer))
        return;
    struct view *view = store_view(request->core->store);

    if (view == NULL) {
        rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "the revocations could not be read; see the agent's log");
    } else if (selects) {
        answer_holders(request, view, &record);
    } else {
        char name[300];

        snprintf(name, sizeof name, "%.*s", (int)record.issuer.bytes, record.issuer.at != NULL ? record.issuer.at : "");
        answer_counts(request, view, record.issuer.at != NULL ? configured_name(request->core->ring, name) : NULL);
    }
}
