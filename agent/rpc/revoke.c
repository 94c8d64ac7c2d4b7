/* `revoke` and `unrevoke`: from a record, or from a token whose signature is good, to a write job and its answer. The answer is sent when the
   change is on the disk, and when every later decision is certain to see it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/hex.h"
#include "agent/fastpath/previous_run.h"
#include "agent/fastpath/shared_page.h"
#include "agent/keys/keyring.h"
#include "agent/revocation/list.h"
#include "agent/revocation/record.h"
#include "agent/revocation/record_thing.h"
#include "agent/state/entries.h"
#include "agent/state/store.h"
#include "agent/state/writer.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/decide.h"
#include "methods.h"

struct change {
    struct job job; /* first: a job is its change */
    struct held held;
    struct core *core;
    struct verdicts *verdicts;
    struct keyring *ring; /* in force at that time: its issuers' spellings */
    struct conn *conn;
    struct peer peer;
    uint32_t msgid;
    bool undo, all_sources;
    struct record record; /* points into `text` */
    char holders[ENTRIES_PER_KEY_MAX][64];
    unsigned holder_count;
    char text[];
};

static void change_free(struct change *change)
{
    if (change == NULL)
        return;
    keyring_drop(change->ring);
    free(change);
}

static void note_holder(void *context, const char *source, int64_t before, int64_t exp)
{
    struct change *change = context;

    (void)before;
    (void)exp;
    for (unsigned i = 0; i < change->holder_count; i++) {
        if (strncmp(change->holders[i], source, sizeof *change->holders - 1) == 0)
            return;
    }
    if (change->holder_count < ENTRIES_PER_KEY_MAX)
        snprintf(change->holders[change->holder_count++], sizeof *change->holders, "%s", source);
}

/* All spellings are one issuer: the revocation may have been made under another spelling than the one in this request. */
static int run_undo(struct change *change, struct hasher *hasher, struct view *view)
{
    const struct issuer *issuer = keyring_issuer(change->ring, change->record.issuer);
    struct record record = change->record;

    if (list_undo(hasher, view, &record, &issuer->names, change->all_sources ? NULL : SOURCE_OPERATORS) < 0)
        return -1;
    for (unsigned i = 0; i < issuer->names.count; i++) {
        record.issuer = issuer->names.list[i];
        if (list_holders(hasher, view, &record, note_holder, change) < 0)
            return -1;
    }
    return 0;
}

static int run_change(struct job *job, struct view *view)
{
    struct change *change = (struct change *)job;
    struct hasher *hasher = hasher_new(); /* the loop's hasher belongs to another thread */
    int status = -1;

    change->holder_count = 0; /* a job may run again */
    if (hasher == NULL)
        return -1;
    if (change->undo) {
        status = run_undo(change, hasher, view);
    } else {
        status = list_apply(hasher, view, &change->record, SOURCE_OPERATORS);
        if (status == 0 && change->record.kind == RECORD_KID) /* so that no key that has it now escapes under a new kid */
            status = list_cover(hasher, view, change->ring);
    }
    hasher_free(hasher);
    return status;
}

static void answer_change(const struct change *change)
{
    struct wire_writer *writer = rpc_result(change->conn, change->msgid, 64 + change->holder_count * sizeof *change->holders);

    if (writer == NULL)
        return;
    wire_put_map(writer, change->undo ? 1 : 0);
    if (change->undo) {
        wire_put_text(writer, "held_by");
        wire_put_array(writer, change->holder_count);
        for (unsigned i = 0; i < change->holder_count; i++)
            wire_put_text(writer, change->holders[i]);
    }
    conn_answer_end(change->conn);
}

static void answer_now(struct held *held)
{
    struct change *change = (struct change *)((char *)held - offsetof(struct change, held));

    if (conn_release(change->conn)) {
        if (change->job.status < 0)
            rpc_error(change->conn, change->msgid, ERROR_INTERNAL,
                      "the change could not be written to the disk and has no effect (is the disk full?); see the agent's log");
        else
            answer_change(change);
    }
    change_free(change);
}

/* The configuration may have been replaced meanwhile, and the issuer may have another first name: cached results rest on the configuration in
   force, because those of the old one have ended with it. */
static void tell_board(const struct change *change)
{
    struct core *core = change->core;
    const struct issuer *issuer = keyring_issuer(core->ring, change->record.issuer);

    shared_page_bump(core->shared, record_thing(core->shared, change->record.kind,
                                         issuer != NULL ? issuer->names.list[0] : change->record.issuer, change->record.name));
}

static void change_done(struct job *job, int status)
{
    struct change *change = (struct change *)job;
    struct counters *counters = &change->verdicts->counters;

    tell_board(change);
    ++*(change->undo ? &counters->unrevokes : &counters->revokes);
    audit_change(&change->peer, status < 0 ? "a change of the revocations could not be written" : change->undo ? "unrevoked" : "revoked",
                 record_kind_name(change->record.kind), change->record.issuer);
    change->held.answer = answer_now;
    previous_run_hold(change->core->previous_run, &change->held);
}

static struct change *change_new(const struct request *request, const struct record *record, bool undo, bool all_sources)
{
    size_t issuer = record->issuer.bytes, name = record->name.bytes;
    struct change *change = malloc(sizeof *change + issuer + name);

    if (change == NULL)
        return NULL;
    memset(change, 0, sizeof *change);
    change->job.run = run_change;
    change->job.done = change_done;
    change->job.tells = true;
    change->core = request->core;
    change->verdicts = request->verdicts;
    change->ring = keyring_hold(request->core->ring);
    change->conn = request->conn;
    change->peer = *conn_peer(request->conn);
    change->msgid = request->msgid;
    change->undo = undo;
    change->all_sources = all_sources;
    change->record = *record;
    memcpy(change->text, record->issuer.at, issuer);
    if (name > 0)
        memcpy(change->text + issuer, record->name.at, name);
    change->record.issuer.at = change->text;
    change->record.name.at = change->text + issuer;
    return change;
}

/* `held`: the request has been held already. */
static void submit(const struct request *request, const struct record *record, bool undo, bool all_sources, bool held)
{
    struct change *change = change_new(request, record, undo, all_sources);

    if (change != NULL && !held && !conn_hold(request->conn)) {
        change_free(change);
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "this user has too many requests under way; try again");
        return;
    }
    if (change != NULL && writer_submit(request->core->writer, &change->job) == 0)
        return;
    bool release = held || change != NULL;

    change_free(change);
    if (!release || conn_release(request->conn))
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "too many changes wait for the disk; try again");
}

/* A change by token, while its signature is checked. */
struct by_token {
    struct waiter waiter;
    struct request request;
    bool undo, all_sources;
    int64_t exp;
};

static int record_of_token(struct core *core, const struct token *token, int64_t exp, char hex[65], struct record *record)
{
    struct wire_item item = claim_item(&token->claims, CLAIM_EXP);
    uint8_t digest[32];
    double ends;

    if (hash_input(core->hasher, token, digest) < 0)
        return -1;
    hex_encode(digest, sizeof digest, hex);
    *record = (struct record){RECORD_SIGNING_INPUT, token->issuer->names.list[0], {hex, 64}, SECONDS_NONE, exp, false};
    if (exp == SECONDS_NONE && item_number(&item, &ends) && ends >= 0 && ends < 9007199254740992.0)
        record->exp = (int64_t)(ends + token->issuer->leeway) + 1;
    return 0;
}

static void change_by_token(struct by_token *its, const struct decision *decision, bool held)
{
    struct request *request = &its->request;
    struct record record;
    char hex[65];

    if (decision->outcome == OUTCOME_ACCEPTED && decision->issuer != NULL &&
        record_of_token(request->core, decision->token, its->exp, hex, &record) == 0) {
        submit(request, &record, its->undo, its->all_sources, held);
        return;
    }
    if (held && !conn_release(request->conn))
        return;
    if (decision->outcome == OUTCOME_REFUSED)
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "the token was not verified: %s",
                  reason_name(decision->token->reason));
    else
        rpc_error(request->conn, request->msgid, ERROR_INTERNAL, "the token's signature could not be checked");
}

static void token_decided(struct waiter *waiter, const struct decision *decision)
{
    change_by_token((struct by_token *)waiter, decision, true);
    free(waiter);
}

static void start_by_token(const struct request *request, struct text token, bool undo, bool all_sources, int64_t exp)
{
    struct by_token its = {.waiter = {.signature_only = true, .decided = token_decided}, .request = *request, .undo = undo,
                           .all_sources = all_sources, .exp = exp};
    struct decision decision;
    struct pending pending;

    if (decide_now(request->verdicts, token, (struct text){NULL, 0}, peer_admin_bounds(conn_peer(request->conn)), true, &decision, &pending)) {
        change_by_token(&its, &decision, false);
        return;
    }
    struct by_token *kept = malloc(sizeof *kept);

    if (kept != NULL)
        *kept = its;
    method_wait(request, &pending, kept != NULL ? &kept->waiter : NULL);
}

static void change(const struct request *request, bool undo)
{
    struct text token = {NULL, 0};
    bool all_sources = false;
    const struct param params[] = {{"token", PARAM_TEXT, &token}, {"all_sources", PARAM_BOOL, &all_sources}};
    struct record record;
    char digits[RECORD_DIGITS_BYTES];

    if (!rpc_params(request, params, undo ? 2 : 1, true))
        return;
    const char *why = record_read(request->params, false, digits, &record);

    if (token.at != NULL) {
        /* With a token only `exp` has a meaning. */
        struct text name;
        int64_t exp = SECONDS_NONE;

        for (uint32_t i = 0; i < request->params->size; i++) {
            const msgpack_object *value = &request->params->ptr[i].val;

            if (!object_text(&request->params->ptr[i].key, &name) || text_is(name, "token", 5) || text_is(name, "all_sources", 11) ||
                value->type == MSGPACK_OBJECT_NIL)
                continue;
            if (!text_is(name, "exp", 3) || !object_seconds(value, &exp)) {
                rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "with `token` only `exp` is allowed, in whole seconds");
                return;
            }
        }
        start_by_token(request, token, undo, all_sources, exp);
        return;
    }
    if (why != NULL) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "%s", why);
        return;
    }
    if (!method_issuer(request, &record.issuer))
        return;
    const struct issuer *issuer = keyring_issuer(request->core->ring, record.issuer);

    if (!undo && record.kind == RECORD_SUB && record.before == SECONDS_NONE)
        record.before = (int64_t)ceil(unix_now() + issuer->leeway); /* its issuer's clock may be ahead by that much, and its tokens are accepted */
    record_set_exp(&record, unix_now(), issuer->lifetime_max > 0 ? issuer->lifetime_max + issuer->leeway : 0);
    submit(request, &record, undo, all_sources, false);
}

void method_revoke(const struct request *request)
{
    change(request, false);
}

void method_unrevoke(const struct request *request)
{
    change(request, true);
}
