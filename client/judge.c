/* Every field that the protocol promises beside a yes must be present. An agent that leaves one out, or contradicts itself, is not an
   agent that this library knows, and its yes may mean something else. */
#include "judge.h"

#include <stdlib.h>
#include <string.h>

/* A duplicate name would give two answers. The agent's results have 11 names at most; this leaves room for later versions. */
#define RESULT_NAMES_MAX 32

static bool names_differ(const struct value *map)
{
    const struct value *names[RESULT_NAMES_MAX];
    const struct value *name = value_first(map);

    if (map->count > RESULT_NAMES_MAX)
        return false;
    for (uint32_t i = 0; i < map->count; i++) {
        for (uint32_t earlier = 0; earlier < i; earlier++)
            if (strcmp(names[earlier]->str, name->str) == 0)
                return false;
        names[i] = name;
        name = value_next(value_next(name));
    }
    return true;
}

static int yes_to_verify(const struct value *result, struct assay_verdict *verdict)
{
    const struct value *claims = value_member_of(result, "claims", WIRE_MAP);
    const struct value *issuer = value_member_of(result, "issuer", WIRE_STR);
    const struct value *expires_at = value_member_of(result, "expires_at", WIRE_UINT);
    const struct value *reason = value_member(result, "reason");
    const struct value *subject = value_member_of(claims, "sub", WIRE_STR);

    if (claims == NULL || issuer == NULL || expires_at == NULL || expires_at->uint > INT64_MAX)
        return ASSAY_E_PROTOCOL;
    if (reason != NULL && reason->type != WIRE_NIL)
        return ASSAY_E_PROTOCOL;
    verdict->claims = claims;
    verdict->issuer = issuer->str;
    verdict->expires_at = (int64_t)expires_at->uint;
    verdict->subject = subject != NULL ? subject->str : NULL;
    verdict->http_status = 200;
    verdict->ok = true;
    return 0;
}

static int no(const struct value *result, int http_status, struct assay_verdict *verdict)
{
    const struct value *reason = value_member_of(result, "reason", WIRE_STR);

    if (reason == NULL || reason->count == 0)
        return ASSAY_E_PROTOCOL;
    verdict->reason = reason->str;
    verdict->http_status = http_status;
    return ASSAY_E_REFUSED;
}

/* Only the boolean true is a yes: not 1, not "true". */
static int read_verify(const struct value *result, const struct question *question, struct assay_verdict *verdict)
{
    const struct value *active = value_member_of(result, "active", WIRE_BOOL);

    (void)question;
    if (active == NULL)
        return ASSAY_E_PROTOCOL;
    return active->boolean ? yes_to_verify(result, verdict) : no(result, 401, verdict);
}

/* Reads a string or nil. False: it is something else, or missing. */
static bool read_text(const struct value *result, const char *name, const char **ret_text)
{
    const struct value *value = value_member(result, name);

    if (value == NULL || (value->type != WIRE_STR && value->type != WIRE_NIL))
        return false;
    *ret_text = value->type == WIRE_STR ? value->str : NULL;
    return true;
}

/* Reads an array of strings only: each is one node, so the nth is found without a walk. NULL: it is something else, or missing. */
static const struct value *read_strings(const struct value *result, const char *name)
{
    const struct value *strings = value_member_of(result, name, WIRE_ARRAY);

    for (uint32_t i = 0; strings != NULL && i < strings->count; i++)
        if (value_first(strings)[i].type != WIRE_STR)
            return NULL;
    return strings;
}

/* What the token says is present if and only if the token was accepted, which `issuer` shows: nothing else was verified. */
static bool read_holder(const struct value *result, const struct question *question, struct assay_verdict *verdict)
{
    const struct value *expires_at = value_member(result, "expires_at"), *claims = value_member(result, "claims");

    verdict->roles = read_strings(result, "roles");
    verdict->scopes = read_strings(result, "scopes");
    if (verdict->roles == NULL || verdict->scopes == NULL || !read_text(result, "subject", &verdict->subject) ||
        !read_text(result, "issuer", &verdict->issuer) || expires_at == NULL)
        return false;
    if ((claims != NULL) != question->claims)
        return false;
    if (claims != NULL && claims->type != (verdict->issuer != NULL ? WIRE_MAP : WIRE_NIL))
        return false;
    if (verdict->issuer == NULL)
        return expires_at->type == WIRE_NIL && verdict->subject == NULL && verdict->roles->count == 0 && verdict->scopes->count == 0;
    verdict->claims = claims;
    verdict->expires_at = (int64_t)expires_at->uint;
    return expires_at->type == WIRE_UINT && expires_at->uint <= INT64_MAX;
}

/* A yes has three signs that must agree: `allow`, `status`, and no reason; and a rule that allows it. */
static int read_decision(const struct value *decision, struct assay_verdict *verdict)
{
    const struct value *allow = value_member_of(decision, "allow", WIRE_BOOL);
    const struct value *status = value_member_of(decision, "status", WIRE_UINT);
    const char *reason;

    if (allow == NULL || status == NULL || !read_text(decision, "reason", &reason) || !read_text(decision, "rule", &verdict->rule))
        return ASSAY_E_PROTOCOL;
    if (!allow->boolean)
        return status->uint == 401 || status->uint == 403 ? no(decision, (int)status->uint, verdict) : ASSAY_E_PROTOCOL;
    if (status->uint != 200 || reason != NULL || verdict->rule == NULL)
        return ASSAY_E_PROTOCOL;
    verdict->http_status = 200;
    verdict->ok = true;
    return 0;
}

static int read_authorize(const struct value *result, const struct question *question, struct assay_verdict *verdict)
{
    return read_holder(result, question, verdict) ? read_decision(result, verdict) : ASSAY_E_PROTOCOL;
}

/* What the token says is the same for each check. */
static int read_check(const struct value *decision, const struct assay_verdict *whole, struct assay_verdict *check)
{
    *check = (struct assay_verdict){
        .whole = whole,
        .issuer = whole->issuer,
        .subject = whole->subject,
        .expires_at = whole->expires_at,
        .claims = whole->claims,
        .roles = whole->roles,
        .scopes = whole->scopes,
    };
    return decision->type == WIRE_MAP && names_differ(decision) ? read_decision(decision, check) : ASSAY_E_PROTOCOL;
}

/* The whole is a yes only if there are as many decisions as checks, and each is a yes. Otherwise it is the first decision that is not a
   yes. */
static int read_checks(const struct value *result, const struct question *question, struct assay_verdict *verdict)
{
    const struct value *decisions = value_member_of(result, "decisions", WIRE_ARRAY);
    const struct assay_verdict *refused = NULL;

    if (decisions == NULL || decisions->count != question->check_count || value_member(result, "allow") != NULL ||
        !read_holder(result, question, verdict))
        return ASSAY_E_PROTOCOL;
    const struct value *decision = value_first(decisions);

    for (uint32_t i = 0; i < decisions->count; i++, decision = value_next(decision)) {
        int status = read_check(decision, verdict, &verdict->checks[i]);

        if (status != 0 && status != ASSAY_E_REFUSED)
            return status;
        if (status != 0 && refused == NULL)
            refused = &verdict->checks[i];
    }
    verdict->check_count = decisions->count;
    if (refused != NULL) {
        verdict->http_status = refused->http_status;
        verdict->reason = refused->reason;
        verdict->rule = refused->rule;
        return ASSAY_E_REFUSED;
    }
    verdict->http_status = 200;
    verdict->ok = true;
    return 0;
}

/* Reads the whole result, not only what is used here: a string that is not allowed is refused wherever it is. Behind the verdict lie the
   verdicts of its checks, the values, and their strings. */
static int judge(struct wire_cursor result, int (*read)(const struct value *result, const struct question *question, struct assay_verdict *verdict),
                 const struct question *question, size_t checks, struct assay_verdict **ret_verdict)
{
    struct value_size size;
    int status = value_size(result, &size);

    if (status != 0)
        return status;
    size_t bytes = (1 + checks) * sizeof(struct assay_verdict) + size.nodes * sizeof(struct value) + size.text_bytes;
    struct assay_verdict *verdict = malloc(bytes);

    if (verdict == NULL)
        return ASSAY_E_NO_MEMORY;
    *verdict = (struct assay_verdict){
        .count = size.nodes, .bytes = bytes, .checks = checks > 0 ? verdict + 1 : NULL, .values = (struct value *)(verdict + 1 + checks)};
    value_build(result, verdict->values, (char *)(verdict->values + size.nodes));
    status = verdict->values->type == WIRE_MAP && names_differ(verdict->values) ? read(verdict->values, question, verdict) : ASSAY_E_PROTOCOL;
    if (status == 0 || status == ASSAY_E_REFUSED)
        *ret_verdict = verdict;
    else
        assay_verdict_free(verdict);
    return status;
}

int judge_verify(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict)
{
    return judge(result, read_verify, question, 0, ret_verdict);
}

int judge_authorize(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict)
{
    return judge(result, read_authorize, question, 0, ret_verdict);
}

int judge_checks(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict)
{
    return judge(result, read_checks, question, question->check_count, ret_verdict);
}
