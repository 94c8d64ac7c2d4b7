/* Which rules of a policy match a request: by its resource, by its action, and by claims of the token. */
#include "agent_policy.h"

#include <stdio.h>

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
