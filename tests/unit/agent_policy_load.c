/* What a policy's file may hold at most, what becomes of its values, and that a bad one leaves nothing behind. Faults one by one,
   with their places, are promises of `assayd --check` (tests/e2e/test_policy_bad.py). */
#include "agent_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/policy/index.h"
#include "agent/policy/pattern.h"

static char text[6 * 1024 * 1024];
static size_t used;

static void begin(const char *start)
{
    used = (size_t)snprintf(text, sizeof text, "%s", start);
}

__attribute__((format(printf, 1, 2))) static void more(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    used += (size_t)vsnprintf(text + used, sizeof text - used, format, arguments);
    va_end(arguments);
    assert_true(used < sizeof text);
}

/* The first fault, without the file's name; "" if there is none. Static. */
static const char *refusal(const char *yaml, const struct config *config)
{
    static char first[512];
    struct faults faults = {0};
    struct policy *policy = policy_try(yaml, config, &faults);

    assert_int_equal(policy == NULL, faults.count > 0);
    snprintf(first, sizeof first, "%s", faults.count > 0 ? faults.text[0] + strlen("/proc/self/fd/") : "");
    char *colon = strchr(first, ':');

    policy_drop(policy);
    faults_clear(&faults);
    return colon != NULL ? colon + 1 : first;
}

#define REFUSES(yaml, words) assert_non_null(strstr(refusal(yaml, NULL), words))
#define ACCEPTS(yaml) assert_string_equal(refusal(yaml, NULL), "")

static void make_rules(unsigned count)
{
    begin("version: 1\nrules:\n");
    for (unsigned i = 0; i < count; i++)
        more("- {name: r%u, resources: [/a%u]}\n", i, i);
}

static void as_many_rules_as_the_limit(void **state)
{
    (void)state;
    make_rules(POLICY_RULES_MAX);
    struct policy *policy = policy_of(text);

    assert_int_equal(policy->rule_count, POLICY_RULES_MAX);
    SAYS(policy, "{}", "GET", "/a0", "200 - r0");
    SAYS(policy, "{}", "GET", "/a32767", "200 - r32767");
    SAYS(policy, "{}", "GET", "/a32768", "403 no_rule -");
    policy_drop(policy);
    make_rules(POLICY_RULES_MAX + 1);
    REFUSES(text, "more than 32768 rules");
}

static void make_names(const char *key, unsigned count)
{
    begin("version: 1\nrules:\n");
    for (unsigned i = 0; i < count; i++)
        more("- {name: r%u, resources: [/a%u], %s: [n%u]}\n", i, i, key, i);
}

static void as_many_names_as_the_limit(void **state)
{
    (void)state;
    make_names("roles", POLICY_NAMES_MAX);
    struct policy *policy = policy_of(text);

    SAYS(policy, "{\"role\":\"n1023\"}", "GET", "/a1023", "200 - r1023");
    SAYS(policy, "{\"role\":\"n1023\"}", "GET", "/a0", "403 insufficient_role r0");
    SAYS(policy, "{\"role\":\"n0\"}", "GET", "/a0", "200 - r0");
    SAYS(policy, "{\"role\":\"unheard of\"}", "GET", "/a0", "403 insufficient_role r0");
    policy_drop(policy);
    make_names("roles", POLICY_NAMES_MAX + 1);
    REFUSES(text, "more than 1024 different roles");
    make_names("scopes", POLICY_NAMES_MAX);
    policy = policy_of(text);
    SAYS(policy, "{\"scope\":\"n1023 n5\"}", "GET", "/a1023", "200 - r1023");
    SAYS(policy, "{\"scope\":\"n1023 n5\"}", "GET", "/a6", "403 insufficient_scope r6");
    policy_drop(policy);
    make_names("scopes", POLICY_NAMES_MAX + 1);
    REFUSES(text, "more than 1024 different scopes");
    begin("version: 1\nrules: []\nroles:\n");
    for (unsigned i = 0; i < POLICY_NAMES_MAX - 2; i++)
        more("  a%u: []\n", i);
    more("  last: [b]\n");
    ACCEPTS(text);
    text[used - 2] = '\0';
    used -= 2;
    more(", c]\n");
    REFUSES(text, "1024"); /* also one that is only contained */
}

static void make_list(const char *key, const char *entry, unsigned count)
{
    begin("version: 1\nrules:\n- name: r\n  ");
    more("%s: [", key);
    for (unsigned i = 0; i < count; i++)
        more("%s%u,", entry, i);
    more("]\n");
}

static void as_long_lists_as_the_limit(void **state)
{
    static const char *const keys[][2] = {{"roles", "r"}, {"scopes", "s"}, {"actions", "A"}, {"resources", "/a"}, {"issuers", "i"}};

    (void)state;
    for (unsigned i = 0; i < sizeof keys / sizeof *keys; i++) {
        make_list(keys[i][0], keys[i][1], POLICY_LIST_MAX);
        ACCEPTS(text);
        make_list(keys[i][0], keys[i][1], POLICY_LIST_MAX + 1);
        REFUSES(text, "more than 256 entries");
    }
}

static void as_large_a_file_as_the_limit(void **state)
{
    (void)state;
    begin("version: 1\nrules: []\n#");
    memset(text + used, 'x', POLICY_FILE_BYTES_MAX - used);
    text[POLICY_FILE_BYTES_MAX] = '\0';
    ACCEPTS(text);
    text[POLICY_FILE_BYTES_MAX] = 'x';
    text[POLICY_FILE_BYTES_MAX + 1] = '\0';
    assert_null(policy_try(text, NULL, NULL));
}

static void patterns_at_their_limit(void **state)
{
    (void)state;
    assert_null(pattern_refuse(TEXT("/"), 0));
    assert_null(pattern_refuse(TEXT("/**"), 0));
    assert_null(pattern_refuse(TEXT("/*"), 0));
    assert_null(pattern_refuse(TEXT("/a b/..."), 0));
    assert_null(pattern_refuse(TEXT("/{a}/{b c}/*/**"), 0));
    static const char *const none[] = {
        "//",    "/a//",  "/a/",     "**",    "/a\x7f", "/\xff",  "/\xc2\x85", "/a}",   "/{a",  "/{",    "/}",     "/{}",
        "/a{b}", "/{a}b", "/{a}{b}", "/{a*}", "/{a{b}", "/{a}b}", "/{ab", "/ab}", "/a*",       "/*a",   "/***", "/**/a", "/**/**", "/./a",
        "/../a", "/a/.",  "/a/..",   "/a#",   "/a?",    "/a;",    "/a\\",      "/a%41", "/%",   "/a\tb", "/{a%b}", "/{a;b}",
    };

    for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
        assert_non_null(pattern_refuse((struct text){none[i], strlen(none[i])}, 0));
    assert_non_null(pattern_refuse(TEXT(""), 0));
    assert_true(pattern_has_claim(TEXT("/a/{b}")));
    assert_true(pattern_has_claim(TEXT("/{b}/a")));
    assert_false(pattern_has_claim(TEXT("/a/*/**")));
    assert_false(pattern_has_claim(TEXT("/")));
    begin("/");
    while (used < RESOURCE_BYTES_MAX)
        text[used++] = 'a';
    assert_null(pattern_refuse((struct text){text, RESOURCE_BYTES_MAX}, 0));
    text[used] = 'a';
    assert_non_null(pattern_refuse((struct text){text, RESOURCE_BYTES_MAX + 1}, 0));
}

/* Numbers are those of JSON; what only looks like one is text, as it is in the token. */
static void plain_values_are_what_they_are_in_json(void **state)
{
    static const struct {
        const char *value, *claim;
        bool equal;
    } cases[] = {
        {"7", "7", true},
        {"7", "\"7\"", false},
        {"\"7\"", "\"7\"", true},
        {"'7'", "7", false},
        {"-0.5", "-0.5", true},
        {"1e3", "1000", true},
        {"0", "-0", true},
        {"0123", "\"0123\"", true},
        {"0123", "123", false},
        {"0x10", "\"0x10\"", true},
        {"0x10", "16", false},
        {"true", "true", true},
        {"True", "\"True\"", true},
        {"yes", "\"yes\"", true},
        {"yes", "true", false},
        {"\"true\"", "true", false},
        {"1.2.3", "\"1.2.3\"", true},
        {"2026-07-01", "\"2026-07-01\"", true},
        {"-", "\"-\"", true},
        {"1_000", "\"1_000\"", true},
        {"1.", "\"1.\"", true},
        {"12ab", "\"12ab\"", true},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char policy_text[128], claims[64];

        snprintf(policy_text, sizeof policy_text, "version: 1\nrules: [{name: r, claims: {c: %s}}]\n", cases[i].value);
        snprintf(claims, sizeof claims, "{\"c\":%s}", cases[i].claim);
        struct policy *policy = policy_of(policy_text);

        if (strcmp(answer(policy, claims, "GET", "/"), cases[i].equal ? "200 - r" : "403 no_rule -") != 0)
            print_error("%s against %s\n", cases[i].value, cases[i].claim);
        SAYS(policy, claims, "GET", "/", cases[i].equal ? "200 - r" : "403 no_rule -");
        policy_drop(policy);
    }
}

static void the_policy_s_own_examples(void **state)
{
    struct policy *policy =
        policy_of("version: 1\nrules: []\ntests:\n"
                  "- {claims: {sub: a, n: [1, -2, 1.5, true, null, \"1\"], m: {x: {}}}, action: GET, resource: /a, expect: allow}\n"
                  "- {action: PUT, resource: /b, expect: 401}\n- {claims: {}, action: X, resource: \"\", expect: 403}\n");
    static const char wire[] = "\x83\xa3"
                               "sub\xa1"
                               "a\xa1"
                               "n\x96\x01\xfe\xcb\x3f\xf8\0\0\0\0\0\0\xc3\xc0\xa1"
                               "1\xa1"
                               "m\x81\xa1"
                               "x\x80";

    (void)state;
    assert_int_equal(policy->test_count, 3);
    assert_int_equal(policy->tests[0].expect, 200);
    assert_int_equal(policy->tests[0].place.line, 4);
    assert_int_equal(policy->tests[0].claims_bytes, sizeof wire - 1);
    assert_memory_equal(policy->tests[0].claims, wire, sizeof wire - 1);
    assert_int_equal(policy->tests[1].expect, 401);
    assert_null(policy->tests[1].claims);
    assert_true(text_is(policy->tests[1].action, "PUT", 3) && text_is(policy->tests[1].resource, "/b", 2));
    assert_int_equal(policy->tests[2].expect, 403);
    assert_int_equal(policy->tests[2].claims_bytes, 1);
    policy_drop(policy);
}

static void issuers_are_the_configuration_s(void **state)
{
    struct text first[] = {TEXT("https://one"), TEXT("one")}, second[] = {TEXT("https://two")};
    struct issuer_config issuers[] = {{.rules = {.names = {first, 2}}}, {.rules = {.names = {second, 1}}}};
    struct config one = {.issuers = issuers, .issuer_count = 1}, both = {.issuers = issuers, .issuer_count = 2};

    (void)state;
    assert_string_equal(refusal("version: 1\nrules: [{name: r, issuers: [one]}]\n", &one), "");
    assert_string_equal(refusal("version: 1\nrules: [{name: r, issuers: [\"https://one\", \"https://two\"]}]\n", &both), "");
    assert_non_null(strstr(refusal("version: 1\nrules: [{name: r, issuers: [\"https://two\"]}]\n", &one), "is not configured"));
    assert_non_null(
        strstr(refusal("version: 1\nrules: [{name: r, issuers: [\"https://tow\"]}]\n", &both), "did you mean https://two"));
    assert_string_equal(refusal("version: 1\nrules: [{name: r}]\n", &one), "");
    assert_non_null(strstr(refusal("version: 1\nrules: [{name: r}]\n", &both), "`issuers` is missing"));
    assert_string_equal(refusal("version: 1\nrules: [{name: r, anonymous: true}, {name: d, effect: deny}]\n", &both), "");
}

static void held_and_dropped(void **state)
{
    struct policy *policy = policy_of("version: 1\nrules: [{name: r}]\n");

    (void)state;
    assert_ptr_equal(policy_hold(policy), policy);
    policy_drop(policy);
    SAYS(policy, "{}", "GET", "/", "200 - r");
    policy_drop(policy);
    policy_drop(NULL);
    index_free(NULL);
    assert_null(policy_hold(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_rules_as_the_limit),
        cmocka_unit_test(as_many_names_as_the_limit),
        cmocka_unit_test(as_long_lists_as_the_limit),
        cmocka_unit_test(as_large_a_file_as_the_limit),
        cmocka_unit_test(patterns_at_their_limit),
        cmocka_unit_test(plain_values_are_what_they_are_in_json),
        cmocka_unit_test(the_policy_s_own_examples),
        cmocka_unit_test(issuers_are_the_configuration_s),
        cmocka_unit_test(held_and_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
