/* Attacks on the policy: valid tokens, with resources and claims that may be mistaken for others. The rules are in forge.c. */
#include <stdlib.h>
#include <string.h>

#include "client/wire/cleanup.h"
#include "selftest.h"

#define GROUP       "policy"
#define DENIED      "no_rule|insufficient_role|insufficient_scope|bad_resource"
#define USER(sub)   "{\"iss\":\"$I\",\"aud\":\"$A\",\"sub\":\"" sub "\",\"role\":\"user\",\"exp\":$X}"
#define HAS(claims) "{\"iss\":\"$I\",\"aud\":\"$A\",\"sub\":\"alice\",\"exp\":$X," claims "}"
#define ALICE       USER("alice")

static const struct attempt {
    const char *name, *tried, *expected;
    const char *payload; /* NULL: no token */
    const char *action, *resource;
    enum signer signer;
} attempts[] = {
    {"own resource", "alice's orders, by alice", "allowed", ALICE, "GET", "/users/alice/orders", SIGN_RS256},
    {"public resource", "/public, without a token", "allowed", NULL, "GET", "/public/x", SIGN_RS256},
    {"another user's", "bob's orders, by alice", DENIED, ALICE, "GET", "/users/bob/orders", SIGN_RS256},
    {"another method", "POST to alice's orders, by alice", DENIED, ALICE, "POST", "/users/alice/orders", SIGN_RS256},
    {"another method, small", "get for GET", DENIED, ALICE, "get", "/users/alice/orders", SIGN_RS256},
    {"no token", "/admin, without a token", "no_token", NULL, "GET", "/admin/users", SIGN_RS256},
    {"a forged token", "/admin, signed with an unknown key", "bad_signature", HAS("\"role\":\"admin\""), "GET", "/admin/users", SIGN_ATTACKER},
    {"path traversal", "/public/../admin", "bad_resource", ALICE, "GET", "/public/../admin/users", SIGN_RS256},
    {"path traversal, escaped", "/public/%2e%2e/admin", "bad_resource", ALICE, "GET", "/public/%2e%2e/admin/users", SIGN_RS256},
    {"path traversal to what is allowed", "/admin/../public/x", "bad_resource", NULL, "GET", "/admin/../public/x", SIGN_RS256},
    {"path traversal behind a fragment", "/public/x#/../../admin", "bad_resource", NULL, "GET", "/public/x#/../../admin", SIGN_RS256},
    {"a dot segment", "/public/./x", "bad_resource", NULL, "GET", "/public/./x", SIGN_RS256},
    {"a host in the path", "//public/admin/users", "bad_resource", NULL, "GET", "//public/admin/users", SIGN_RS256},
    {"an empty segment", "/public//x", "bad_resource", NULL, "GET", "/public//x", SIGN_RS256},
    {"an encoded slash", "/public/..%2fadmin", "bad_resource", ALICE, "GET", "/public/..%2fadmin/users", SIGN_RS256},
    {"a back slash", "/public\\..\\admin", "bad_resource", ALICE, "GET", "/public\\..\\admin", SIGN_RS256},
    {"a path parameter", "/public/..;/admin", "bad_resource", ALICE, "GET", "/public/..;/admin", SIGN_RS256},
    {"an encoded NUL", "/public/%00", "bad_resource", ALICE, "GET", "/public/%00/../admin", SIGN_RS256},
    {"above the root", "/../../admin", "bad_resource", ALICE, "GET", "/../../admin/users", SIGN_RS256},
    {"double slashes", "//admin", "bad_resource", ALICE, "GET", "//admin//users", SIGN_RS256},
    {"another case", "/PUBLIC", "no_token|no_rule", NULL, "GET", "/PUBLIC/x", SIGN_RS256},
    {"the query as a path", "/admin?/public/x", DENIED, ALICE, "GET", "/admin/users?/public/x", SIGN_RS256},
    {"claim as a wildcard", "sub: *, bob's orders", DENIED, USER("*"), "GET", "/users/bob/orders", SIGN_RS256},
    {"claim as two wildcards", "sub: **, bob's orders", DENIED, USER("**"), "GET", "/users/bob/orders", SIGN_RS256},
    {"claim as a path", "sub: alice/../bob, bob's orders", DENIED, USER("alice/../bob"), "GET", "/users/bob/orders", SIGN_RS256},
    {"claim as a path, itself", "sub: alice/../bob, that very path", "bad_resource", USER("alice/../bob"), "GET", "/users/alice/../bob/orders", SIGN_RS256},
    {"claim as a template", "sub: {sub}, bob's orders", DENIED, USER("{sub}"), "GET", "/users/bob/orders", SIGN_RS256},
    {"claim that is empty", "sub: \"\", /users//orders", "bad_resource", USER(""), "GET", "/users//orders", SIGN_RS256},
    {"claim that is a dot", "sub: .., /users/../orders", "bad_resource", USER(".."), "GET", "/users/../orders", SIGN_RS256},
    {"role that begins alike", "role: administrator", DENIED, HAS("\"role\":\"administrator\""), "GET", "/admin/users", SIGN_RS256},
    {"role in capitals", "role: ADMIN", DENIED, HAS("\"role\":\"ADMIN\""), "GET", "/admin/users", SIGN_RS256},
    {"role an object", "role: {\"admin\": true}", DENIED, HAS("\"role\":{\"admin\":true}"), "GET", "/admin/users", SIGN_RS256},
    {"role with NUL", "role: admin\\u0000", DENIED "|malformed", HAS("\"role\":\"admin\\u0000\""), "GET", "/admin/users", SIGN_RS256},
    {"scope that begins alike", "scope: pay:write-not", DENIED, HAS("\"scope\":\"pay:write-not\""), "POST", "/pay", SIGN_RS256},
    {"scope in a longer word", "scope: x-pay:write", DENIED, HAS("\"scope\":\"x-pay:write\""), "POST", "/pay", SIGN_RS256},
    {"a real administrator", "role: admin", "allowed", HAS("\"role\":\"admin\""), "GET", "/admin/users", SIGN_RS256},
};

static int attempt_one(struct test_bed *bed, const struct forge *forge, struct test_report *report, const struct attempt *attempt)
{
    static const char header[] = "{\"alg\":\"RS256\",\"kid\":\"rsa\"}";
    size_t bytes = 0;
    char *token CLEANUP_FREE =
        attempt->payload != NULL ? forge_token(forge, header, attempt->payload, attempt->signer, DAMAGE_NONE, &bytes) : NULL;

    if (bed_interrupted())
        return report_undecided("interrupted", "interrupted");
    if (token == NULL && attempt->payload != NULL)
        return report_undecided("internal", "making a token failed");
    return report_attack(report, GROUP, attempt->name, attempt->tried, attempt->expected,
                         test_authorize(bed, token, bytes, attempt->action, attempt->resource));
}

int attack_policy(struct test_bed *bed, const struct forge *forge, struct test_report *report)
{
    size_t bytes;
    int code = 0;

    for (size_t i = 0; code == 0 && i < COUNT(attempts); i++)
        code = attempt_one(bed, forge, report, &attempts[i]);
    if (code != 0)
        return code;
    char *token CLEANUP_FREE = forge_token(forge, "{\"alg\":\"RS256\",\"kid\":\"rsa\"}", ALICE, SIGN_RS256, DAMAGE_NONE, &bytes);

    if (token == NULL)
        return report_undecided("internal", "making a token failed");
    return report_attack(report, "at the end", "a valid token", "after all attacks", "accepted", test_verify(bed, token, bytes, TEST_AUDIENCE));
}
