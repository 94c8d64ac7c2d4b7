/* A policy from its file: every fault with its place, and nothing in force unless all of it is good. */
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "index.h"
#include "load_tests.h"
#include "pattern.h"
#include "policy.h"
#include "values.h"

/* What is being read: the policy, and what its file is compared with. */
struct reading {
    struct policy *policy;
    const struct config *config;
    bool has_hierarchy;
    struct name_set listed; /* roles that the hierarchy mentions */
};

/* The rule that is being read. */
struct draft {
    struct reading *reading;
    yaml_node_t *patterns; /* NULL: there are none */
    struct rule rule;
};

static struct text as_text(const char *text)
{
    return (struct text){text, strlen(text)};
}

/* A list of texts that is not empty and has no entry twice. */
static void read_list(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *list = into;
    yaml_node_t *item;

    if (value->type == YAML_SEQUENCE_NODE && value->data.sequence.items.start == value->data.sequence.items.top)
        yaml_fault(yaml, value, "an empty list matches nothing; leave the key out for any");
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *text = yaml_text(yaml, item);

        if (text == NULL)
            continue;
        if (*text == '\0')
            yaml_fault(yaml, item, "an empty entry");
        else if (list->count == POLICY_LIST_MAX)
            yaml_fault(yaml, item, "more than %d entries", POLICY_LIST_MAX);
        else if (texts_have(list, text, strlen(text)))
            yaml_fault(yaml, item, "`%s` stands here twice", text);
        else
            text_add(yaml->arena, list, as_text(text));
    }
}

/* RFC 9110 section 9.3.2: HEAD is GET without the content. Who may have the one may know of it, and who may not, may not. */
static void read_actions(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *actions = into;

    read_list(yaml, value, actions);
    if (texts_have(actions, "GET", 3) && !texts_have(actions, "HEAD", 4))
        text_add(yaml->arena, actions, as_text("HEAD"));
}

static void read_patterns(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;

    draft->patterns = value;
    read_list(yaml, value, &draft->rule.patterns);
}

/* What may stand in them is known only behind the rule's last key. */
static void check_patterns(struct yaml *yaml, const struct draft *draft)
{
    const struct texts *patterns = &draft->rule.patterns;

    for (unsigned i = 0; i < patterns->count; i++) {
        const char *why = pattern_refuse(patterns->list[i], draft->rule.keeps);

        if (why != NULL)
            yaml_fault(yaml, draft->patterns, "`%s` is no pattern: %s", patterns->list[i].at, why);
    }
}

static void read_keeps(struct yaml *yaml, yaml_node_t *value, struct draft *draft, unsigned what)
{
    static const char *const choices[] = {"refuse", "keep", NULL};

    if (yaml_choice(yaml, value, choices) != 1)
        return;
    draft->rule.keeps |= what;
    draft->reading->policy->keeps |= what;
}

static void read_encoded_slash(struct yaml *yaml, yaml_node_t *value, void *into)
{
    read_keeps(yaml, value, into, RESOURCE_SLASH);
}

static void read_semicolon(struct yaml *yaml, yaml_node_t *value, void *into)
{
    read_keeps(yaml, value, into, RESOURCE_SEMICOLON);
}

static void read_names(struct yaml *yaml, yaml_node_t *value, struct name_table *table, const char *what, struct name_set **set)
{
    struct texts names = {NULL, 0};

    read_list(yaml, value, &names);
    *set = arena_get(yaml->arena, sizeof **set);
    for (unsigned i = 0; i < names.count; i++) {
        int number = name_number(table, names.list[i], true);

        if (number < 0)
            yaml_fault(yaml, value, "more than %d different %s", POLICY_NAMES_MAX, what);
        else
            name_set_add(*set, (unsigned)number);
    }
}

static void read_roles(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;

    read_names(yaml, value, &draft->reading->policy->roles, "roles", &draft->rule.roles);
}

static void read_scopes(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;

    read_names(yaml, value, &draft->reading->policy->scopes, "scopes", &draft->rule.scopes);
}

static void read_claims(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;

    config_read_claim_rules(yaml, value, &draft->rule.claims, &draft->rule.claim_count);
    if (value->type == YAML_MAPPING_NODE && draft->rule.claim_count == 0)
        yaml_fault(yaml, value, "no claim; leave the key out if none matters");
}

static void read_issuers(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;
    const struct config *config = draft->reading->config;
    struct texts *issuers = &draft->rule.issuers;

    read_list(yaml, value, issuers);
    for (unsigned i = 0; config != NULL && i < issuers->count; i++) {
        bool known = false;

        for (unsigned k = 0; k < config->issuer_count; k++)
            known = known || texts_have(&config->issuers[k].rules.names, issuers->list[i].at, issuers->list[i].bytes);
        const char *nearest = known ? NULL : config_nearest_issuer(config, issuers->list[i].at);

        if (!known)
            yaml_fault(yaml, value, "the issuer `%s` is not configured%s%s", issuers->list[i].at, nearest != NULL ? "; did you mean " : "",
                       nearest != NULL ? nearest : "");
    }
}

/* Is it an audience of an issuer whose tokens the rule is for? */
static bool is_configured(const struct config *config, struct text audience, const char **names)
{
    unsigned count = 0;
    bool found = false;

    for (unsigned i = 0; i < config->issuer_count; i++) {
        const struct texts *audiences = &config->issuers[i].rules.audiences;

        found = found || texts_have(audiences, audience.at, audience.bytes);
        for (unsigned k = 0; k < audiences->count && count < POLICY_LIST_MAX; k++)
            names[count++] = audiences->list[k].at;
    }
    names[count] = NULL;
    return found;
}

static void read_audiences(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;
    const struct config *config = draft->reading->config;
    struct texts *audiences = &draft->rule.audiences;
    const char *names[POLICY_LIST_MAX + 1];

    read_list(yaml, value, audiences);
    for (unsigned i = 0; config != NULL && i < audiences->count; i++) {
        if (is_configured(config, audiences->list[i], names))
            continue;
        const char *nearest = nearest_name(audiences->list[i].at, names);

        yaml_fault(yaml, value, "the audience `%s` is not configured for any issuer%s%s%s", audiences->list[i].at, nearest != NULL ? "; did you mean `" : "",
                   nearest != NULL ? nearest : "", nearest != NULL ? "`?" : "");
    }
}

static void read_effect(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const effects[] = {"allow", "deny", NULL};

    *(bool *)into = yaml_choice(yaml, value, effects) == 1;
}

static void read_mode(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const modes[] = {"enforce", "shadow", NULL};

    *(bool *)into = yaml_choice(yaml, value, modes) == 1;
}

#define RULE(member) (offsetof(struct draft, rule) + offsetof(struct rule, member))
static const struct yaml_key rule_keys[] = {
    {"name", yaml_read_text, RULE(name), true, NULL},
    {"effect", read_effect, RULE(deny), false, NULL},
    {"issuers", read_issuers, 0, false, NULL},
    {"audiences", read_audiences, 0, false, NULL},
    {"actions", read_actions, RULE(actions), false, NULL},
    {"resources", read_patterns, 0, false, NULL},
    {"encoded_slash", read_encoded_slash, 0, false, NULL},
    {"semicolon", read_semicolon, 0, false, NULL},
    {"roles", read_roles, 0, false, NULL},
    {"scopes", read_scopes, 0, false, NULL},
    {"claims", read_claims, 0, false, NULL},
    {"anonymous", yaml_read_bool, RULE(anonymous), false, NULL},
    {"mode", read_mode, RULE(shadow), false, NULL},
    {0},
};

static bool asks_of_token(const struct rule *rule)
{
    bool asks = rule->roles != NULL || rule->scopes != NULL || rule->claim_count > 0 || rule->issuers.count > 0 ||
                rule->audiences.count > 0;

    for (unsigned i = 0; i < rule->patterns.count; i++)
        asks = asks || pattern_has_claim(rule->patterns.list[i]);
    return asks;
}

static void check_rule(struct yaml *yaml, yaml_node_t *node, const struct draft *draft)
{
    const struct rule *rule = &draft->rule;
    const struct config *config = draft->reading->config;

    if (rule->anonymous && rule->deny)
        yaml_fault(yaml, node, "a deny rule is not anonymous: one that asks nothing of a token applies without one anyhow");
    if (rule->anonymous && asks_of_token(rule))
        yaml_fault(yaml, node, "an anonymous rule asks nothing of a token: take out roles, scopes, claims, issuers, audiences and {claim}");
    if (config != NULL && config->issuer_count > 1 && rule->issuers.count == 0 && !rule->anonymous && !rule->deny)
        yaml_fault(yaml, node, "`issuers` is missing: %u issuers are configured, and whose tokens this rule is for must be said",
                   config->issuer_count);
}

static void read_rule(struct yaml *yaml, yaml_node_t *node, struct reading *reading)
{
    struct policy *policy = reading->policy;
    struct draft draft = {.reading = reading, .rule = {.place = yaml_place(yaml, node), .index = policy->rule_count}};

    yaml_read_map(yaml, node, rule_keys, &draft);
    check_patterns(yaml, &draft);
    check_rule(yaml, node, &draft);
    draft.rule.needs_token = !draft.rule.anonymous && (!draft.rule.deny || asks_of_token(&draft.rule));
    draft.rule.shadow_count = arena_get(yaml->arena, sizeof *draft.rule.shadow_count);
    if (draft.rule.name == NULL)
        draft.rule.name = "";
    if (strlen(draft.rule.name) > POLICY_RULE_NAME_BYTES_MAX)
        yaml_fault(yaml, node, "a rule's name has at most %d bytes", POLICY_RULE_NAME_BYTES_MAX);
    policy->rules[policy->rule_count++] = draft.rule;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct rule *const *)a)->name, (*(const struct rule *const *)b)->name);
}

/* Answers and the log name rules, so each name is one rule's. */
static void check_rule_names(struct yaml *yaml, const struct policy *policy)
{
    const struct rule **sorted = arena_get(yaml->arena, (policy->rule_count + 1) * sizeof *sorted);

    for (unsigned i = 0; i < policy->rule_count; i++)
        sorted[i] = &policy->rules[i];
    qsort(sorted, policy->rule_count, sizeof *sorted, compare_names);
    for (unsigned i = 1; i < policy->rule_count; i++) {
        const struct rule *later = sorted[i - 1]->index > sorted[i]->index ? sorted[i - 1] : sorted[i];

        if (*later->name != '\0' && strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            fault_add(yaml->faults, later->place, "a rule named `%s` stands above; give this one another name", later->name);
    }
}

static void read_rules(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct reading *reading = into;
    yaml_node_t *item;

    if (value->type == YAML_SEQUENCE_NODE && value->data.sequence.items.top - value->data.sequence.items.start > POLICY_RULES_MAX) {
        yaml_fault(yaml, value, "more than %d rules", POLICY_RULES_MAX);
        return;
    }
    if (value->type == YAML_SEQUENCE_NODE)
        reading->policy->rules = arena_get(yaml->arena, sizeof(struct rule) *
                                                            ((size_t)(value->data.sequence.items.top - value->data.sequence.items.start) + 1));
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);)
        read_rule(yaml, item, reading);
    check_rule_names(yaml, reading->policy);
}

/* Adds what a role contains to whoever contains it. False: a role contains itself. */
static bool close_role(struct policy *policy, unsigned role, uint8_t *state)
{
    if (state[role] != 0)
        return state[role] == 2;
    state[role] = 1;
    for (unsigned other = 0; other < policy->roles.count; other++) {
        if (other == role || !name_set_has(&policy->contains[role], other))
            continue;
        if (!close_role(policy, other, state))
            return false;
        for (unsigned i = 0; i < NAME_WORDS; i++)
            policy->contains[role].words[i] |= policy->contains[other].words[i];
    }
    state[role] = 2;
    return true;
}

static void read_hierarchy(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct reading *reading = into;
    struct policy *policy = reading->policy;
    uint8_t state[POLICY_NAMES_MAX] = {0};

    reading->has_hierarchy = true;
    if (value->type != YAML_MAPPING_NODE) {
        yaml_fault(yaml, value, "roles and what they contain are expected: {admin: [manager], manager: [user]}");
        return;
    }
    for (yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        yaml_node_t *name_node = yaml_node(yaml, pair->key), *list = yaml_node(yaml, pair->value);
        const char *name = yaml_text(yaml, name_node);
        struct texts contained = {NULL, 0};
        int role = name != NULL && *name != '\0' ? name_number(&policy->roles, as_text(name), true) : -1;

        if (role < 0) {
            yaml_fault(yaml, name_node, "no name of a role, or more than %d of them", POLICY_NAMES_MAX);
            continue;
        }
        if (state[role] != 0)
            yaml_fault(yaml, name_node, "the role `%s` stands here twice", name);
        state[role] = 1;
        name_set_add(&reading->listed, (unsigned)role);
        if (list->type != YAML_SEQUENCE_NODE || list->data.sequence.items.start < list->data.sequence.items.top)
            read_list(yaml, list, &contained);
        for (unsigned i = 0; i < contained.count; i++) {
            int other = name_number(&policy->roles, contained.list[i], true);

            if (other == role)
                yaml_fault(yaml, list, "the role `%s` contains itself", name);
            else if (other < 0)
                yaml_fault(yaml, list, "more than %d different roles", POLICY_NAMES_MAX);
            if (other >= 0) {
                name_set_add(&policy->contains[role], (unsigned)other);
                name_set_add(&reading->listed, (unsigned)other);
            }
        }
    }
    memset(state, 0, sizeof state);
    for (unsigned role = 0; role < policy->roles.count; role++) {
        if (!close_role(policy, role, state)) {
            yaml_fault(yaml, value, "the role `%s` contains itself through others; a hierarchy has no circles", policy->roles.names[role].at);
            return;
        }
    }
}

static void read_version(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    (void)into;
    if (text != NULL && strcmp(text, "1") != 0)
        yaml_fault(yaml, value, "`version: %s` is not known here; this is version 1 of the language", text);
}

static void read_case_insensitive(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct reading *reading = into;

    yaml_read_bool(yaml, value, &reading->policy->ignores_case);
}

/* A deny rule that another case of its letters gets around denies nothing. */
static void check_denials(const struct policy *policy, struct faults *faults)
{
    for (unsigned i = 0; policy->ignores_case && i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];

        for (unsigned k = 0; rule->deny && k < rule->patterns.count; k++) {
            const char *why = pattern_refuse_denial(rule->patterns.list[k]);

            if (why != NULL)
                fault_add(faults, rule->place, "`%s`: %s", rule->patterns.list[k].at, why);
        }
    }
}

static const struct yaml_key top_keys[] = {
    {"version", read_version, 0, true, NULL}, {"roles", read_hierarchy, 0, false, NULL},
    {"case_insensitive", read_case_insensitive, 0, false, NULL}, {"rules", read_rules, 0, true, NULL},
    {"tests", policy_read_tests, offsetof(struct reading, policy), false, NULL}, {0},
};

static int build_indexes(struct policy *policy)
{
    bool denies = false;

    for (unsigned i = 0; i < policy->rule_count && !denies; i++)
        denies = policy->rules[i].deny && policy->rules[i].patterns.count > 0;
    policy->index = index_new(policy, false);
    if (policy->index == NULL)
        return -1;
    if (!denies || (policy->keeps == 0 && !policy->ignores_case))
        return 0;
    policy->denials = index_new(policy, true);
    return policy->denials != NULL ? 0 : -1;
}

struct policy *policy_load(const char *path, const struct config *config, struct faults *faults)
{
    struct policy *policy = calloc(1, sizeof *policy);
    struct reading reading = {.policy = policy, .config = config};
    unsigned before = faults->count;

    if (policy == NULL) {
        fault_add(faults, (struct place){path, 0, 0}, "out of memory");
        return NULL;
    }
    policy->references = 1;
    policy->decisions = arena_get(&policy->arena, sizeof *policy->decisions);
    policy->contains = arena_get(&policy->arena, POLICY_NAMES_MAX * sizeof *policy->contains);
    struct yaml *yaml = yaml_open(path, POLICY_FILE_BYTES_MAX, &policy->arena, faults);

    if (yaml != NULL) {
        policy->path = yaml->path;
        memcpy(policy->sum, yaml->sum, sizeof policy->sum);
        yaml_read_map(yaml, yaml_root(yaml), top_keys, &reading);
        yaml_close(yaml);
        check_denials(policy, faults);
        for (unsigned role = 0; role < policy->roles.count; role++)
            name_set_add(&policy->contains[role], role); /* each contains itself */
        if (faults->count == before)
            policy_advise(policy, config, reading.has_hierarchy ? &reading.listed : NULL);
        if (faults->count == before && build_indexes(policy) < 0)
            fault_add(faults, (struct place){path, 0, 0}, "out of memory");
    }
    if (faults->count > before || yaml == NULL) {
        policy_drop(policy);
        return NULL;
    }
    return policy;
}

bool policy_is_same(const struct policy *a, const struct policy *b)
{
    return memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

struct policy *policy_hold(struct policy *policy)
{
    if (policy != NULL)
        policy->references++;
    return policy;
}

void policy_drop(struct policy *policy)
{
    if (policy == NULL || --policy->references > 0)
        return;
    index_free(policy->index);
    index_free(policy->denials);
    faults_clear(&policy->warnings);
    arena_free(&policy->arena);
    free(policy);
}
