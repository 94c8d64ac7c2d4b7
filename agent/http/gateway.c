/* The questions of gateways: may this request pass? One path for each convention of describing the request, so that a header of the request's
   client cannot be taken for the gateway's. */
#include <string.h>
#include <strings.h>

#include "agent/keys/keyring.h"
#include "agent/policy/granted.h"
#include "http_inside.h"

/* Parts of one header's value, with a separator between them. */
struct parts {
    struct http_out *out;
    const char *between;
    bool quoted, any;
};

static void put_part(void *context, const char *at, size_t bytes)
{
    struct parts *parts = context;

    if (parts->any)
        http_put_text(parts->out, parts->between);
    parts->any = true;
    http_put_escaped(parts->out, at, bytes, parts->quoted);
}

/* All four, always: a gateway that copies these headers replaces whatever a client has sent. Empty without an accepted token. */
static void put_identity(struct http_out *out, const struct token *good)
{
    struct wire_item sub = good != NULL ? claim_item(&good->claims, CLAIM_SUB) : (struct wire_item){0};
    struct parts roles = {.out = out, .between = ","}, scopes = {.out = out, .between = " "};

    http_put_text(out, "X-User-Id: ");
    if (sub.type == WIRE_STR)
        http_put_escaped(out, sub.str, sub.count, false);
    http_put_text(out, "\r\nX-User-Role: ");
    if (good != NULL)
        each_role(&good->claims, good->issuer, put_part, &roles);
    http_put_text(out, "\r\nX-Auth-Issuer: ");
    if (good != NULL)
        http_put_escaped(out, good->issuer->names.list[0].at, good->issuer->names.list[0].bytes, false);
    http_put_text(out, "\r\nX-Auth-Scope: ");
    if (good != NULL)
        each_scope(&good->claims, good->issuer, put_part, &scopes);
    http_put_text(out, "\r\n");
}

/* RFC 6750 section 3. The scopes that the rule needs, not those that the token lacks: neither reveals more about the rule. */
static void put_scopes(struct http_out *out, const struct policy *policy, const struct rule *rule)
{
    struct parts scopes = {.out = out, .between = " ", .quoted = true};

    http_put_text(out, "WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"");
    for (unsigned i = 0; policy != NULL && rule != NULL && rule->scopes != NULL && i < policy->scopes.count; i++) {
        if (name_set_has(rule->scopes, i))
            put_part(&scopes, policy->scopes.names[i].at, policy->scopes.names[i].bytes);
    }
    http_put_text(out, "\"\r\n");
}

static void put_challenge(struct http_out *out, enum reason reason)
{
    if (reason == REASON_NO_TOKEN) {
        http_put_header(out, "WWW-Authenticate", "Bearer");
        return;
    }
    http_put_text(out, "WWW-Authenticate: Bearer error=\"invalid_token\", error_description=\"");
    http_put_text(out, reason_name(reason));
    http_put_text(out, "\"\r\n");
}

static void answer(struct http_conn *conn, const struct asker *asker, const struct ruling *ruling)
{
    struct http_out *out = http_answer_begin(conn, ruling->allow ? 200 : ruling->status);

    if (ruling->allow)
        put_identity(out, asker->good);
    else if (ruling->status == 401)
        put_challenge(out, ruling->reason);
    else if (ruling->reason == REASON_INSUFFICIENT_SCOPE)
        put_scopes(out, conn->http->core->ring->policy, ruling->rule);
    http_answer_end(conn, NULL, (struct text){NULL, 0});
}

static void rule(struct http_conn *conn, struct asker *asker)
{
    struct audited about = http_audited(conn, "authorize");

    permission_prepare(conn->http->verdicts, asker);
    struct ruling ruling = permission_of(conn->http->verdicts, &about, asker, &conn->pair);

    answer(conn, asker, &ruling);
}

/* A token that is bound to a key is not accepted without proof that its sender holds the key, and gateways' questions do not contain such proofs:
   it is refused as if `sender_constrained` said so. */
static void disown(struct asker *asker)
{
    asker->good = NULL;
    asker->why = REASON_CLAIM_MISMATCH;
}

static void decided(struct http_conn *conn, const struct decision *decision)
{
    struct asker asker = asker_of(decision);

    if (asker.undecided) {
        struct audited about = http_audited(conn, "authorize");

        audit_decision(conn->http->verdicts, &about, decision);
        http_undecided(conn, decision);
        return;
    }
    if (asker.good != NULL && claims_have(&asker.good->claims, CLAIM_CNF))
        disown(&asker);
    rule(conn, &asker);
}

/* Does the value have the form `Scheme rest` with that scheme? Then *ret_rest is the rest. */
static bool has_scheme(struct text value, const char *scheme, struct text *ret_rest)
{
    size_t bytes = strlen(scheme);

    if (value.bytes < bytes || strncasecmp(value.at, scheme, bytes) != 0 || (value.bytes > bytes && value.at[bytes] != ' '))
        return false;
    for (; bytes < value.bytes && value.at[bytes] == ' '; bytes++)
        ;
    *ret_rest = (struct text){value.at + bytes, value.bytes - bytes};
    return true;
}

/* Decides whether the request may pass with this token. A request that authenticates by another scheme has no token. */
static void decide(struct http_conn *conn, struct text method, struct text resource)
{
    struct text value = http_header(&conn->request, conn->in, HTTP_AUTHORIZATION_HEADER), token = {NULL, 0};
    struct asker nobody = asker_of(NULL);

    conn->pair = (struct check_pair){method, resource};
    if (value.at != NULL && has_scheme(value, "Bearer", &token) && token.bytes > 0) {
        http_ask(conn, token, (struct text){NULL, 0}, decided);
        return;
    }
    if (value.at != NULL && has_scheme(value, "DPoP", &token))
        disown(&nobody);
    rule(conn, &nobody);
}

static void decide_by(struct http_conn *conn, enum http_name method_name, enum http_name resource_name, const char *needed)
{
    struct text method = http_header(&conn->request, conn->in, method_name),
                resource = http_header(&conn->request, conn->in, resource_name);

    if (method.at == NULL || method.bytes == 0 || resource.at == NULL || resource.bytes == 0)
        http_bad_request(conn, needed);
    else
        decide(conn, method, resource);
}

void http_auth(struct http_conn *conn)
{
    decide_by(conn, HTTP_ORIGINAL_METHOD, HTTP_ORIGINAL_URI,
              "X-Original-Method and X-Original-URI are required, each exactly once and not empty");
}

void http_forward(struct http_conn *conn)
{
    decide_by(conn, HTTP_FORWARDED_METHOD, HTTP_FORWARDED_URI,
              "X-Forwarded-Method and X-Forwarded-Uri are required, each exactly once and not empty");
}

void http_ext_authz(struct http_conn *conn)
{
    const size_t prefix = sizeof "/ext_authz" - 1;
    struct text target = http_text(conn->request.target, conn->in);

    decide(conn, http_text(conn->request.method, conn->in), (struct text){target.at + prefix, target.bytes - prefix});
}
