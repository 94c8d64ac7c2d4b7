#include "load_rules.h"

#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "values.h"

/* The rule while it is read. */
struct draft {
    struct reading *reading;
    yaml_node_t *patterns; /* NULL: the rule has none */
    struct rule rule;
};

/* A list of strings that is not empty and has no duplicates. */
void policy_read_list(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *list = into;
    yaml_node_t *item;

    if (value->type == YAML_SEQUENCE_NODE && value->data.sequence.items.start == value->data.sequence.items.top)
        yaml_fault(yaml, value, "the list is empty and matches nothing; leave the key out to match any");
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *text = yaml_text(yaml, item);

        if (text == NULL)
            continue;
        if (*text == '\0')
            yaml_fault(yaml, item, "this entry is empty; fill it in or take it out");
        else if (list->count == POLICY_LIST_MAX)
            yaml_fault(yaml, item, "more than %d entries", POLICY_LIST_MAX);
        else if (texts_have(list, text, strlen(text)))
            yaml_fault(yaml, item, "`%s` is given twice; keep one", text);
        else
            text_add(yaml->arena, list, as_text(text));
    }
}

/* RFC 9110 section 9.3.2: HEAD is GET without the content. A caller that may GET may also HEAD; a caller that may not GET may not HEAD. */
static void read_actions(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *actions = into;

    policy_read_list(yaml, value, actions);
    if (texts_have(actions, "GET", 3) && !texts_have(actions, "HEAD", 4))
        text_add(yaml->arena, actions, as_text("HEAD"));
}

static void read_patterns(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;

    draft->patterns = value;
    policy_read_list(yaml, value, &draft->rule.patterns);
}

/* Which characters patterns may have is known only after the rule's last key. */
static void check_patterns(struct yaml *yaml, const struct draft *draft)
{
    const struct texts *patterns = &draft->rule.patterns;

    for (unsigned i = 0; i < patterns->count; i++) {
        const char *why = pattern_refuse(patterns->list[i], draft->rule.keeps);

        if (why != NULL)
            yaml_fault(yaml, draft->patterns, "`%s` is not a pattern: %s", patterns->list[i].at, why);
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

    policy_read_list(yaml, value, &names);
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
        yaml_fault(yaml, value, "no claim is listed; leave the key out if the rule needs none");
}

static void read_issuers(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct draft *draft = into;
    const struct config *config = draft->reading->config;
    struct texts *issuers = &draft->rule.issuers;

    policy_read_list(yaml, value, issuers);
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

    policy_read_list(yaml, value, audiences);
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
        yaml_fault(yaml, node, "a deny rule cannot be anonymous; without conditions on the token it already applies to requests without one");
    if (rule->anonymous && asks_of_token(rule))
        yaml_fault(yaml, node, "an anonymous rule cannot have conditions on a token; take out roles, scopes, claims, issuers, audiences and {claim}");
    if (config != NULL && config->issuer_count > 1 && rule->issuers.count == 0 && !rule->anonymous && !rule->deny)
        yaml_fault(yaml, node, "`issuers` is missing; %u issuers are configured, so list those whose tokens this rule is for",
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
        yaml_fault(yaml, node, "the rule's name is too long; at most %d bytes are allowed", POLICY_RULE_NAME_BYTES_MAX);
    policy->rules[policy->rule_count++] = draft.rule;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct rule *const *)a)->name, (*(const struct rule *const *)b)->name);
}

/* Answers and the log name rules, so a name must belong to one rule only. */
static void check_rule_names(struct yaml *yaml, const struct policy *policy)
{
    const struct rule **sorted = arena_get(yaml->arena, (policy->rule_count + 1) * sizeof *sorted);

    for (unsigned i = 0; i < policy->rule_count; i++)
        sorted[i] = &policy->rules[i];
    qsort(sorted, policy->rule_count, sizeof *sorted, compare_names);
    for (unsigned i = 1; i < policy->rule_count; i++) {
        const struct rule *later = sorted[i - 1]->index > sorted[i]->index ? sorted[i - 1] : sorted[i];

        if (*later->name != '\0' && strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            fault_add(yaml->faults, later->place, "an earlier rule has the name `%s`; give this one another name", later->name);
    }
}

void policy_read_rules(struct yaml *yaml, yaml_node_t *value, void *into)
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

/* A deny rule that a caller can bypass by another case of its letters denies nothing. */
void policy_check_denials(const struct policy *policy, struct faults *faults)
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
