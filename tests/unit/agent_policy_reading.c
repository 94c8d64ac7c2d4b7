/* Resources that servers read differently: allowed as they stand, by a rule that says so, and denied however they may be read. */
#include "agent_policy.h"

#include <string.h>

#define RULES "version: 1\nrules:\n"

static void only_a_rule_that_keeps_it_allows_it(void **state)
{
    struct policy *policy = policy_of(RULES "- {name: npm, resources: [\"/npm/*\"], encoded_slash: keep}\n"
                                            "- {name: matrix, resources: [\"/m/*\"], semicolon: keep}\n"
                                            "- {name: both, resources: [\"/b/**\"], encoded_slash: keep, semicolon: keep}\n"
                                            "- {name: plain, resources: [\"/npm/**\", \"/m/*\", \"/p/**\"], encoded_slash: refuse}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/npm/@scope%2Fname", "200 - npm");
    SAYS(policy, "{}", "GET", "/npm/@scope%2fname", "200 - npm");
    SAYS(policy, "{}", "GET", "/npm/name", "200 - npm");
    SAYS(policy, "{}", "GET", "/npm/@scope%2Fname/x", "403 no_rule -"); /* plain would, if it kept it */
    SAYS(policy, "{}", "GET", "/npm/@scope/name", "200 - plain");
    SAYS(policy, "{}", "GET", "/npm/a;b", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/m/a;b=c", "200 - matrix");
    SAYS(policy, "{}", "GET", "/m/a%3bb", "200 - matrix");
    SAYS(policy, "{}", "GET", "/m/a%2Fb", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/m/a%2Fb;c", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/b/a%2Fb;c/d", "200 - both");
    SAYS(policy, "{}", "GET", "/p/a%2Fb", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/p/a;b", "403 no_rule -");
    policy_drop(policy);
}

static void no_reading_of_it_is_none(void **state)
{
    static const char *const none[] = {"/b/..%2Fa",   "/b/a%2F..",     "/b/a%2F..%2Fb", "/b/a%2F%2Fb", "/b/%2Fa",  "/b/a%2F",  "/b/%2F",   "/b/.%2Fa",
                                       "/b/..;x",     "/b/;x",         "/b/.;",         "/b/a%2F;x",   "/b/%2e%2e%2Fa", "/b/a%2F.;x", "/b/a%5Cb", "/b/a%00%2Fb",
                                       "/b/;x%2Fa"};
    struct policy *policy = policy_of(RULES "- {name: both, resources: [\"/**\"], encoded_slash: keep, semicolon: keep}\n");
    char many[RESOURCE_SEGMENTS_MAX * 4 + 16] = "/b";

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        SAYS(policy, "{}", "GET", none[i], "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/b/a%2F...;x", "200 - both");
    SAYS(policy, "{}", "GET", "/b/a%2F..b", "200 - both");
    for (unsigned i = 2; i < RESOURCE_SEGMENTS_MAX; i++)
        strcat(many, i == 2 ? "/a" : "%2Fa");
    SAYS(policy, "{}", "GET", many, "200 - both");
    strcat(many, "%2Fa%2Fa");
    SAYS(policy, "{}", "GET", many, "403 bad_resource -");
    policy_drop(policy);
}

static void denied_however_it_is_read(void **state)
{
    struct policy *policy = policy_of(RULES "- {name: all, resources: [\"/**\"], encoded_slash: keep, semicolon: keep}\n"
                                            "- {name: admin, effect: deny, resources: [\"/a/admin/**\"]}\n"
                                            "- {name: own, effect: deny, resources: [\"/u/{sub}\"]}\n"
                                            "- {name: word, effect: deny, resources: [\"/w/x%2Fy\"], encoded_slash: keep}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/a/b%2Fadmin", "200 - all");
    SAYS(policy, "{}", "GET", "/a%2Fadmin%2Fx", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/a%2Fadmin/x", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/a/admin%2Fx", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/a/admin;v=1/x", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/a;1/admin;2/x;3", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/a;1%2Fadmin;2%2Fx", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/a;admin%2Fx", "200 - all");
    SAYS(policy, "{}", "GET", "/a/admin/x;z/y", "403 denied_by_rule admin"); /* where `;` ends the path */
    SAYS(policy, "{}", "GET", "/u/bob;z/y", "200 - all");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u/bob;z/y", "403 denied_by_rule own");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u%2Fbob;z%2Fy", "403 denied_by_rule own");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u/bob%3bz/y", "403 denied_by_rule own");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u/bob%3bx;z", "403 bad_resource -"); /* which of them ends it? */
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u/bob;x%3Bz", "403 bad_resource -");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u/bob", "403 denied_by_rule own");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u/bob;x", "403 denied_by_rule own");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u%2Fbob", "403 denied_by_rule own");
    SAYS(policy, "{\"sub\":\"a/b\"}", "GET", "/u/a%2Fb", "403 denied_by_rule own");
    SAYS(policy, "{\"sub\":\"bob\"}", "GET", "/u/bobby", "200 - all");
    SAYS(policy, "{}", "GET", "/w/x%2fy", "403 denied_by_rule word");
    SAYS(policy, "{}", "GET", "/w/x%252Fy", "200 - all");
    SAYS(policy, "{}", "GET", "/w/x/y", "200 - all");
    policy_drop(policy);
}

static void patterns_may_say_a_slash(void **state)
{
    struct policy *policy = policy_of(RULES "- {name: one, resources: [\"/projects/group%2Fproject/**\"], encoded_slash: keep}\n"
                                            "- {name: own, resources: [\"/home/{path}\"], encoded_slash: keep}\n"
                                            "- {name: v, resources: [\"/c/red;blue\"], semicolon: keep}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/projects/group%2Fproject/issues", "200 - one");
    SAYS(policy, "{}", "GET", "/projects/gr%6fup%2fproject/issues", "200 - one");
    SAYS(policy, "{}", "GET", "/projects/group/project/issues", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/projects/group%252Fproject/issues", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/projects/group%2Fother/issues", "403 no_rule -");
    SAYS(policy, "{\"path\":\"a/b\"}", "GET", "/home/a%2Fb", "200 - own");
    SAYS(policy, "{\"path\":\"a%2Fb\"}", "GET", "/home/a%2Fb", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/c/red;blue", "200 - v");
    SAYS(policy, "{}", "GET", "/c/red", "403 no_rule -");
    policy_drop(policy);
}

static void letters_of_any_case(void **state)
{
    struct policy *policy = policy_of("version: 1\ncase_insensitive: true\nrules:\n"
                                      "- {name: shop, resources: [\"/Shop/**\"]}\n"
                                      "- {name: own, resources: [\"/u/{sub}\"]}\n"
                                      "- {name: admin, effect: deny, resources: [\"/shop/Admin/**\", \"/shop/v1\"]}\n"
                                      "- {name: not-own, effect: deny, resources: [\"/shop/u/{sub}\"]}\n"
                                      "- {name: posts, actions: [POST], resources: [\"/p\"]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/shop/x", "200 - shop");
    SAYS(policy, "{}", "GET", "/SHOP/X", "200 - shop");
    SAYS(policy, "{}", "GET", "/shop/admin/x", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/sHOP/ADMIN/x", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/shop/admin%20/x", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/shop/admin. ./x", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/shop /admin/x", "403 denied_by_rule admin"); /* and is allowed by nothing */
    SAYS(policy, "{}", "GET", "/shop/V1.", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/shop/v1", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/shop/V1%20..", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/shop/v1.x", "200 - shop");
    SAYS(policy, "{}", "GET", "/shop/...", "403 bad_resource -"); /* nothing is left of it */
    SAYS(policy, "{}", "GET", "/shop/..%20/x", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/shop/%20/x", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/shop/.%20", "403 bad_resource -");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/U/alice", "200 - own");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/u/Alice", "403 no_rule -"); /* another user, perhaps */
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/shop/u/ALICE", "403 denied_by_rule not-own");
    SAYS(policy, "{\"sub\":\"alice.\"}", "GET", "/shop/u/ALICE.", "403 denied_by_rule not-own");
    SAYS(policy, "{\"sub\":\"alice\"}", "GET", "/shop/u/bob", "200 - shop");
    SAYS(policy, "{}", "post", "/P", "403 no_rule -"); /* methods have one case (RFC 9110 section 9.1) */
    SAYS(policy, "{}", "POST", "/P", "200 - posts");
    SAYS(policy, "{}", "GET", "/\xc5\xbfhop/x", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/shop/%e2%84%aa", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/shop/\xc4\xb0", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/shop/\xc4\xb1", "403 bad_resource -");
    SAYS(policy, "{}", "GET", "/shop/\xc3\xa4", "200 - shop");
    policy_drop(policy);
    policy = policy_of(RULES "- {name: shop, resources: [\"/Shop/**\"]}\n");
    SAYS(policy, "{}", "GET", "/shop/x", "403 no_rule -");
    SAYS(policy, "{}", "GET", "/Shop/\xc4\xb1", "200 - shop");
    policy_drop(policy);
}

static void everything_at_once(void **state)
{
    struct policy *policy = policy_of("version: 1\ncase_insensitive: true\nrules:\n"
                                      "- {name: all, resources: [\"/**\"], encoded_slash: keep, semicolon: keep}\n"
                                      "- {name: admin, effect: deny, resources: [\"/a/admin/**\"]}\n");

    (void)state;
    SAYS(policy, "{}", "GET", "/A%2fADMIN%20;x%2Fy", "403 denied_by_rule admin");
    SAYS(policy, "{}", "GET", "/A%2fADMIN;x", "200 - all"); /* nothing is below it */
    SAYS(policy, "{}", "GET", "/a.;b/aDmin;/Z", "403 denied_by_rule admin");
    policy_drop(policy);
}

/* Refused, and the first fault says these words. */
static void refuses(const char *yaml, const char *words)
{
    struct faults faults = {0};

    assert_null(policy_try(yaml, NULL, &faults));
    if (faults.count != 1 || strstr(faults.text[0], words) == NULL)
        fail_msg("%u faults, the first: %s", faults.count, faults.count > 0 ? faults.text[0] : "-");
    faults_clear(&faults);
}

static void what_is_written_wrongly(void **state)
{
    (void)state;
    refuses(RULES "- {name: a, resources: [\"/a%2Fb\"]}\n", "`encoded_slash: keep`");
    refuses(RULES "- {name: a, resources: [\"/a%2Fb\"], semicolon: keep}\n", "`encoded_slash: keep`");
    refuses(RULES "- {name: a, resources: [\"/a;b\"], encoded_slash: keep}\n", "`semicolon: keep`");
    refuses(RULES "- {name: a, encoded_slash: keep, resources: [\"/a%2Eb\"]}\n", "written decoded");
    refuses(RULES "- {name: a, encoded_slash: keep, resources: [\"/{a%2Fb}\"]}\n", "written decoded");
    refuses(RULES "- {name: a, encoded_slash: true}\n", "`true`");
    refuses(RULES "- {name: a, encoded_slash: keep, semicolon: keep, resources: [\"/a%2F..%2Fb\"]}\n", "must not have a `.` or `..`");
    refuses(RULES "- {name: a, encoded_slash: keep, semicolon: keep, resources: [\"/a%2F\"]}\n", "an empty one where");
    refuses(RULES "- {name: a, encoded_slash: keep, semicolon: keep, resources: [\"/%2Fa\"]}\n", "an empty one where");
    refuses(RULES "- {name: a, encoded_slash: keep, semicolon: keep, resources: [\"/;a\"]}\n", "an empty one where");
    refuses(RULES "- {name: a, encoded_slash: keep, semicolon: keep, resources: [\"/..;a\"]}\n", "must not have a `.` or `..`");
    refuses(RULES "- {name: a, claims: {sub: [666]}}\n", "\"666\"");
    refuses(RULES "- {name: a, claims: {/jti: 7}}\n", "put the number in quotes");
    refuses("version: 1\ncase_insensitive: true\nrules: [{name: a, effect: deny, resources: [\"/a./b\"]}]\n", "write the segment without them");
    refuses("version: 1\ncase_insensitive: true\nrules: [{name: a, effect: deny, resources: [\"/a \"]}]\n", "write the segment without them");
    policy_drop(policy_of("version: 1\ncase_insensitive: true\nrules: [{name: a, resources: [\"/a. /b\"]}]\n"));
    refuses("version: 1\ncase_insensitive: true\nrules: [{name: a, effect: deny, resources: [\"/\xc3\xa4\"]}]\n", "a to z");
    refuses("version: 1\ncase_insensitive: sometimes\nrules: [{name: a}]\n", "true or false");
    policy_drop(policy_of("version: 1\ncase_insensitive: true\nrules: [{name: a, resources: [\"/\xc3\xa4\"]}]\n"));
}

static void a_deny_inside_an_allow_is_warned_of_without_it(void **state)
{
    static const char rules[] = "rules:\n- {name: all, resources: [\"/**\"]}\n- {name: admin, effect: deny, resources: [/admin]}\n";
    char text[256];
    struct policy *policy;

    (void)state;
    snprintf(text, sizeof text, "version: 1\n%s", rules);
    policy = policy_of(text);
    assert_int_equal(policy->warnings.count, 1);
    assert_non_null(strstr(policy->warnings.text[0], "`case_insensitive: true`"));
    policy_drop(policy);
    snprintf(text, sizeof text, "version: 1\ncase_insensitive: true\n%s", rules);
    policy = policy_of(text);
    assert_int_equal(policy->warnings.count, 0);
    policy_drop(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_rule_that_keeps_it_allows_it),
        cmocka_unit_test(no_reading_of_it_is_none),
        cmocka_unit_test(denied_however_it_is_read),
        cmocka_unit_test(patterns_may_say_a_slash),
        cmocka_unit_test(letters_of_any_case),
        cmocka_unit_test(everything_at_once),
        cmocka_unit_test(what_is_written_wrongly),
        cmocka_unit_test(a_deny_inside_an_allow_is_warned_of_without_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
