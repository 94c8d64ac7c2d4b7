/* `authorize`: judges the token as `verify` does, then asks the policy. A token that is not accepted counts as no token. */
#include <stdlib.h>
#include <string.h>

#include "agent/keys/keyring.h"
#include "agent/policy/decision.h"
#include "agent/revocation/record.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/cache.h"
#include "agent/verdict/decide.h"
#include "agent/verdict/permission.h"
#include "agent/verdict/stamp.h"
#include "common_request.h"
#include "methods.h"

/* One question, or several. */
struct checks_asked {
    unsigned count;
    bool single; /* asked without `checks` */
    bool stamped; /* a stamp is asked for; only one question can have one */
    bool claims;  /* those of an accepted token are asked for */
    bool at_once; /* all of it is to be answered in one go */
    struct text audience;
    struct check_pair *pairs;
};

/* A request that waits for its token's signature. Its texts follow it. */
struct authorize_waiter {
    struct waiter waiter;
    struct verdicts *verdicts;
    struct conn *conn;
    uint32_t msgid;
    struct checks_asked asked;
    struct check_pair pairs[];
};

static void put_name_and_text(struct wire_writer *writer, const char *name, const char *text)
{
    wire_put_text(writer, name);
    wire_put_text(writer, text);
}

#define RULING_ROOM (48 + 32 + POLICY_RULE_NAME_BYTES_MAX) /* its four names, a reason, a rule's name */

static void put_ruling(struct wire_writer *writer, const struct ruling *ruling)
{
    static const uint8_t yes[] = "\xa5" "allow\xc3\xa6status\xcc\xc8\xa6reason\xc0\xa4rule"; /* true, 200, nil: always the same bytes */

    if (ruling->allow) {
        wire_put_raw(writer, yes, sizeof yes - 1);
        wire_put_text(writer, ruling->rule->name);
        return;
    }
    wire_put_text(writer, "allow");
    wire_put_bool(writer, ruling->allow);
    wire_put_text(writer, "status");
    wire_put_uint(writer, ruling->status);
    put_name_and_text(writer, "reason", ruling->allow ? NULL : reason_name(ruling->reason));
    put_name_and_text(writer, "rule", ruling->rule != NULL ? ruling->rule->name : NULL);
}

/* Writes one ruling. Returns whether it allows. */
static bool put_check(struct wire_writer *writer, struct verdicts *verdicts, const struct audited *about, const struct asker *asker,
                      const struct check_pair *pair)
{
    struct ruling ruling = permission_of(verdicts, about, asker, pair);

    put_ruling(writer, &ruling);
    return ruling.allow;
}

static size_t rest_room(const struct checks_asked *asked, const struct asker *asker)
{
    return permission_holder_room(asker) + (asked->claims && asker->good != NULL ? asker->good->claims.bytes : 0) + 16;
}

/* What the token says, behind the decisions. */
static void put_rest(struct wire_writer *writer, const struct checks_asked *asked, const struct asker *asker)
{
    permission_put_holder(writer, asker);
    if (!asked->claims)
        return;
    wire_put_text(writer, "claims");
    if (asker->good != NULL)
        wire_put_raw(writer, asker->good->claims.wire, asker->good->claims.bytes);
    else
        wire_put_nil(writer);
}

/* The map's head, and before several decisions their number. */
static void put_beginning(struct wire_writer *writer, const struct checks_asked *asked)
{
    wire_put_map(writer, (asked->single ? 4U : 1U) + PERMISSION_HOLDER_PAIRS + asked->claims + 1); /* and the decision's id */
    if (asked->single)
        return;
    wire_put_text(writer, "decisions");
    wire_put_array(writer, asked->count);
}

static bool answer_in_pieces(struct verdicts *verdicts, struct conn *conn, uint32_t msgid, const struct checks_asked *asked, const struct asker *asker);

/* `decision` NULL: the request has no token. */
static void answer(struct verdicts *verdicts, struct conn *conn, uint32_t msgid, const struct checks_asked *asked,
                   const struct decision *decision)
{
    struct asker asker = asker_of(decision);
    const struct token *token = asker.token, *good = asker.good;
    struct stamp stamp;
    struct audited about = {.peer = conn_peer(conn), .method = "authorize"};
    bool all_allowed = true;

    audit_begin(verdicts);
    if (asker.undecided) {
        audit_decision(verdicts, &about, decision);
        rpc_undecided(conn, msgid, decision->doubt, decision->why);
        return;
    }
    permission_prepare(verdicts, &asker);
    size_t room = rest_room(asked, &asker) + asked->count * (size_t)RULING_ROOM + STAMP_ROOM + AUDIT_ID_ROOM;

    if (room > ANSWER_BYTES_MAX) {
        rpc_error(conn, msgid, ERROR_BAD_REQUEST, "the answer does not fit into one message; ask for fewer checks at once, or without claims");
        return;
    }
    if (answer_in_pieces(verdicts, conn, msgid, asked, &asker))
        return;
    struct wire_writer *writer = rpc_result(conn, msgid, room);

    if (writer == NULL)
        return;
    uint8_t *map = writer->at;

    put_beginning(writer, asked);
    for (unsigned i = 0; i < asked->count; i++) {
        if (!asked->single)
            wire_put_map(writer, 4);
        all_allowed = put_check(writer, verdicts, &about, &asker, &asked->pairs[i]) && all_allowed;
    }
    put_rest(writer, asked, &asker);
    audit_put_id(writer, verdicts);
    if (asked->stamped && asked->single && all_allowed && (token == NULL || good != NULL) &&
        peer_page_refusal(conn_peer(conn)) == NULL && stamp_make(verdicts->core, token, decision != NULL ? decision->grounds : NULL, &stamp)) {
        stamp_put(writer, verdicts->core, &stamp);
        ++*map;
    }
    conn_answer_end(conn);
}

static void decided(struct waiter *waiter, const struct decision *decision)
{
    struct authorize_waiter *its = (struct authorize_waiter *)waiter;

    if (conn_release(its->conn))
        answer(its->verdicts, its->conn, its->msgid, &its->asked, decision);
    free(its);
}

static struct text copy_text(char **at, struct text text)
{
    struct text copy = {text.at != NULL ? *at : NULL, text.bytes};

    if (text.bytes > 0)
        memcpy(*at, text.at, text.bytes);
    *at += text.bytes;
    return copy;
}

static size_t texts_of(const struct checks_asked *asked)
{
    size_t bytes = asked->audience.bytes + 1;

    for (unsigned i = 0; i < asked->count; i++)
        bytes += asked->pairs[i].action.bytes + asked->pairs[i].resource.bytes;
    return bytes;
}

static struct checks_asked copy_asked(const struct checks_asked *asked, struct check_pair *pairs, char **at)
{
    struct checks_asked copy = *asked;

    copy.pairs = pairs;
    for (unsigned i = 0; i < asked->count; i++)
        pairs[i] = (struct check_pair){copy_text(at, asked->pairs[i].action), copy_text(at, asked->pairs[i].resource)};
    copy.audience = copy_text(at, asked->audience);
    return copy;
}

static struct authorize_waiter *waiter_new(const struct request *request, const struct checks_asked *asked)
{
    struct authorize_waiter *its = calloc(1, sizeof *its + asked->count * sizeof *its->pairs + texts_of(asked));

    if (its == NULL)
        return NULL;
    char *at = (char *)&its->pairs[asked->count];

    its->waiter.decided = decided;
    its->verdicts = request->verdicts;
    its->conn = request->conn;
    its->msgid = request->msgid;
    its->asked = copy_asked(asked, its->pairs, &at);
    its->waiter.audience = (char *)its->asked.audience.at;
    its->waiter.audience_bytes = its->asked.audience.bytes;
    return its;
}

static void answer_later(const struct request *request, const struct pending *pending, const struct checks_asked *asked)
{
    struct authorize_waiter *its = waiter_new(request, asked);

    method_wait(request, pending, its != NULL ? &its->waiter : NULL);
}

/* A request with so many checks that others would have to wait for it. */
struct pieces {
    struct piecework work;
    struct verdicts *verdicts;
    struct conn *conn;
    uint32_t msgid;
    struct keyring *ring; /* in force for the first piece */
    bool good;            /* the result for the token at that time */
    enum reason why;
    struct text token;
    struct checks_asked asked;
    struct decision_id id;
    unsigned done;
    struct wire_writer writer; /* of the rulings so far */
    uint8_t *decided;
    size_t bytes; /* size of the whole structure */
    struct check_pair pairs[];
};

static void drop(struct piecework *work)
{
    struct pieces *its = (struct pieces *)work;

    keyring_drop(its->ring);
    free(its->decided);
    explicit_bzero(its, its->bytes); /* it contains the token */
    free(its);
}

static void answer_pieces(const struct pieces *its, const struct asker *asker)
{
    size_t bytes = wire_written(&its->writer);
    struct wire_writer *writer = rpc_result(its->conn, its->msgid, bytes + rest_room(&its->asked, asker) + AUDIT_ID_ROOM);

    if (writer == NULL)
        return;
    put_beginning(writer, &its->asked);
    wire_put_raw(writer, its->decided, bytes);
    put_rest(writer, &its->asked, asker);
    audit_put_id(writer, its->verdicts);
    conn_answer_end(its->conn);
}

/* Looks the token up for each piece, because everything about it may have been dropped. If the result is another, or other keys, peers or another
   policy are in force, decides everything again in one go, so that an answer never mixes two states. */
static bool go_on(struct piecework *work)
{
    struct pieces *its = (struct pieces *)work;
    struct request request = {.core = its->verdicts->core, .verdicts = its->verdicts, .conn = its->conn, .msgid = its->msgid};
    struct decision decision;
    struct pending pending;
    bool has_token = its->token.bytes > 0;

    its->asked.at_once = true;
    if (has_token && !decide_now(its->verdicts, its->token, its->asked.audience, &conn_peer(its->conn)->bounds, false, &decision, &pending)) {
        answer_later(&request, &pending, &its->asked);
        drop(work);
        return true;
    }
    struct asker asker = asker_of(has_token ? &decision : NULL);

    if (asker.undecided || (asker.good != NULL) != its->good || asker.why != its->why || its->verdicts->core->ring != its->ring) {
        answer(its->verdicts, its->conn, its->msgid, &its->asked, has_token ? &decision : NULL);
        drop(work);
        return true;
    }
    permission_prepare(its->verdicts, &asker);
    const struct decision_id others = its->verdicts->decision;
    struct audited about = {.peer = conn_peer(its->conn), .method = "authorize"};

    its->verdicts->decision = its->id;
    for (unsigned i = 0; i < CHECKS_AT_ONCE && its->done < its->asked.count; i++, its->done++) {
        wire_put_map(&its->writer, 4);
        (void)put_check(&its->writer, its->verdicts, &about, &asker, &its->asked.pairs[its->done]);
    }
    bool done = its->done == its->asked.count;

    if (done)
        answer_pieces(its, &asker);
    its->verdicts->decision = others;
    if (done)
        drop(work);
    return done;
}

/* False: the request is answered at once, because it is short, no other user waits, or out of memory. */
static bool answer_in_pieces(struct verdicts *verdicts, struct conn *conn, uint32_t msgid, const struct checks_asked *asked, const struct asker *asker)
{
    struct text token = asker->token != NULL ? asker->token->text : (struct text){NULL, 0};

    if (asked->at_once || asked->count <= CHECKS_AT_ONCE)
        return false;
    size_t bytes = sizeof(struct pieces) + asked->count * sizeof(struct check_pair) + texts_of(asked) + token.bytes,
           room = asked->count * (size_t)RULING_ROOM;
    struct pieces *its = calloc(1, bytes);
    uint8_t *decided = its != NULL ? malloc(room) : NULL;

    if (decided == NULL || !conn_takes_pieces(conn, bytes + room)) {
        free(decided);
        free(its);
        return false;
    }
    char *at = (char *)&its->pairs[asked->count];

    *its = (struct pieces){.work = {go_on, drop}, .verdicts = verdicts, .conn = conn, .msgid = msgid, .ring = keyring_hold(verdicts->core->ring), .good = asker->good != NULL,
                           .why = asker->why, .id = verdicts->decision, .decided = decided, .bytes = bytes};
    its->asked = copy_asked(asked, its->pairs, &at);
    its->token = copy_text(&at, token);
    wire_writer_init(&its->writer, decided, room);
    conn_take_pieces(conn, &its->work);
    return true;
}

/* Reads [[action, resource]…]. False: it is something else; the request has been answered with an error. */
static bool read_checks(const struct request *request, const msgpack_object_array *checks, struct check_pair pairs[AUTHORIZE_CHECKS_MAX])
{
    if (checks->size == 0 || checks->size > AUTHORIZE_CHECKS_MAX) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "`checks` has %u elements; expected 1 to %d", checks->size,
                  AUTHORIZE_CHECKS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < checks->size; i++) {
        const msgpack_object *pair = &checks->ptr[i];

        if (pair->type != MSGPACK_OBJECT_ARRAY || pair->via.array.size != 2 || !object_text(&pair->via.array.ptr[0], &pairs[i].action) ||
            !object_text(&pair->via.array.ptr[1], &pairs[i].resource)) {
            rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "each element of `checks` must be [action, resource], two strings");
            return false;
        }
    }
    return true;
}

static void ask(const struct request *request, struct text token, const struct checks_asked *asked)
{
    struct decision decision;
    struct pending pending;

    if (token.bytes == 0)
        answer(request->verdicts, request->conn, request->msgid, asked, NULL);
    else if (decide_now(request->verdicts, token, asked->audience, &conn_peer(request->conn)->bounds, false, &decision, &pending))
        answer(request->verdicts, request->conn, request->msgid, asked, &decision);
    else
        answer_later(request, &pending, asked);
}

void authorize(const struct request *request, const struct common_request *usual)
{
    struct check_pair pair = {usual->action, usual->resource};
    struct checks_asked asked = {
        .count = 1, .single = true, .stamped = usual->stamp, .claims = usual->claims, .audience = usual->audience, .pairs = &pair};

    ask(request, usual->token, &asked);
}

void method_authorize(const struct request *request)
{
    struct text token = {NULL, 0};
    static struct check_pair pairs[AUTHORIZE_CHECKS_MAX]; /* used on the loop's thread only, and 8 KiB need not be cleared each time */
    const msgpack_object_array *checks = NULL;
    struct checks_asked asked = {.count = 1, .single = true, .pairs = pairs};
    const struct param params[] = {
        {"token", PARAM_TEXT, &token},       {"action", PARAM_TEXT, &pairs[0].action}, {"resource", PARAM_TEXT, &pairs[0].resource},
        {"audience", PARAM_TEXT, &asked.audience}, {"stamp", PARAM_BOOL, &asked.stamped},            {"checks", PARAM_ARRAY, &checks},
        {"claims", PARAM_BOOL, &asked.claims},
    };

    pairs[0] = (struct check_pair){{NULL, 0}, {NULL, 0}};
    if (!rpc_params(request, params, sizeof params / sizeof *params, false))
        return;
    bool one = pairs[0].action.at != NULL && pairs[0].resource.at != NULL, none = pairs[0].action.at == NULL && pairs[0].resource.at == NULL;

    if (checks == NULL ? !one : !none) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "send either `action` and `resource`, or `checks`");
        return;
    }
    if (checks != NULL && !read_checks(request, checks, pairs))
        return;
    if (checks != NULL && !peer_ask_more(conn_peer(request->conn), checks->size - 1)) {
        rpc_rate_limited(request);
        return;
    }
    if (checks != NULL) {
        asked.count = checks->size;
        asked.single = false;
    }
    ask(request, token, &asked);
}
