#include "methods.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/feeds/feeds.h"
#include "agent/keys/keyring.h"
#include "agent/keys/remotes.h"
#include "agent/verdict/answer.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/cache.h"
#include "agent/verdict/decide.h"
#include "agent/verdict/readiness.h"
#include "agent/verdict/stamp.h"

const struct method methods[] = {
    {"verify", RIGHT_VERIFY, method_verify},
    {"authorize", RIGHT_AUTHORIZE, method_authorize},
    {"ping", RIGHT_PING, method_ping},
    {"hello", RIGHT_HELLO, method_hello},
    {"revoke", RIGHT_ADMIN, method_revoke},
    {"unrevoke", RIGHT_ADMIN, method_unrevoke},
    {"revocations", RIGHT_ADMIN, method_revocations},
    {"status", RIGHT_ADMIN, method_status},
    {"reload", RIGHT_ADMIN, method_reload},
    {0},
};

void method_ping(const struct request *request)
{
    const struct core *core = request->core;

    if (!rpc_params(request, NULL, 0, false))
        return;
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, 256 + readiness_room(core));

    if (writer == NULL)
        return;
    wire_put_map(writer, 4);
    wire_put_text(writer, "version");
    wire_put_text(writer, ASSAY_VERSION);
    wire_put_text(writer, "instance");
    wire_put_text(writer, core->instance);
    wire_put_text(writer, "ready");
    wire_put_bool(writer, core->ready);
    wire_put_text(writer, "missing");
    readiness_put(writer, core);
    conn_answer_end(request->conn);
}

/* Whole seconds since then. */
static uint64_t age(struct verdicts *verdicts, double since)
{
    double seconds = core_turn_now(verdicts->core) - since;

    return seconds > 0 ? (uint64_t)seconds : 0;
}

static void answer_yes(struct verdicts *verdicts, struct conn *conn, uint32_t msgid, const struct decision *decision, bool stamped)
{
    const struct token *token = decision->token;
    const struct entry *entry = decision->entry;
    struct wire_writer *writer = rpc_result(conn, msgid, answer_head_room(token) + 16 + ANSWER_TAIL_ROOM + AUDIT_ID_ROOM + (stamped ? STAMP_ROOM : 0));
    struct stamp stamp;

    if (writer == NULL)
        return;
    uint8_t *map = writer->at;

    if (entry != NULL)
        wire_put_raw(writer, entry->answer, entry->answer_bytes);
    else
        answer_put_head(writer, token);
    wire_put_uint(writer, age(verdicts, remotes_confirmed(decision->issuer)));
    answer_put_tail(writer, token, feeds_age(verdicts->core->feeds, token->issuer));
    audit_put_id(writer, verdicts);
    if (stamped && peer_page_refusal(conn_peer(conn)) == NULL && stamp_make(verdicts->core, token, decision->grounds, &stamp)) {
        stamp_put(writer, verdicts->core, &stamp);
        ++*map; /* one more pair: the count is in its low bits */
    }
    conn_answer_end(conn);
}

static void answer_no(struct verdicts *verdicts, struct conn *conn, uint32_t msgid, enum reason reason)
{
    struct wire_writer *writer = rpc_result(conn, msgid, 96 + AUDIT_ID_ROOM);

    if (writer == NULL)
        return;
    wire_put_map(writer, 3);
    wire_put_text(writer, "active");
    wire_put_bool(writer, false);
    wire_put_text(writer, "reason");
    wire_put_text(writer, reason_name(reason));
    audit_put_id(writer, verdicts);
    conn_answer_end(conn);
}

static void answer_verify(struct verdicts *verdicts, struct conn *conn, uint32_t msgid, const struct decision *decision, bool stamped)
{
    struct audited about = {.peer = conn_peer(conn), .method = "verify"};

    audit_begin(verdicts);
    audit_decision(verdicts, &about, decision);
    if (decision->outcome == OUTCOME_ACCEPTED && decision->issuer != NULL)
        answer_yes(verdicts, conn, msgid, decision, stamped);
    else if (decision->outcome == OUTCOME_REFUSED)
        answer_no(verdicts, conn, msgid, decision->token->reason);
    else
        rpc_undecided(conn, msgid, decision->doubt, decision->why);
}

/* A verify request that waits for a signature check. */
struct verify_waiter {
    struct waiter waiter;
    struct verdicts *verdicts;
    struct conn *conn;
    uint32_t msgid;
    bool stamped;
    char audience[];
};

static void verify_decided(struct waiter *waiter, const struct decision *decision)
{
    struct verify_waiter *its = (struct verify_waiter *)waiter;

    if (conn_release(its->conn))
        answer_verify(its->verdicts, its->conn, its->msgid, decision, its->stamped);
    free(its);
}

void method_wait(const struct request *request, const struct pending *pending, struct waiter *waiter)
{
    if (waiter == NULL || !conn_hold(request->conn)) {
        free(waiter);
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "this user has too many requests under way; try again");
        return;
    }
    waiter->line = conn_line(request->conn);
    waiter->bounds = waiter->signature_only ? peer_admin_bounds(conn_peer(request->conn)) : &conn_peer(request->conn)->bounds;
    if (decide_later(request->verdicts, pending, waiter) == 0)
        return;
    free(waiter);
    if (conn_release(request->conn))
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "too many signature checks are queued; try again");
}

static void verify_later(const struct request *request, const struct pending *pending, struct text audience, bool stamped)
{
    struct verify_waiter *its = calloc(1, sizeof *its + audience.bytes + 1);

    if (its != NULL) {
        if (audience.at != NULL) {
            memcpy(its->audience, audience.at, audience.bytes);
            its->waiter.audience = its->audience;
            its->waiter.audience_bytes = audience.bytes;
        }
        its->waiter.decided = verify_decided;
        its->verdicts = request->verdicts;
        its->conn = request->conn;
        its->msgid = request->msgid;
        its->stamped = stamped;
    }
    method_wait(request, pending, its != NULL ? &its->waiter : NULL);
}

void verify(const struct request *request, struct text token, struct text audience, bool stamped)
{
    struct decision decision;
    struct pending pending;

    if (decide_now(request->verdicts, token, audience, &conn_peer(request->conn)->bounds, false, &decision, &pending))
        answer_verify(request->verdicts, request->conn, request->msgid, &decision, stamped);
    else
        verify_later(request, &pending, audience, stamped);
}

void method_verify(const struct request *request)
{
    struct text token = {NULL, 0}, audience = {NULL, 0};
    bool stamped = false;
    const struct param params[] = {
        {"token", PARAM_TEXT, &token},
        {"audience", PARAM_TEXT, &audience},
        {"stamp", PARAM_BOOL, &stamped},
    };

    if (!rpc_params(request, params, 3, false))
        return;
    if (token.at == NULL)
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "`token` is missing");
    else
        verify(request, token, audience, stamped);
}

bool method_issuer(const struct request *request, struct text *issuer)
{
    const struct config *config = request->core->ring->config;
    char name[256];

    if (issuer->at == NULL && config->issuer_count == 1)
        *issuer = config->issuers[0].rules.names.list[0];
    if (issuer->at == NULL) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "`iss` is missing; it is needed because %u issuers are configured",
                  config->issuer_count);
        return false;
    }
    const struct issuer *found = keyring_issuer(request->core->ring, *issuer);

    if (found != NULL && bounds_have_issuer(peer_admin_bounds(conn_peer(request->conn)), found))
        return true;
    if (found != NULL) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "this peer's `issuers` do not include that issuer");
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)issuer->bytes, issuer->at);
    const char *nearest = config_nearest_issuer(config, name);

    rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "that issuer is not configured%s%s%s",
              nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
    return false;
}
