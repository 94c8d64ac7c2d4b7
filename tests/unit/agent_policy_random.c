/* The compiled rules against a plain reading of them (plain_policy.h), on random policies, holders and resources. ASSAY_LONG:
   millions of questions. ASSAY_SEED: those of an earlier run. */
#include "agent_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/policy/index.h"
#include "agent/policy/pattern.h"
#include "plain_policy.h"

#define RULES_MAX 16
#define QUESTIONS 60 /* of each policy */
#define POLICIES 1700
#define POLICIES_LONG 60000

static const char *const words[] = {"a", "b", "c", "users", "*"};
static const char *const subjects[] = {NULL, "a", "b", "*", "**", "a/b", "", "..", "{sub}", "users"};

static uint64_t random_state;

static unsigned dice(unsigned sides)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % sides);
}

static void add(char *text, size_t room, const char *more)
{
    size_t used = strlen(text);

    assert_true((size_t)snprintf(text + used, room - used, "%s", more) < room - used);
}

static void make_pattern(char *text, size_t room)
{
    unsigned segments = dice(5);

    *text = '\0';
    for (unsigned i = 0; i < segments; i++) {
        static const char *const special[] = {"/*", "/{sub}", "/{other}"};

        if (dice(3) == 0) {
            add(text, room, special[dice(3)]);
        } else {
            add(text, room, "/");
            add(text, room, words[dice(4)]);
        }
    }
    if (dice(4) == 0)
        add(text, room, "/**");
    if (*text == '\0')
        add(text, room, "/");
}

/* A list has nothing twice, so it may end earlier. */
static void make_patterns(struct plain_rule *rule, unsigned wanted)
{
    while (rule->pattern_count < wanted) {
        char *pattern = rule->patterns[rule->pattern_count];

        make_pattern(pattern, sizeof rule->patterns[0]);
        for (unsigned i = 0; i < rule->pattern_count; i++) {
            if (strcmp(rule->patterns[i], pattern) == 0)
                return;
        }
        rule->pattern_count++;
    }
}

static void make_rule(struct plain_rule *rule)
{
    memset(rule, 0, sizeof *rule);
    rule->shadow = dice(8) == 0;
    rule->deny = dice(4) == 0;
    rule->actions = dice(2) == 0 ? dice(8) : 0;
    make_patterns(rule, dice(12) == 0 ? 0 : 1 + dice(3));
    rule->roles = dice(3) == 0 ? dice(16) : 0;
    rule->scopes = dice(4) == 0 ? dice(8) : 0;
    rule->level = dice(6) == 0 ? (int)dice(3) : 0;
    rule->anonymous = !rule->deny && rule->roles == 0 && rule->scopes == 0 && rule->level == 0 && dice(6) == 0;
    for (unsigned i = 0; i < rule->pattern_count; i++)
        rule->anonymous = rule->anonymous && strchr(rule->patterns[i], '{') == NULL;
}

static void write_set(char *text, size_t room, const char *key, unsigned set, const char *const *names)
{
    if (set == 0)
        return;
    add(text, room, key);
    for (unsigned i = 0; set != 0; i++, set >>= 1) {
        if ((set & 1) != 0) {
            add(text, room, names[i]);
            add(text, room, ",");
        }
    }
    add(text, room, "]");
}

static const char *const roles[] = {"r0", "r1", "r2", "r3"}, *const scopes[] = {"s0", "s1", "s2"};

static struct policy *compile(const struct plain_rule *rules, const unsigned *order, unsigned count)
{
    static char text[65536];

    snprintf(text, sizeof text, "version: 1\nroles: {r3: [r2, r1], r2: [r0]}\nrules:\n");
    for (unsigned i = 0; i < count; i++) {
        const struct plain_rule *rule = &rules[order[i]];
        char line[512], level[32] = "";

        if (rule->level > 0)
            snprintf(level, sizeof level, ", claims: {level: %d}", rule->level);
        snprintf(line, sizeof line, "- {name: n%u, effect: %s%s%s%s", order[i], rule->deny ? "deny" : "allow",
                 rule->shadow ? ", mode: shadow" : "", rule->anonymous ? ", anonymous: true" : "", level);
        write_set(line, sizeof line, ", actions: [", rule->actions, actions);
        write_set(line, sizeof line, ", roles: [", rule->roles, roles);
        write_set(line, sizeof line, ", scopes: [", rule->scopes, scopes);
        for (unsigned k = 0; k < rule->pattern_count; k++) {
            add(line, sizeof line, k == 0 ? ", resources: [\"" : ",\"");
            add(line, sizeof line, rule->patterns[k]);
            add(line, sizeof line, "\"");
        }
        add(line, sizeof line, rule->pattern_count > 0 ? "]}\n" : "}\n");
        add(text, sizeof text, line);
    }
    return policy_of(text);
}

static void make_question(struct plain_question *question)
{
    memset(question, 0, sizeof *question);
    question->token = dice(6) != 0;
    question->roles = question->token && dice(2) == 0 ? dice(16) : 0;
    question->scopes = question->token && dice(2) == 0 ? dice(8) : 0;
    question->level = question->token ? (int)dice(3) : 0;
    question->subject = question->token ? subjects[dice(sizeof subjects / sizeof *subjects)] : NULL;
    question->action = actions[dice(3)];
    question->segment_count = dice(6);
    for (unsigned i = 0; i < question->segment_count; i++)
        snprintf(question->segments[i], sizeof question->segments[i], "%s", words[dice(5)]);
}

/* One of the many spellings of it. */
static void spell(const struct plain_question *question, char *text, size_t room)
{
    *text = '\0';
    for (unsigned i = 0; i < question->segment_count; i++) {
        add(text, room, "/");
        for (const char *c = question->segments[i]; *c != '\0'; c++) {
            char one[8];

            snprintf(one, sizeof one, dice(5) == 0 ? (dice(2) == 0 ? "%%%02x" : "%%%02X") : "%c", (unsigned char)*c);
            add(text, room, one);
        }
    }
    if (*text == '\0' || dice(4) == 0)
        add(text, room, "/");
    if (dice(4) == 0)
        add(text, room, "?x=/../%2f;");
}

/* --- both side by side --- */

static const char *holder(const struct plain_question *question, char *text, size_t room)
{
    char level[32], subject[32] = "";

    if (!question->token)
        return NULL;
    snprintf(text, room, "{\"roles\":[\"none\",");
    for (unsigned i = 0; i < 4; i++)
        add(text, room, (question->roles >> i & 1) != 0 ? (const char *[]){"\"r0\",", "\"r1\",", "\"r2\",", "\"r3\","}[i] : "");
    add(text, room, "7],\"scope\":\"");
    for (unsigned i = 0; i < 3; i++)
        add(text, room, (question->scopes >> i & 1) != 0 ? (const char *[]){"s0 ", "s1 ", "s2 "}[i] : "");
    snprintf(level, sizeof level, "\",\"level\":%d", question->level);
    add(text, room, level);
    if (question->subject != NULL)
        snprintf(subject, sizeof subject, ",\"sub\":\"%s\"", question->subject);
    add(text, room, subject);
    add(text, room, "}");
    return text;
}

static void mark(void *context, const struct rule *rule)
{
    ((bool *)context)[rule->index] = true;
}

/* The walk meets exactly those rules that are about the question, and each rule by itself says the same of it. */
static void compare_rules(const struct policy *policy, const struct plain_rule *rules, const struct plain_question *question,
                          const char *claims, const char *text)
{
    bool met[RULES_MAX] = {false};
    struct resource resource;

    assert_int_equal(resource_normalize(text, strlen(text), (struct resource_reading){0}, &resource), 0);
    assert_int_equal(resource.count, question->segment_count);
    struct ask ask = {claims_of(claims), NULL, REASON_NO_TOKEN, {question->action, strlen(question->action)}, &resource, NULL};

    index_walk(policy->index, ask.action, &resource, ask.claims, false, mark, met);
    for (unsigned i = 0; i < policy->rule_count; i++) {
        enum fit fit = policy_fit(policy, &policy->rules[i], &ask);

        assert_int_equal(met[i], plain_is_about(&rules[i], question));
        assert_int_equal(met[i], fit != FIT_ACTION && fit != FIT_RESOURCE);
        assert_int_equal(fit == FIT_APPLIES, plain_fit(&rules[i], question) == APPLIES);
        assert_int_equal(fit == FIT_ROLES, plain_fit(&rules[i], question) == LACKS_ROLE);
        assert_int_equal(fit == FIT_SCOPES, plain_fit(&rules[i], question) == LACKS_SCOPE);
        for (unsigned k = 0; k < rules[i].pattern_count; k++) {
            struct text pattern = {rules[i].patterns[k], strlen(rules[i].patterns[k])};

            assert_int_equal(pattern_matches(pattern, &resource, ask.claims, (struct comparing){false, false}), plain_matches(rules[i].patterns[k], question));
        }
    }
}

static unsigned long tally[4]; /* allowed, denied, nearly allowed, others */

static void compare_question(const struct policy *policy, const struct policy *shuffled, const struct plain_rule *rules,
                             unsigned count)
{
    struct plain_question question;
    char claims_text[256], path[512], expected[64], said[64];

    make_question(&question);
    spell(&question, path, sizeof path);
    const char *claims = holder(&question, claims_text, sizeof claims_text);

    plain_answer(rules, count, &question, expected);
    snprintf(said, sizeof said, "%s", answer(policy, claims, question.action, path));
    if (strcmp(said, expected) != 0)
        print_error("%s %s as %s\n", question.action, path, claims != NULL ? claims : "nobody");
    assert_string_equal(said, expected);
    compare_rules(policy, rules, &question, claims, path);
    /* Where a rule stands decides which name is told, nothing else. */
    const char *other = answer(shuffled, claims, question.action, path);

    *strrchr(said, ' ') = '\0';
    assert_memory_equal(other, said, strlen(said));
    assert_true(strchr(other + strlen(said) + 1, ' ') == NULL);
    tally[said[0] == '2' ? 0 : strstr(said, "denied") != NULL ? 1 : strstr(said, "insufficient") != NULL ? 2 : 3]++;
}

static void compiled_and_plain_agree(void **state)
{
    unsigned policies = getenv("ASSAY_LONG") != NULL ? POLICIES_LONG : POLICIES;
    const char *given = getenv("ASSAY_SEED");
    unsigned long long seed = given != NULL ? strtoull(given, NULL, 10) : (unsigned long long)time(NULL);

    (void)state;
    print_message("ASSAY_SEED=%llu\n", seed);
    random_state = seed * 6364136223846793005U + 1442695040888963407U;
    for (unsigned i = 0; i < policies; i++) {
        struct plain_rule rules[RULES_MAX];
        unsigned count = 1 + dice(RULES_MAX), order[RULES_MAX], mixed[RULES_MAX];

        for (unsigned k = 0; k < count; k++) {
            make_rule(&rules[k]);
            order[k] = mixed[k] = k;
        }
        for (unsigned k = count; k > 1; k--) {
            unsigned with = dice(k), taken = mixed[k - 1];

            mixed[k - 1] = mixed[with];
            mixed[with] = taken;
        }
        struct policy *policy = compile(rules, order, count), *shuffled = compile(rules, mixed, count);

        for (unsigned k = 0; k < QUESTIONS; k++)
            compare_question(policy, shuffled, rules, count);
        policy_drop(policy);
        policy_drop(shuffled);
    }
    print_message("%u questions: %lu allowed, %lu denied by a rule, %lu lacked a role or a scope\n", policies * QUESTIONS, tally[0],
                  tally[1], tally[2]);
    for (unsigned i = 0; i < 4; i++)
        assert_true(tally[i] > policies * QUESTIONS / 50); /* each is worth something only if it happens */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compiled_and_plain_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
