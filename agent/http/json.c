/* The questions of services and probes: is this token accepted, and is the agent alive? */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/base/limits.h"
#include "agent/policy/granted.h"
#include "agent/rpc/methods.h"
#include "agent/token/json.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/readiness.h"
#include "client/wire/json.h"
#include "http_inside.h"

static struct http_out *begin(struct http_conn *conn, const char *text)
{
    struct http_out *body = &conn->http->body;

    body->bytes = 0;
    body->failed = false;
    http_put_text(body, text);
    return body;
}

/* Writes one value of MessagePack as JSON. */
static void put_wire(struct http_out *out, struct wire_cursor cursor)
{
    struct value *value = NULL;
    char *text = value_read(cursor, &value) == 0 ? json_text(value) : NULL;

    if (text != NULL)
        http_put_text(out, text);
    else
        out->failed = true;
    free(text);
    free(value);
}

static bool is_of_type(const struct http_conn *conn, const char *type)
{
    struct text value = http_header(&conn->request, conn->in, HTTP_CONTENT_TYPE);
    size_t bytes = strlen(type);

    return value.bytes >= bytes && strncasecmp(value.at, type, bytes) == 0 &&
           (value.bytes == bytes || value.at[bytes] == ';' || value.at[bytes] == ' ');
}

static void answer_verify(struct http_conn *conn, const struct decision *decision)
{
    const struct token *token = decision->token;
    struct http_out *body = begin(conn, "{\"valid\":true,\"user\":");

    struct audited about = http_audited(conn, "verify");

    audit_decision(conn->http->verdicts, &about, decision);
    if (decision->outcome == OUTCOME_ACCEPTED && decision->issuer != NULL) {
        put_wire(body, (struct wire_cursor){token->claims.wire, token->claims.wire + token->claims.bytes});
        if (claims_have(&token->claims, CLAIM_CNF)) /* as in `verify`: an accepted token, if its sender also proves that he holds a key */
            http_put_text(body, ",\"sender_constrained\":true");
        http_put_text(body, "}");
    } else if (decision->outcome == OUTCOME_REFUSED) {
        body = begin(conn, "{\"valid\":false,\"reason\":\"");
        http_put_text(body, reason_name(token->reason));
        http_put_text(body, "\"}");
    } else {
        http_undecided(conn, decision);
        return;
    }
    http_answer_json(conn, 200, body);
}

/* Reads {"token": …, "audience": …}. NULL: valid; otherwise what is wrong. */
static const char *read_question(const uint8_t *wire, size_t bytes, struct text *token, struct text *audience)
{
    struct wire_cursor cursor = {wire, wire + bytes};
    struct wire_item map, name, value;

    if (wire_next(&cursor, &map) != WIRE_OK || map.type != WIRE_MAP)
        return "the body is not a JSON object";
    for (uint32_t i = 0; i < map.count; i++) {
        if (wire_next(&cursor, &name) != WIRE_OK || wire_next(&cursor, &value) != WIRE_OK)
            return "the body is not a JSON object";
        struct text *into = wire_is(&name, "token") ? token : wire_is(&name, "audience") ? audience : NULL;

        if (into == NULL)
            return "the body has a member other than `token` and `audience`";
        if (value.type != WIRE_STR && value.type != WIRE_NIL)
            return "`token` and `audience` must be strings";
        if (value.type == WIRE_STR)
            *into = (struct text){value.str, value.count};
    }
    return token->at == NULL ? "`token` is missing" : NULL;
}

/* Moves a text into the request's body, which lives until the answer. A decoded text is never longer than its source. */
static void keep(struct http_conn *conn, size_t *at, struct text *text)
{
    char *copy = conn->in + conn->request.body.at + *at;

    if (text->at == NULL)
        return;
    memcpy(copy, text->at, text->bytes);
    text->at = copy;
    *at += text->bytes;
}

void http_verify(struct http_conn *conn)
{
    struct text body = http_text(conn->request.body, conn->in), token = {NULL, 0}, audience = {NULL, 0};
    size_t room = WIRE_BYTES_OF_JSON(body.bytes), kept = 0;
    uint8_t *wire = malloc(room);
    struct wire_writer writer;

    if (wire == NULL) {
        http_error(conn, 503, "overloaded", "out of memory");
        return;
    }
    wire_writer_init(&writer, wire, room);
    const char *fault = !is_of_type(conn, "application/json") ? "the body must be application/json" : NULL;

    if (fault == NULL && json_to_wire(body.at, body.bytes, HTTP_JSON_DEPTH_MAX, &writer) < 0)
        fault = "the body is not a JSON object";
    if (fault == NULL)
        fault = read_question(wire, wire_written(&writer), &token, &audience);
    if (fault == NULL) {
        keep(conn, &kept, &token);
        keep(conn, &kept, &audience);
    }
    explicit_bzero(wire, wire_written(&writer));
    free(wire);
    if (fault != NULL)
        http_bad_request(conn, fault);
    else
        http_ask(conn, token, audience, answer_verify);
}

/* Members of RFC 7662 section 2.2 that are claims of the same name; `cnf` says that the token is worthless without a key. */
static void put_claims(struct http_out *body, const struct claims *claims)
{
    static const char *const names[] = {"iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "username", "cnf"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct wire_cursor value;

        if (!claim_find(claims, (struct text){names[i], strlen(names[i])}, &value))
            continue;
        http_put_text(body, ",\"");
        http_put_text(body, names[i]);
        http_put_text(body, "\":");
        put_wire(body, value);
    }
}

static void put_scope(void *context, const char *at, size_t bytes)
{
    struct http_out *text = context;

    if (text->bytes > 0)
        http_put_text(text, " ");
    http_put(text, at, bytes);
}

static void answer_introspect(struct http_conn *conn, const struct decision *decision)
{
    const struct token *token = decision->token;
    struct http_out *body = begin(conn, "{\"active\":false}"), scopes = {0};

    struct audited about = http_audited(conn, "introspect");

    audit_decision(conn->http->verdicts, &about, decision);
    if (decision->outcome == OUTCOME_ACCEPTED && decision->issuer != NULL) {
        body = begin(conn, "{\"active\":true");
        put_claims(body, &token->claims);
        each_scope(&token->claims, token->issuer, put_scope, &scopes);
        http_put_text(body, ",\"scope\":");
        http_put_json_text(body, scopes.bytes > 0 ? scopes.start : "", scopes.bytes);
        http_put_text(body, ",\"token_type\":\"Bearer\"}");
        body->failed = body->failed || scopes.failed;
        http_out_free(&scopes);
    } else if (decision->outcome != OUTCOME_REFUSED) {
        http_undecided(conn, decision);
        return;
    }
    http_answer_json(conn, 200, body);
}

/* Decodes application/x-www-form-urlencoded in place. -1: an invalid escape, or a NUL. */
static int unescape(char *at, size_t *bytes)
{
    static const char digits[] = "0123456789abcdef";
    size_t end = 0;

    for (size_t i = 0; i < *bytes; i++) {
        char c = at[i] == '+' ? ' ' : at[i];

        if (c == '%') {
            const char *high = i + 2 < *bytes && at[i + 1] != '\0' ? strchr(digits, at[i + 1] | 0x20) : NULL;
            const char *low = high != NULL && at[i + 2] != '\0' ? strchr(digits, at[i + 2] | 0x20) : NULL;

            if (low == NULL)
                return -1;
            c = (char)((high - digits) << 4 | (low - digits));
            i += 2;
        }
        if (c == '\0')
            return -1;
        at[end++] = c;
    }
    *bytes = end;
    return 0;
}

/* The value of `token`, which must be present exactly once. False: it is not. */
static bool find_token(char *at, size_t bytes, struct text *ret)
{
    const char *end = at + bytes;
    unsigned count = 0;

    while (at < end) {
        char *next = memchr(at, '&', (size_t)(end - at));
        size_t pair = next != NULL ? (size_t)(next - at) : (size_t)(end - at);

        if (pair >= 6 && memcmp(at, "token=", 6) == 0) {
            *ret = (struct text){at + 6, pair - 6};
            count++;
            if (unescape(at + 6, &ret->bytes) < 0)
                return false;
        }
        at += next != NULL ? pair + 1 : pair;
    }
    return count == 1 && ret->bytes > 0;
}

void http_introspect(struct http_conn *conn)
{
    struct text token = {NULL, 0};

    if (!is_of_type(conn, "application/x-www-form-urlencoded"))
        http_bad_request(conn, "the body must be application/x-www-form-urlencoded");
    else if (!find_token(conn->in + conn->request.body.at, conn->request.body.bytes, &token))
        http_bad_request(conn, "`token` is required, exactly once and not empty");
    else
        http_ask(conn, token, (struct text){NULL, 0}, answer_introspect);
}

void http_healthz(struct http_conn *conn)
{
    http_answer_json(conn, 200, begin(conn, "{\"alive\":true}"));
}

void http_readyz(struct http_conn *conn)
{
    const struct core *core = conn->http->core;
    size_t room = 16 + readiness_room(core);
    uint8_t *wire = malloc(room);
    struct http_out *body = begin(conn, core->ready ? "{\"ready\":true,\"missing\":" : "{\"ready\":false,\"missing\":");
    struct wire_writer writer;

    if (wire == NULL) {
        http_error(conn, 503, "overloaded", "out of memory");
        return;
    }
    wire_writer_init(&writer, wire, room);
    readiness_put(&writer, core);
    put_wire(body, (struct wire_cursor){wire, writer.at});
    http_put_text(body, "}");
    free(wire);
    http_answer_json(conn, core->ready ? 200 : 503, body);
}
