/* What a token brings along: roles with what they contain, scopes, and whose it is. */
#include "agent/policy/granted.h"
#include "agent_policy.h"
#include "client/wire/utf8.h"

#include <stdio.h>
#include <string.h>

static void roles_contain_roles(void **state)
{
    struct policy *policy =
        policy_of("version: 1\n"
                  "rules:\n"
                  "- {name: r-early, resources: [/early], roles: [user]}\n" /* named before the hierarchy is read */
                  "- {name: r-admin, resources: [/admin], roles: [admin]}\n"
                  "- {name: r-user, resources: [/user], roles: [user]}\n"
                  "- {name: r-left, resources: [/left], roles: [left]}\n"
                  "- {name: r-base, resources: [/base], roles: [base]}\n"
                  "- {name: r-d, resources: [/d], roles: [d]}\n"
                  "roles:\n  admin: [manager]\n  manager: [user]\n"
                  "  top: [left, right]\n  left: [base]\n  right: [base]\n"
                  "  c: [d]\n  a: [b]\n  b: [c]\n  alone: []\n");

    (void)state;
    SAYS(policy, "{\"role\":\"admin\"}", "GET", "/admin", "200 - r-admin");
    SAYS(policy, "{\"role\":\"admin\"}", "GET", "/user", "200 - r-user");
    SAYS(policy, "{\"role\":\"admin\"}", "GET", "/early", "200 - r-early");
    SAYS(policy, "{\"role\":\"manager\"}", "GET", "/user", "200 - r-user");
    SAYS(policy, "{\"role\":\"manager\"}", "GET", "/admin", "403 insufficient_role r-admin");
    SAYS(policy, "{\"role\":\"user\"}", "GET", "/user", "200 - r-user");
    SAYS(policy, "{\"role\":\"user\"}", "GET", "/admin", "403 insufficient_role r-admin");
    SAYS(policy, "{\"role\":\"top\"}", "GET", "/base", "200 - r-base");
    SAYS(policy, "{\"role\":\"top\"}", "GET", "/left", "200 - r-left");
    SAYS(policy, "{\"role\":\"right\"}", "GET", "/base", "200 - r-base");
    SAYS(policy, "{\"role\":\"right\"}", "GET", "/left", "403 insufficient_role r-left");
    SAYS(policy, "{\"role\":\"base\"}", "GET", "/left", "403 insufficient_role r-left");
    SAYS(policy, "{\"role\":\"a\"}", "GET", "/d", "200 - r-d");
    SAYS(policy, "{\"role\":\"b\"}", "GET", "/d", "200 - r-d");
    SAYS(policy, "{\"role\":\"d\"}", "GET", "/d", "200 - r-d");
    SAYS(policy, "{\"role\":\"alone\"}", "GET", "/d", "403 insufficient_role r-d");
    SAYS(policy, "{\"role\":\"unheard\"}", "GET", "/d", "403 insufficient_role r-d");
    policy_drop(policy);
}

static void hierarchies_may_be_deep_and_wide(void **state)
{
    static char text[65536];
    int at = snprintf(text, sizeof text, "version: 1\nrules:\n- {name: last, resources: [/last], roles: [r999]}\n"
                                         "- {name: first, resources: [/first], roles: [r0]}\nroles:\n");

    (void)state;
    for (int i = 998; i >= 0; i--)
        at += snprintf(text + at, sizeof text - (size_t)at, "  r%d: [r%d]\n", i, i + 1);
    struct policy *policy = policy_of(text);

    SAYS(policy, "{\"role\":\"r0\"}", "GET", "/last", "200 - last");
    SAYS(policy, "{\"role\":\"r998\"}", "GET", "/last", "200 - last");
    SAYS(policy, "{\"role\":\"r999\"}", "GET", "/first", "403 insufficient_role first");
    policy_drop(policy);
}

static void roles_are_any_of_scopes_are_all_of(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: any, resources: [/any], roles: [a, b]}\n"
                                      "- {name: all, resources: [/all], scopes: [x, \"y:z\"]}\n"
                                      "- {name: both, resources: [/both], roles: [a, b], scopes: [x]}\n");

    (void)state;
    SAYS(policy, "{\"role\":\"a\"}", "GET", "/any", "200 - any");
    SAYS(policy, "{\"role\":\"b\"}", "GET", "/any", "200 - any");
    SAYS(policy, "{\"role\":\"c\"}", "GET", "/any", "403 insufficient_role any");
    SAYS(policy, "{}", "GET", "/any", "403 insufficient_role any");
    SAYS(policy, "{\"scope\":\"x y:z\"}", "GET", "/all", "200 - all");
    SAYS(policy, "{\"scope\":\"  y:z  other   x \"}", "GET", "/all", "200 - all");
    SAYS(policy, "{\"scope\":[\"y:z\",\"x\"]}", "GET", "/all", "200 - all");
    SAYS(policy, "{\"scope\":[\"y:z x\"]}", "GET", "/all", "403 insufficient_scope all"); /* an array's strings are whole */
    SAYS(policy, "{\"scope\":\"x\"}", "GET", "/all", "403 insufficient_scope all");
    SAYS(policy, "{\"scope\":\"y:z\"}", "GET", "/all", "403 insufficient_scope all");
    SAYS(policy, "{\"scope\":\"x,y:z\"}", "GET", "/all", "403 insufficient_scope all");
    SAYS(policy, "{\"scope\":\"x\\ty:z\"}", "GET", "/all", "403 insufficient_scope all");
    SAYS(policy, "{\"scope\":\"X Y:Z\"}", "GET", "/all", "403 insufficient_scope all");
    SAYS(policy, "{\"scope\":\"\"}", "GET", "/all", "403 insufficient_scope all");
    SAYS(policy, "{\"scope\":\"x x2 y:zz\"}", "GET", "/all", "403 insufficient_scope all");
    SAYS(policy, "{\"scope\":\"x\",\"role\":\"b\"}", "GET", "/both", "200 - both");
    SAYS(policy, "{\"scope\":\"x\"}", "GET", "/both", "403 insufficient_role both");
    SAYS(policy, "{\"role\":\"a\"}", "GET", "/both", "403 insufficient_scope both");
    policy_drop(policy);
}

static void roles_are_compared_byte_for_byte(void **state)
{
    static const char *const none[] = {
        "\"Admin\"",
        "\"ADMIN\"",
        "\"admin \"",
        "\" admin\"",
        "\"admin,user\"",
        "\"admin user\"",
        "\"\"",
        "1",
        "null",
        "true",
        "{}",
        "{\"admin\":true}",
        "{\"0\":\"admin\"}",
        "[]",
        "[[\"admin\"]]",
        "[\"Admin\"]",
        "[{\"admin\":\"admin\"}]",
        "[1,null,true]",
        "\"adm\\u0456n\"",
    };
    struct policy *policy = policy_of("version: 1\nrules: [{name: r, resources: [/], roles: [admin]}]\n");
    char claims[128];

    (void)state;
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
        snprintf(claims, sizeof claims, "{\"roles\":%s}", none[i]);
        SAYS(policy, claims, "GET", "/", "403 insufficient_role r");
        snprintf(claims, sizeof claims, "{\"role\":%s}", none[i]);
        SAYS(policy, claims, "GET", "/", "403 insufficient_role r");
    }
    SAYS(policy, "{\"roles\":[\"x\"],\"z\":\"admin\"}", "GET", "/", "403 insufficient_role r"); /* behind the array's end */
    SAYS(policy, "{\"roles\":\"admin\"}", "GET", "/", "200 - r");
    SAYS(policy, "{\"roles\":[\"x\",\"admin\"]}", "GET", "/", "200 - r");
    SAYS(policy, "{\"roles\":[1,[\"y\"],{\"z\":[]},\"admin\"]}", "GET", "/", "200 - r");
    SAYS(policy, "{\"role\":[\"admin\"]}", "GET", "/", "200 - r");
    policy_drop(policy);
}

static void the_first_claim_that_is_there_decides(void **state)
{
    struct policy *policy =
        policy_of("version: 1\nrules: [{name: r, resources: [/r], roles: [a]}, {name: s, resources: [/s], scopes: [a]}]\n");

    (void)state;
    SAYS(policy, "{\"roles\":\"a\",\"role\":\"b\"}", "GET", "/r", "200 - r");
    SAYS(policy, "{\"role\":\"a\",\"roles\":\"b\"}", "GET", "/r", "403 insufficient_role r");
    SAYS(policy, "{\"role\":\"a\",\"roles\":[]}", "GET", "/r", "403 insufficient_role r");
    SAYS(policy, "{\"role\":\"a\",\"roles\":7}", "GET", "/r", "403 insufficient_role r");
    SAYS(policy, "{\"role\":\"a\",\"roles\":null}", "GET", "/r", "403 insufficient_role r");
    SAYS(policy, "{\"scope\":\"a\",\"scp\":\"b\"}", "GET", "/s", "200 - s");
    SAYS(policy, "{\"scp\":\"a\"}", "GET", "/s", "200 - s");
    SAYS(policy, "{\"scp\":[\"a\"]}", "GET", "/s", "200 - s");
    SAYS(policy, "{\"scp\":\"a\",\"scope\":\"b\"}", "GET", "/s", "403 insufficient_scope s");
    SAYS(policy, "{\"scp\":\"a\",\"scope\":false}", "GET", "/s", "403 insufficient_scope s");
    SAYS(policy, "{\"scp\":\"a\",\"scope\":{}}", "GET", "/s", "403 insufficient_scope s");
    SAYS(policy, "{\"scope\":3}", "GET", "/s", "403 insufficient_scope s");
    SAYS(policy, "{\"scope\":[3,\"a\"]}", "GET", "/s", "200 - s");
    SAYS(policy, "{\"scopes\":\"a\"}", "GET", "/s", "403 insufficient_scope s");
    policy_drop(policy);
}

static void an_issuer_says_where_they_are(void **state)
{
    struct claim_place roles = {.pointer = TEXT("/realm_access/roles")}, scopes = {.pointer = TEXT("/x/0")};
    struct issuer keycloak = {.roles = {&roles, 1, NULL}, .scopes = {&scopes, 1, NULL}};
    struct policy *policy =
        policy_of("version: 1\nrules: [{name: r, resources: [/r], roles: [a]}, {name: s, resources: [/s], scopes: [a, b]}]\n");

    (void)state;
    assert_string_equal(answer_of(policy, "{\"realm_access\":{\"roles\":[\"b\",\"a\"]}}", &keycloak, "GET", "/r"), "200 - r");
    assert_string_equal(answer_of(policy, "{\"realm_access\":{\"roles\":\"a\"}}", &keycloak, "GET", "/r"), "200 - r");
    assert_string_equal(answer_of(policy, "{\"realm_access\":[\"a\"]}", &keycloak, "GET", "/r"), "403 insufficient_role r");
    assert_string_equal(answer_of(policy, "{\"roles\":[\"a\"],\"role\":\"a\"}", &keycloak, "GET", "/r"), "403 insufficient_role r");
    assert_string_equal(answer_of(policy, "{\"realm_access\":{\"roles\":[\"a\"]}}", NULL, "GET", "/r"), "403 insufficient_role r");
    assert_string_equal(answer_of(policy, "{\"x\":[\"b a\"]}", &keycloak, "GET", "/s"), "200 - s");
    assert_string_equal(answer_of(policy, "{\"x\":[[\"b\",\"a\"]]}", &keycloak, "GET", "/s"), "200 - s");
    assert_string_equal(answer_of(policy, "{\"x\":[]}", &keycloak, "GET", "/s"), "403 insufficient_scope s");
    assert_string_equal(answer_of(policy, "{\"scope\":\"a b\",\"scp\":\"a b\"}", &keycloak, "GET", "/s"),
                        "403 insufficient_scope s");
    policy_drop(policy);
}

static void rules_name_whose_tokens_they_are_for(void **state)
{
    struct text first[] = {TEXT("https://one"), TEXT("one")}, second[] = {TEXT("https://two")};
    struct issuer one = {.names = {first, 2}}, two = {.names = {second, 1}};
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: by-name, issuers: [\"https://one\"], resources: [/a]}\n"
                                      "- {name: by-alias, issuers: [one], resources: [/b]}\n"
                                      "- {name: both, issuers: [\"https://two\", one], resources: [/c]}\n"
                                      "- {name: any, resources: [/d]}\n"
                                      "- {name: not-two, effect: deny, issuers: [\"https://two\"], resources: [/d]}\n");

    (void)state;
    assert_string_equal(answer_of(policy, "{}", &one, "GET", "/a"), "200 - by-name");
    assert_string_equal(answer_of(policy, "{}", &one, "GET", "/b"), "200 - by-alias");
    assert_string_equal(answer_of(policy, "{}", &one, "GET", "/c"), "200 - both");
    assert_string_equal(answer_of(policy, "{}", &one, "GET", "/d"), "200 - any");
    assert_string_equal(answer_of(policy, "{}", &two, "GET", "/a"), "403 no_rule -");
    assert_string_equal(answer_of(policy, "{}", &two, "GET", "/b"), "403 no_rule -");
    assert_string_equal(answer_of(policy, "{}", &two, "GET", "/c"), "200 - both");
    assert_string_equal(answer_of(policy, "{}", &two, "GET", "/d"), "403 denied_by_rule not-two");
    /* The claim is not asked: the issuer is that whose key verified. */
    assert_string_equal(answer_of(policy, "{\"iss\":\"https://one\"}", &two, "GET", "/a"), "403 no_rule -");
    /* Of any issuer: examples of a policy. */
    SAYS(policy, "{}", "GET", "/a", "200 - by-name");
    SAYS(policy, "{}", "GET", "/d", "403 denied_by_rule not-two");
    SAYS(policy, NULL, "GET", "/d", "401 no_token -"); /* a deny rule with issuers is about their tokens */
    policy_drop(policy);
}

/* A token for one audience is not one for another, whatever else it has. */
static void rules_for_an_audience(void **state)
{
    struct text names[] = {TEXT("https://one")};
    struct issuer cognito = {.names = {names, 1}, .audience_in = AUDIENCE_IN_CLIENT_ID};
    struct policy *policy = policy_of("version: 1\nrules:\n- {name: orders, resources: [/orders], audiences: [orders, shop]}\n"
                                      "- {name: returns, resources: [/returns], audiences: [returns]}\n"
                                      "- {name: both, resources: [/both]}\n"
                                      "- {name: not, effect: deny, resources: [/both], audiences: [banned]}\n");

    (void)state;
    SAYS(policy, "{\"aud\":\"orders\"}", "GET", "/orders", "200 - orders");
    SAYS(policy, "{\"aud\":[\"x\",\"shop\"]}", "GET", "/orders", "200 - orders");
    SAYS(policy, "{\"aud\":\"orders\"}", "GET", "/returns", "403 no_rule -");
    SAYS(policy, "{\"aud\":\"returns\"}", "GET", "/orders", "403 no_rule -");
    SAYS(policy, "{\"aud\":[\"orders\",\"returns\"]}", "GET", "/returns", "200 - returns");
    SAYS(policy, "{\"aud\":\"Orders\"}", "GET", "/orders", "403 no_rule -");
    SAYS(policy, "{\"aud\":{\"orders\":\"orders\"}}", "GET", "/orders", "403 no_rule -");
    SAYS(policy, "{\"client_id\":\"orders\"}", "GET", "/orders", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/orders", "403 no_rule -");
    SAYS(policy, NULL, "GET", "/orders", "401 no_token -");
    SAYS(policy, "{\"aud\":\"orders\"}", "GET", "/both", "200 - both");
    SAYS(policy, "{\"aud\":[\"orders\",\"banned\"]}", "GET", "/both", "403 denied_by_rule not");
    SAYS(policy, NULL, "GET", "/both", "401 no_token -");
    struct resource resource;
    struct ask ask = {claims_of("{\"client_id\":\"orders\",\"aud\":\"returns\"}"), &cognito, REASON_NONE, TEXT("GET"), &resource, NULL};

    assert_int_equal(resource_normalize("/orders", 7, (struct resource_reading){0}, &resource), 0);
    assert_true(policy_decide(policy, &ask).allow); /* its audience stands in client_id */
    assert_int_equal(resource_normalize("/returns", 8, (struct resource_reading){0}, &resource), 0);
    assert_false(policy_decide(policy, &ask).allow);
    policy_drop(policy);
}

static void explained_in_order(void **state)
{
    struct text names[] = {TEXT("https://one")};
    struct issuer one = {.names = {names, 1}};
    struct resource resource;
    struct ask ask = {claims_of("{\"role\":\"a\",\"scope\":\"s\",\"c\":1,\"aud\":\"orders\"}"), &one, REASON_NONE, TEXT("GET"), &resource, NULL};
    static const struct {
        const char *rule;
        enum fit fit;
    } cases[] = {
        {"resources: [/x], actions: [PUT]", FIT_ACTION},
        {"resources: [/x], actions: [GET]", FIT_RESOURCE},
        {"actions: [GET], issuers: [two], claims: {c: 2}, roles: [b], scopes: [t]", FIT_ISSUER},
        {"resources: [/y], audiences: [returns], claims: {c: 2}, roles: [b], scopes: [t]", FIT_AUDIENCE},
        {"resources: [/y], audiences: [returns, orders], claims: {c: 2}, roles: [b], scopes: [t]", FIT_CLAIMS},
        {"resources: [/y], claims: {c: 2}, roles: [b], scopes: [t]", FIT_CLAIMS},
        {"resources: [/z, /y], claims: {c: 1, d: 1}", FIT_CLAIMS},
        {"resources: [/y], claims: {c: 1}, roles: [b], scopes: [t]", FIT_ROLES},
        {"resources: [/y], claims: {c: 1}, roles: [b, a], scopes: [t]", FIT_SCOPES},
        {"resources: [/y], claims: {c: 1}, roles: [a], scopes: [s], issuers: [\"https://one\"], actions: [PUT, GET]", FIT_APPLIES},
        {"resources: [/*, /y, /**]", FIT_APPLIES},
        {"anonymous: true", FIT_APPLIES},
    };

    (void)state;
    assert_int_equal(resource_normalize("/y", 2, (struct resource_reading){0}, &resource), 0);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];

        snprintf(text, sizeof text, "version: 1\nrules: [{name: r, %s}]\n", cases[i].rule);
        struct policy *policy = policy_of(text);

        assert_int_equal(policy_fit(policy, &policy->rules[0], &ask), cases[i].fit);
        if (cases[i].fit != FIT_ACTION && cases[i].fit != FIT_RESOURCE && strcmp(cases[i].rule, "anonymous: true") != 0) {
            struct ask nobody = {.resource = &resource, .action = TEXT("GET")};

            assert_int_equal(policy_fit(policy, &policy->rules[0], &nobody), FIT_TOKEN);
        }
        policy_drop(policy);
    }
}

struct heard {
    char text[512];
};

static void hear(void *context, const char *at, size_t bytes)
{
    struct heard *heard = context;
    size_t used = strlen(heard->text);

    snprintf(heard->text + used, sizeof heard->text - used, "[%.*s]", (int)bytes, at);
}

static void told_one_by_one(void **state)
{
    struct heard heard = {""};

    (void)state;
    each_scope(claims_of("{\"scope\":\"  a  b:c d \"}"), NULL, hear, &heard);
    assert_string_equal(heard.text, "[a][b:c][d]");
    heard.text[0] = '\0';
    each_scope(claims_of("{\"scp\":[\"a b\",1,\"\",[\"c\"],\"d\"]}"), NULL, hear, &heard);
    assert_string_equal(heard.text, "[a b][][d]");
    heard.text[0] = '\0';
    each_role(claims_of("{\"role\":\"a b\"}"), NULL, hear, &heard);
    each_role(claims_of("{\"roles\":[{\"x\":\"y\"},\"c\",null]}"), NULL, hear, &heard);
    each_role(claims_of("{\"roles\":{\"x\":\"y\"}}"), NULL, hear, &heard);
    each_role(claims_of("{}"), NULL, hear, &heard);
    assert_string_equal(heard.text, "[a b][c]");
}

/* What the places grant, and what is told of them. */
static const char *granted(struct claim_place *list, unsigned count, const char *claims)
{
    static struct heard heard;
    struct elsewhere elsewhere = {0};
    struct issuer issuer = {.roles = {list, count, &elsewhere}};
    char warning[GRANTED_WARNING_BYTES];

    heard.text[0] = '\0';
    each_role(claims_of(claims), &issuer, hear, &heard);
    if (granted_warning(&issuer.roles, "roles", warning))
        snprintf(heard.text + strlen(heard.text), sizeof heard.text - strlen(heard.text), " %.200s", warning);
    return heard.text;
}

static void several_places(void **state)
{
    struct claim_place both[] = {{.pointer = TEXT("/a")}, {.pointer = TEXT("/b/c")}};

    (void)state;
    assert_string_equal(granted(both, 2, "{\"a\":[\"x\"],\"b\":{\"c\":\"y\"}}"), "[x][y]");
    assert_string_equal(granted(both, 2, "{\"b\":{\"c\":\"y\"}}"), "[y]");
    assert_string_equal(granted(both, 2, "{\"roles\":\"z\"}"), "");
    assert_string_equal(granted(both, 2, "{\"a\":7,\"b\":{\"c\":\"y\"}}"),
                        "[y] not all roles at /a could be read: the value is a number; expected a string or an array of strings");
}

static void names_of_an_object(void **state)
{
    struct claim_place names[] = {{.pointer = TEXT("/urn:x"), .names = true}}, plain[] = {{.pointer = TEXT("/urn:x")}};

    (void)state;
    assert_string_equal(granted(names, 1, "{\"urn:x\":{\"admin\":{\"1\":\"x\"},\"user\":true,\"n\":1,\"t\":\"y\",\"l\":[0]}}"),
                        "[admin][user][n][t][l]");
    assert_string_equal(granted(names, 1, "{\"urn:x\":{\"a\":false,\"b\":null,\"c\":0,\"d\":\"\",\"e\":[],\"f\":{},\"g\":0.0}}"), "");
    assert_string_equal(granted(names, 1, "{\"urn:x\":[\"admin\"]}"),
                        " no roles at /urn:x: the value is an array, and `names: true` needs an object");
    assert_string_equal(granted(names, 1, "{\"urn:x\":\"admin\"}"), " no roles at /urn:x: the value is a string, and `names: true` needs an object");
    assert_string_equal(granted(plain, 1, "{\"urn:x\":{\"admin\":{}}}"),
                        " no roles at /urn:x: the value is an object; if its names are the roles, write roles: {pointer: /urn:x, names: true}");
    assert_string_equal(granted(names, 1, "{\"urn:x\":null}"), "");
}

/* At 128 bytes, which may be within a character of three. */
static void a_long_place_is_cut_between_characters(void **state)
{
    char pointer[1 + 126 + 3 + 1] = "/";

    (void)state;
    memset(pointer + 1, 'a', 125);
    strcpy(pointer + 126, "\xe2\x82\xac");
    char claims[256];
    struct claim_place place = {.pointer = {pointer, strlen(pointer)}};

    snprintf(claims, sizeof claims, "{\"%s\":7}", pointer + 1);
    const char *told = granted(&place, 1, claims);

    assert_true(utf8_is_valid(told, strlen(told)));
    assert_non_null(strstr(told, "aaa could be read: the value is a number"));
}

static void a_text_with_separators(void **state)
{
    struct claim_place commas[] = {{.pointer = TEXT("/r"), .separator = ','}};

    (void)state;
    assert_string_equal(granted(commas, 1, "{\"r\":\"a, b c ,,d,\"}"), "[a][b c][d]");
    assert_string_equal(granted(commas, 1, "{\"r\":[\"a,b\",\"c\"]}"), "[a,b][c]");
    assert_string_equal(granted(commas, 1, "{\"r\":\"  \"}"), "");
    assert_string_equal(granted(NULL, 0, "{\"roles\":\"a,b\"}"), "[a,b]");
    assert_string_equal(granted(NULL, 0, "{\"roles\":{\"a\":true}}"),
                        " no roles at /roles: the value is an object; if its names are the roles, write roles: {pointer: /roles, names: true}");
    assert_string_equal(granted(NULL, 0, "{\"role\":[\"a\",{\"authority\":\"b\"}]}"),
                        "[a] not all roles at /role could be read: the value is an array with elements that are not strings; expected a string or "
                        "an array of strings");
}

static void what_is_no_resource_fits_no_rule(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules: [{name: any, anonymous: true}]\n");
    struct ask ask = {.claims = claims_of("{}"), .action = TEXT("GET"), NULL};

    (void)state;
    assert_int_equal(policy_fit(policy, &policy->rules[0], &ask), FIT_RESOURCE);
    policy_drop(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_contain_roles),
        cmocka_unit_test(hierarchies_may_be_deep_and_wide),
        cmocka_unit_test(roles_are_any_of_scopes_are_all_of),
        cmocka_unit_test(roles_are_compared_byte_for_byte),
        cmocka_unit_test(the_first_claim_that_is_there_decides),
        cmocka_unit_test(an_issuer_says_where_they_are),
        cmocka_unit_test(rules_name_whose_tokens_they_are_for),
        cmocka_unit_test(rules_for_an_audience),
        cmocka_unit_test(explained_in_order),
        cmocka_unit_test(told_one_by_one),
        cmocka_unit_test(several_places),
        cmocka_unit_test(names_of_an_object),
        cmocka_unit_test(a_long_place_is_cut_between_characters),
        cmocka_unit_test(a_text_with_separators),
        cmocka_unit_test(what_is_no_resource_fits_no_rule),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
