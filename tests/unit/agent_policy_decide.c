/* Who may do what: resources, actions, claims, deny over allow, no token, shadow, and why not. */
#include "agent_policy.h"

#include <stdio.h>
#include <string.h>

static void patterns_cover_what_they_say(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n"
                                      "- {name: root, resources: [/]}\n"
                                      "- {name: list, resources: [/orders]}\n"
                                      "- {name: one, resources: [/orders/*]}\n"
                                      "- {name: items, resources: [/orders/*/items]}\n"
                                      "- {name: below, resources: [/files/**]}\n"
                                      "- {name: stars, resources: [/x/*/*]}\n"
                                      "- {name: two, resources: [/p, /q/*]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/", "200 - root");
    SAYS(policy, "{}", "GET", "/orders", "200 - list");
    SAYS(policy, "{}", "GET", "/orders/", "200 - list");
    SAYS(policy, "{}", "GET", "/orders/42", "200 - one");
    SAYS(policy, "{}", "GET", "/orders/42?x=1", "200 - one");
    SAYS(policy, "{}", "GET", "/orders/42/items", "200 - items");
    SAYS(policy, "{}", "GET", "/orders/42/lines", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/orders/42/items/7", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/files", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/files/", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/files/a", "200 - below");
    SAYS(policy, "{}", "GET", "/files/a/b/c", "200 - below");
    SAYS(policy, "{}", "GET", "/files/../orders", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/x/1", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/x/1/2", "200 - stars");
    SAYS(policy, "{}", "GET", "/p", "200 - two");
    SAYS(policy, "{}", "GET", "/q/1", "200 - two");
    SAYS(policy, "{}", "GET", "/Orders", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/orders%20", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/order", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/orderss", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/*", "403 no_rule -");
    policy_drop(policy);
}

static void the_whole_tree_has_its_root_in_it(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules: [{name: all, actions: [GET], resources: [/**]}]\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/", "200 - all");
    SAYS(policy, "{}", "GET", "/a", "200 - all");
    SAYS(policy, "{}", "GET", "/a/b", "200 - all");
    SAYS(policy, "{}", "POST", "/", "403 no_rule -");
    SAYS(policy, "{}", "POST", "/a", "403 no_rule -");
    policy_drop(policy);
}

static void actions_are_compared_byte_for_byte(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: some, actions: [GET, HEAD], resources: [/a]}\n"
                                      "- {name: any, resources: [/b]}\n- {name: everywhere, actions: [PING]}\n"
                                      "- {name: tree, actions: [PUT], resources: [/t/**]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/a", "200 - some");
    SAYS(policy, "{}", "HEAD", "/a", "200 - some");
    SAYS(policy, "{}", "get", "/a", "403 no_rule -");
    SAYS(policy, "{}", "GET ", "/a", "403 no_rule -");
    SAYS(policy, "{}", "GE", "/a", "403 no_rule -");
    SAYS(policy, "{}", "", "/a", "403 no_rule -");
    SAYS(policy, "{}", "*", "/a", "403 no_rule -");
    SAYS(policy, "{}", "", "/b", "200 - any");
    SAYS(policy, "{}", "anything", "/b", "200 - any");
    SAYS(policy, "{}", "PING", "/any/where", "200 - everywhere");
    SAYS(policy, "{}", "PING", "/", "200 - everywhere");
    SAYS(policy, "{}", "PUT", "/t/x", "200 - tree");
    SAYS(policy, "{}", "POST", "/t/x", "403 no_rule -");
    policy_drop(policy);
}

/* An action and a segment of one name, at one place of the tree: one is not taken for the other. */
static void actions_are_no_segments(void **state)
{
    static char text[131072];
    char name[32], path[32], expected[32];
    size_t used = (size_t)snprintf(text, sizeof text, "version: 1\nrules:\n");

    (void)state;
    for (unsigned i = 0; i < 600; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "- {name: a%u, resources: [/], actions: [n%u]}\n- {name: b%u, resources: [/n%u], actions: [x]}\n",
                                 i, i, i, i);
    struct policy *policy = policy_of(text);

    for (unsigned i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "n%u", i);
        snprintf(path, sizeof path, "/n%u", i);
        snprintf(expected, sizeof expected, "200 - a%u", i);
        SAYS(policy, "{}", name, "/", expected);
        snprintf(expected, sizeof expected, "200 - b%u", i);
        SAYS(policy, "{}", "x", path, expected);
        SAYS(policy, "{}", name, path, "403 no_rule -");
    }
    policy_drop(policy);
}

static void a_claim_in_a_pattern_is_one_whole_segment(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: own, resources: [\"/users/{sub}/**\"]}\n"
                                      "- {name: tenant, resources: [\"/t/{tenant}/{sub}\"]}\n"
                                      "- {name: odd, resources: [\"/o/{a b}\"]}\n");

    (void)state;
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/alice/x", "200 - own");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/al%69ce/x", "200 - own");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/alice", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/Alice/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/alice/../bob/x", "403 bad_resource -");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/bob/..%2falice/x", "403 bad_resource -");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/users/%7bsub%7d/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"*\"}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"*\"}", "GET", "/users/*/x", "200 - own");
    SAYS(policy, "{\"sub\":\"**\"}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"{sub}\"}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"bob/x\"}", "GET", "/users/bob/x/y", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"\"}", "GET", "/users//x", "403 bad_resource -");
    SAYS(policy, "{\"sub\":\"..\"}", "GET", "/users/../x", "403 bad_resource -");
    SAYS(policy, "{\"sub\":\".\"}", "GET", "/users/./x", "403 bad_resource -");
    SAYS(policy, "{\"sub\":42}", "GET", "/users/42/x", "200 - own");
    SAYS(policy, "{\"sub\":-42}", "GET", "/users/-42/x", "200 - own");
    SAYS(policy, "{\"sub\":42}", "GET", "/users/042/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":42}", "GET", "/users/4/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":42}", "GET", "/users/421/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":42.5}", "GET", "/users/42.5/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":[\"bob\"]}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":[\"b\",\"o\",\"b\"]}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":{\"b\":1,\"o\":2,\"x\":3}}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":null}", "GET", "/users/null/x", "403 no_rule -");
    SAYS(policy, "{\"sub\":true}", "GET", "/users/true/x", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/users/bob/x", "403 no_rule -");
    SAYS(policy, NULL, "GET", "/users/bob/x", "401 no_token -");
    SAYS(policy, "{\"sub\":\"a\",\"tenant\":\"t\"}", "GET", "/t/t/a", "200 - tenant");
    SAYS(policy, "{\"sub\":\"a\",\"tenant\":\"t\"}", "GET", "/t/a/t", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"a\",\"tenant\":\"t\"}", "GET", "/t/t/a/b", "403 no_rule -");
    SAYS(policy, "{\"sub\":\"a\"}", "GET", "/t/t/a", "403 no_rule -");
    SAYS(policy, "{\"a b\":\"1\"}", "GET", "/o/1", "200 - odd");
    policy_drop(policy);
}

static void claims_are_compared_by_type_and_value(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n"
                                      "- {name: text, resources: [/text], claims: {type: service, service: [orders, returns]}}\n"
                                      "- {name: number, resources: [/number], claims: {level: [3, 1.5, -2]}}\n"
                                      "- {name: quoted, resources: [/quoted], claims: {level: \"3\"}}\n"
                                      "- {name: truth, resources: [/truth], claims: {ok: true}}\n"
                                      "- {name: lie, resources: [/lie], claims: {ok: false}}\n"
                                      "- {name: deep, resources: [/deep], claims: {/a/b~1c/1: x}}\n"
                                      "- {name: flat, resources: [/flat], claims: {a.b: x}}\n");

    (void)state;
    SAYS(policy, "{\"type\":\"service\",\"service\":\"orders\"}", "GET", "/text", "200 - text");
    SAYS(policy, "{\"type\":\"service\",\"service\":\"returns\"}", "GET", "/text", "200 - text");
    SAYS(policy, "{\"type\":\"service\",\"service\":[1,[\"x\"],\"returns\"]}", "GET", "/text", "200 - text");
    SAYS(policy, "{\"type\":\"service\",\"service\":[[\"returns\"]]}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"type\":\"service\",\"service\":[]}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"type\":\"service\",\"service\":{\"orders\":\"orders\"}}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"type\":\"service\",\"service\":\"orders returns\"}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"type\":\"service\"}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"service\":\"orders\"}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"type\":\"Service\",\"service\":\"orders\"}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"type\":\"service \",\"service\":\"orders\"}", "GET", "/text", "403 no_rule -");
    SAYS(policy, "{\"level\":3}", "GET", "/number", "200 - number");
    SAYS(policy, "{\"level\":3.0}", "GET", "/number", "200 - number");
    SAYS(policy, "{\"level\":1.5}", "GET", "/number", "200 - number");
    SAYS(policy, "{\"level\":-2}", "GET", "/number", "200 - number");
    SAYS(policy, "{\"level\":2}", "GET", "/number", "403 no_rule -");
    SAYS(policy, "{\"level\":3.1}", "GET", "/number", "403 no_rule -");
    SAYS(policy, "{\"level\":\"3\"}", "GET", "/number", "403 no_rule -");
    SAYS(policy, "{\"level\":true}", "GET", "/number", "403 no_rule -");
    SAYS(policy, "{\"level\":[7,3]}", "GET", "/number", "200 - number");
    SAYS(policy, "{\"level\":\"3\"}", "GET", "/quoted", "200 - quoted");
    SAYS(policy, "{\"level\":3}", "GET", "/quoted", "403 no_rule -");
    SAYS(policy, "{\"ok\":true}", "GET", "/truth", "200 - truth");
    SAYS(policy, "{\"ok\":\"true\"}", "GET", "/truth", "403 no_rule -");
    SAYS(policy, "{\"ok\":1}", "GET", "/truth", "403 no_rule -");
    SAYS(policy, "{\"ok\":false}", "GET", "/truth", "403 no_rule -");
    SAYS(policy, "{\"ok\":false}", "GET", "/lie", "200 - lie");
    SAYS(policy, "{\"ok\":null}", "GET", "/lie", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/lie", "403 no_rule -");
    SAYS(policy, "{\"a\":{\"b/c\":[\"y\",\"x\"]}}", "GET", "/deep", "200 - deep");
    SAYS(policy, "{\"a\":{\"b/c\":[\"x\",\"y\"]}}", "GET", "/deep", "403 no_rule -");
    SAYS(policy, "{\"a\":{\"b\":{\"c\":[\"y\",\"x\"]}}}", "GET", "/deep", "403 no_rule -");
    SAYS(policy, "{\"/a/b~1c/1\":\"x\"}", "GET", "/deep", "403 no_rule -");
    SAYS(policy, "{\"a.b\":\"x\"}", "GET", "/flat", "200 - flat");
    SAYS(policy, "{\"a\":{\"b\":\"x\"}}", "GET", "/flat", "403 no_rule -");
    policy_drop(policy);
}

/* RFC 9110 section 9.3.2: HEAD asks for what GET would bring. */
static void a_rule_for_get_is_one_for_head(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n"
                                      "- {name: see, resources: [/a/**], actions: [GET, POST]}\n"
                                      "- {name: not, effect: deny, resources: [/a/b], actions: [GET]}\n"
                                      "- {name: ask, resources: [/h], actions: [HEAD]}\n"
                                      "- {name: put, resources: [/p], actions: [PUT]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/a/c", "200 - see");
    SAYS(policy, "{}", "HEAD", "/a/c", "200 - see");
    SAYS(policy, "{}", "POST", "/a/c", "200 - see");
    SAYS(policy, "{}", "head", "/a/c", "403 no_rule -");
    SAYS(policy, "{}", "HEADS", "/a/c", "403 no_rule -");
    SAYS(policy, "{}", "OPTIONS", "/a/c", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/a/b", "403 denied_by_rule not");
    SAYS(policy, "{}", "HEAD", "/a/b", "403 denied_by_rule not");
    SAYS(policy, "{}", "POST", "/a/b", "200 - see");
    SAYS(policy, "{}", "HEAD", "/h", "200 - ask");
    SAYS(policy, "{}", "GET", "/h", "403 no_rule -");
    SAYS(policy, "{}", "HEAD", "/p", "403 no_rule -");
    policy_drop(policy);
}

static void deny_wins_over_allow_wherever_it_stands(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n"
                                      "- {name: early, effect: deny, resources: [/a/secret]}\n"
                                      "- {name: all, effect: allow, resources: [/**]}\n"
                                      "- {name: late, effect: deny, resources: [/b/**]}\n"
                                      "- {name: later, effect: deny, resources: [/b/*]}\n"
                                      "- {name: suspended, effect: deny, claims: {status: suspended}}\n"
                                      "- {name: interns, effect: deny, resources: [/c], roles: [intern]}\n"
                                      "- {name: scoped, effect: deny, resources: [/d], scopes: [limited]}\n"
                                      "- {name: mine, effect: deny, resources: [\"/e/{sub}\"]}\n"
                                      "- {name: no-deletes, effect: deny, actions: [DELETE]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/a", "200 - all");
    SAYS(policy, "{}", "GET", "/a/secret", "403 denied_by_rule early");
    SAYS(policy, "{}", "GET", "/a/secret/", "403 denied_by_rule early");
    SAYS(policy, "{}", "GET", "/a//secret", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/a/./secret", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/a/x/../secret", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/a/%73ecret", "403 denied_by_rule early");
    SAYS(policy, "{}", "GET", "/a/secret?x", "403 denied_by_rule early");
    SAYS(policy, "{}", "GET", "/a/secret#x", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/a/secret;x", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/a%2fsecret", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/b/1", "403 denied_by_rule late");
    SAYS(policy, "{}", "GET", "/b/1/2", "403 denied_by_rule late");
    SAYS(policy, "{\"status\":\"suspended\"}", "GET", "/a", "403 denied_by_rule suspended");
    SAYS(policy, "{\"status\":\"suspended\"}", "GET", "/a/secret", "403 denied_by_rule early");
    SAYS(policy, "{\"status\":[\"old\",\"suspended\"]}", "GET", "/zzz", "403 denied_by_rule suspended");
    SAYS(policy, "{\"status\":\"active\"}", "GET", "/a", "200 - all");
    SAYS(policy, "{\"role\":\"intern\"}", "GET", "/c", "403 denied_by_rule interns");
    SAYS(policy, "{\"role\":\"user\"}", "GET", "/c", "200 - all");
    SAYS(policy, "{\"scope\":\"limited\"}", "GET", "/d", "403 denied_by_rule scoped");
    SAYS(policy, "{}", "GET", "/d", "200 - all");
    SAYS(policy, "{\"sub\":\"a\"}", "GET", "/e/a", "403 denied_by_rule mine");
    SAYS(policy, "{\"sub\":\"a\"}", "GET", "/e/b", "200 - all");
    SAYS(policy, "{}", "DELETE", "/a", "403 denied_by_rule no-deletes");
    /* Without a good token those apply that ask nothing of one. */
    SAYS(policy, NULL, "GET", "/a/secret", "403 denied_by_rule early");
    SAYS(policy, NULL, "DELETE", "/zzz", "403 denied_by_rule no-deletes");
    SAYS(policy, NULL, "GET", "/a", "401 no_token -");
    SAYS(policy, NULL, "GET", "/c", "401 no_token -");
    SAYS(policy, NULL, "GET", "/d", "401 no_token -");
    SAYS(policy, NULL, "GET", "/e/a", "401 no_token -");
    policy_drop(policy);
}

static void a_denial_that_lacks_a_role_is_no_hint(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: d, effect: deny, resources: [/a], roles: [x]}\n"
                                      "- {name: e, effect: deny, resources: [/a], scopes: [y]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/a", "403 no_rule -");
    policy_drop(policy);
}

static void anonymous_rules_need_no_token(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: health, resources: [/health], anonymous: true}\n"
                                      "- {name: down, effect: deny, resources: [/health/db]}\n"
                                      "- {name: tree, resources: [/health/**], anonymous: true}\n"
                                      "- {name: not, resources: [/not], anonymous: false}\n");

    (void)state;
    SAYS(policy, NULL, "GET", "/health", "200 - health");
    SAYS(policy, NULL, "GET", "/health/", "200 - health");
    SAYS(policy, "{}", "GET", "/health", "200 - health");
    SAYS(policy, NULL, "GET", "/health/db", "403 denied_by_rule down");
    SAYS(policy, NULL, "GET", "/health/x", "200 - tree");
    SAYS(policy, NULL, "GET", "/not", "401 no_token -");
    SAYS(policy, "{}", "GET", "/not", "200 - not");
    SAYS(policy, NULL, "GET", "/health/%2e%2e/not", "403 bad_resource -");
    SAYS(policy, NULL, "GET", "/health;x", "403 bad_resource -");
    policy_drop(policy);
}

static void why_the_token_does_not_count_is_told(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules: [{name: h, resources: [/h], anonymous: true}]\n");
    struct resource resource;
    struct ask ask = {NULL, NULL, REASON_EXPIRED, TEXT("GET"), &resource, NULL};

    (void)state;
    assert_int_equal(resource_normalize("/x", 2, (struct resource_reading){0}, &resource), 0);
    assert_int_equal(policy_decide(policy, &ask).status, 401);
    assert_int_equal(policy_decide(policy, &ask).reason, REASON_EXPIRED);
    assert_int_equal(resource_normalize("/h", 2, (struct resource_reading){0}, &resource), 0);
    assert_true(policy_decide(policy, &ask).allow);
    ask.resource = NULL;
    assert_int_equal(policy_decide(policy, &ask).status, 403);
    assert_int_equal(policy_decide(policy, &ask).reason, REASON_BAD_RESOURCE);
    policy_drop(policy);
}

static void shadow_rules_never_decide_but_are_counted(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: trial, resources: [/new/**], roles: [user], mode: shadow}\n"
                                      "- {name: ban, effect: deny, resources: [/old], mode: shadow}\n"
                                      "- {name: old, resources: [/old], mode: enforce}\n"
                                      "- {name: open, resources: [/open], anonymous: true, mode: shadow}\n"
                                      "- {name: both, resources: [/both, /both/**, /*, /both/*], mode: shadow}\n"
                                      "- {name: scoped, resources: [/scoped], scopes: [s], mode: shadow}\n");

    (void)state;
    SAYS(policy, "{\"role\":\"user\"}", "GET", "/new/1", "403 no_rule -");
    SAYS(policy, "{\"role\":\"user\"}", "GET", "/new/2", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/new/1", "403 no_rule -"); /* and no hint of a role either */
    SAYS(policy, "{}", "GET", "/scoped", "403 no_rule -");
    SAYS(policy, NULL, "GET", "/new/1", "401 no_token -");
    SAYS(policy, "{}", "GET", "/old", "200 - old");
    SAYS(policy, NULL, "GET", "/old", "401 no_token -");
    SAYS(policy, NULL, "GET", "/open", "401 no_token -");
    assert_int_equal(policy->rules[0].shadow_count->decisions, 2);
    assert_int_equal(policy->rules[1].shadow_count->decisions, 2);
    assert_int_equal(policy->rules[2].shadow_count->decisions, 0);
    assert_int_equal(policy->rules[3].shadow_count->decisions, 1);
    uint64_t before = policy->rules[4].shadow_count->decisions;

    SAYS(policy, "{}", "GET", "/both/x", "403 no_rule -"); /* two of its patterns match, and one decision is counted */
    assert_int_equal(policy->rules[4].shadow_count->decisions, before + 1);
    SAYS(policy, "{}", "GET", "/both", "403 no_rule -");
    assert_int_equal(policy->rules[4].shadow_count->decisions, before + 2);
    policy_drop(policy);
}

static void nothing_is_allowed_without_a_rule(void **state)
{
    struct policy *empty = policy_of("version: 1\nrules: []\n");

    (void)state;
    SAYS(empty, "{}", "GET", "/", "403 no_rule -");
    SAYS(empty, NULL, "GET", "/", "401 no_token -");
    SAYS(empty, "{}", "GET", "a", "403 bad_resource -");
    SAYS(empty, NULL, "GET", "/;", "403 bad_resource -");
    SAYS(NULL, "{\"role\":\"admin\"}", "GET", "/", "403 no_rule -");
    SAYS(NULL, NULL, "GET", "/", "401 no_token -");
    SAYS(NULL, NULL, "GET", "/..", "403 bad_resource -");
    policy_drop(empty);
}

static void the_first_of_several_is_told(void **state)
{
    struct policy *policy =
        policy_of("version: 1\nrules:\n- {name: wide, resources: [/**]}\n- {name: exact, resources: [/a]}\n"
                  "- {name: r1, resources: [/b], roles: [x], actions: [B]}\n"
                  "- {name: d1, effect: deny, resources: [/c/*]}\n- {name: d2, effect: deny, resources: [/c/d]}\n");
    struct policy *lacking =
        policy_of("version: 1\nrules:\n- {name: r1, resources: [/*], roles: [x]}\n- {name: r2, resources: [/b], roles: [y]}\n"
                  "- {name: s1, resources: [/c], scopes: [x]}\n- {name: s2, resources: [/c], scopes: [y]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/a", "200 - wide");
    SAYS(policy, "{}", "GET", "/c/d", "403 denied_by_rule d1");
    SAYS(lacking, "{}", "GET", "/b", "403 insufficient_role r1");
    SAYS(lacking, "{}", "GET", "/c", "403 insufficient_scope s1");
    SAYS(lacking, "{\"role\":\"y\"}", "GET", "/b", "200 - r2");
    policy_drop(policy);
    policy_drop(lacking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_cover_what_they_say),
        cmocka_unit_test(the_whole_tree_has_its_root_in_it),
        cmocka_unit_test(actions_are_compared_byte_for_byte),
        cmocka_unit_test(actions_are_no_segments),
        cmocka_unit_test(a_claim_in_a_pattern_is_one_whole_segment),
        cmocka_unit_test(claims_are_compared_by_type_and_value),
        cmocka_unit_test(a_rule_for_get_is_one_for_head),
        cmocka_unit_test(deny_wins_over_allow_wherever_it_stands),
        cmocka_unit_test(a_denial_that_lacks_a_role_is_no_hint),
        cmocka_unit_test(anonymous_rules_need_no_token),
        cmocka_unit_test(why_the_token_does_not_count_is_told),
        cmocka_unit_test(shadow_rules_never_decide_but_are_counted),
        cmocka_unit_test(nothing_is_allowed_without_a_rule),
        cmocka_unit_test(the_first_of_several_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
