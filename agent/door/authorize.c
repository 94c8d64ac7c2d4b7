/* `authorize`: a token is judged as for `verify`, then the policy is asked. A token that is not good counts as none. */
#include <stdlib.h>
#include <string.h>

#include "agent/decide.h"
#include "agent/observe/audit.h"
#include "agent/policy/decision.h"
#include "agent/stamp.h"
#include "methods.h"
#include "ruling.h"

/* What is asked: one question, or several. */
struct checks_asked {
    unsigned count;
    bool single; /* asked without `checks` */
    bool stamped; /* a stamp is asked for; only one question can have one */
    struct check_pair *pairs;
};

/* A request that waits for its token's signature. Its texts lie behind it. */
struct authorize_waiter {
    struct waiter waiter;
    struct agent *agent;
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

/* `decision` NULL: no token was sent. */
static void answer(struct agent *agent, struct conn *conn, uint32_t msgid, const struct checks_asked *asked,
                   const struct decision *decision)
{
    struct asker asker = asker_of(decision);
    const struct token *token = asker.token, *good = asker.good;
    /* Subject and roles are written from the claims, and a setting may make them the same claim. */
    size_t room = 64 + asked->count * (size_t)RULING_ROOM + (good != NULL ? 2 * good->claims.bytes : 0) + STAMP_ROOM;
    struct stamp stamp;
    bool all_allowed = true;

    if (asker.undecided) {
        rpc_undecided(conn, msgid, decision->doubt, decision->why);
        return;
    }
    if (room > ANSWER_BYTES_MAX) {
        rpc_error(conn, msgid, ERROR_BAD_REQUEST, "the answers to so many checks do not fit into one; ask for fewer at once");
        return;
    }
    struct wire_writer *writer = rpc_result(conn, msgid, room);

    if (writer == NULL)
        return;
    ruling_prepare(agent, &asker);
    uint8_t *map = writer->at;

    wire_put_map(writer, asked->single ? 6 : 3);
    if (!asked->single) {
        wire_put_text(writer, "decisions");
        wire_put_array(writer, asked->count);
    }
    for (unsigned i = 0; i < asked->count; i++) {
        struct ruling ruling = ruling_of(agent, conn_peer(conn), &asker, &asked->pairs[i]);

        if (!asked->single)
            wire_put_map(writer, 4);
        put_ruling(writer, &ruling);
        all_allowed = all_allowed && ruling.allow;
    }
    if (asker.kept != NULL)
        wire_put_raw(writer, asker.kept->answer, asker.kept->answer_bytes);
    else
        ruling_put_holder(writer, good);
    if (asked->stamped && asked->single && all_allowed && (token == NULL || good != NULL) &&
        peer_page_refusal(conn_peer(conn)) == NULL && stamp_make(agent, token, decision != NULL ? decision->basis : NULL, &stamp)) {
        stamp_put(writer, agent, &stamp);
        ++*map;
    }
    conn_answer_end(conn);
}

static void decided(struct waiter *waiter, const struct decision *decision)
{
    struct authorize_waiter *its = (struct authorize_waiter *)waiter;

    if (conn_release(its->conn))
        answer(its->agent, its->conn, its->msgid, &its->asked, decision);
    free(its);
}

static struct text copy_text(char **at, struct text text)
{
    struct text copy = {*at, text.bytes};

    if (text.bytes > 0)
        memcpy(*at, text.at, text.bytes);
    *at += text.bytes;
    return copy;
}

static struct authorize_waiter *waiter_new(const struct request *request, const struct checks_asked *asked, struct text audience)
{
    size_t texts = audience.bytes + 1;

    for (unsigned i = 0; i < asked->count; i++)
        texts += asked->pairs[i].action.bytes + asked->pairs[i].resource.bytes;
    struct authorize_waiter *its = calloc(1, sizeof *its + asked->count * sizeof *its->pairs + texts);

    if (its == NULL)
        return NULL;
    char *at = (char *)&its->pairs[asked->count];

    its->waiter.decided = decided;
    its->agent = request->agent;
    its->conn = request->conn;
    its->msgid = request->msgid;
    its->asked = (struct checks_asked){asked->count, asked->single, asked->stamped, its->pairs};
    for (unsigned i = 0; i < asked->count; i++)
        its->pairs[i] = (struct check_pair){copy_text(&at, asked->pairs[i].action), copy_text(&at, asked->pairs[i].resource)};
    if (audience.at != NULL) {
        its->waiter.audience = at;
        its->waiter.audience_bytes = copy_text(&at, audience).bytes;
    }
    return its;
}

static void answer_later(const struct request *request, const struct checks_asked *asked, struct text audience)
{
    struct authorize_waiter *its = waiter_new(request, asked, audience);

    method_wait(request, its != NULL ? &its->waiter : NULL);
}

/* [[action, resource]…] False: it is something else, which has been answered. */
static bool read_checks(const struct request *request, const msgpack_object_array *checks, struct check_pair pairs[AUTHORIZE_CHECKS_MAX])
{
    if (checks->size == 0 || checks->size > AUTHORIZE_CHECKS_MAX) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "`checks` has %u questions; 1 to %d are answered at once", checks->size,
                  AUTHORIZE_CHECKS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < checks->size; i++) {
        const msgpack_object *pair = &checks->ptr[i];

        if (pair->type != MSGPACK_OBJECT_ARRAY || pair->via.array.size != 2 || !object_text(&pair->via.array.ptr[0], &pairs[i].action) ||
            !object_text(&pair->via.array.ptr[1], &pairs[i].resource)) {
            rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "each of `checks` must be [action, resource], two strings");
            return false;
        }
    }
    return true;
}

static void ask(const struct request *request, struct text token, struct text audience, const struct checks_asked *asked)
{
    struct decision decision;

    if (token.bytes == 0)
        answer(request->agent, request->conn, request->msgid, asked, NULL);
    else if (decide_now(request->agent, token, audience, &conn_peer(request->conn)->bounds, false, &decision))
        answer(request->agent, request->conn, request->msgid, asked, &decision);
    else
        answer_later(request, asked, audience);
}

void authorize(const struct request *request, struct text token, struct text audience, struct text action, struct text resource,
               bool stamped)
{
    struct check_pair pair = {action, resource};
    struct checks_asked asked = {1, true, stamped, &pair};

    ask(request, token, audience, &asked);
}

void method_authorize(const struct request *request)
{
    struct text token = {NULL, 0}, audience = {NULL, 0};
    static struct check_pair pairs[AUTHORIZE_CHECKS_MAX]; /* the loop's thread alone comes here, and 8 KiB are not cleared each time */
    const msgpack_object_array *checks = NULL;
    struct checks_asked asked = {1, true, false, pairs};
    const struct param params[] = {
        {"token", PARAM_TEXT, &token},       {"action", PARAM_TEXT, &pairs[0].action}, {"resource", PARAM_TEXT, &pairs[0].resource},
        {"audience", PARAM_TEXT, &audience}, {"stamp", PARAM_BOOL, &asked.stamped},            {"checks", PARAM_ARRAY, &checks},
    };

    pairs[0] = (struct check_pair){{NULL, 0}, {NULL, 0}};
    if (!rpc_params(request, params, sizeof params / sizeof *params, false))
        return;
    bool one = pairs[0].action.at != NULL && pairs[0].resource.at != NULL, none = pairs[0].action.at == NULL && pairs[0].resource.at == NULL;

    if (checks == NULL ? !one : !none) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "either `action` and `resource` are asked, or `checks`");
        return;
    }
    if (checks != NULL && !read_checks(request, checks, pairs))
        return;
    if (checks != NULL)
        asked = (struct checks_asked){checks->size, false, asked.stamped, pairs};
    ask(request, token, audience, &asked);
}
