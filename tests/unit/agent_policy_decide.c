/* What the rules that match decide together: deny over allow, requests without a token, shadow rules, and the reason of a no. */
#include "agent_policy.h"

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
