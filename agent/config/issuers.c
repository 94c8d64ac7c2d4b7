/* `issuers:`, the part of the configuration that says whose tokens are accepted, and under which conditions. */
#include "config.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/token/adapt.h"

/* Issuers that issue tokens to everybody: without a condition on a claim, only the audience keeps every account holder there out of a service. */
static const char *const serve_everyone[] = {
    "https://accounts.google.com", "accounts.google.com", "https://token.actions.githubusercontent.com", "https://gitlab.com",
    "https://login.microsoftonline.com/common/v2.0", "https://appleid.apple.com", "https://www.facebook.com",
    "https://agent.buildkite.com", "https://app.terraform.io", NULL,
};

static void add_text(struct yaml *yaml, yaml_node_t *node, struct texts *texts, const char *text)
{
    if (texts->count >= CONFIG_LIST_MAX) {
        yaml_fault(yaml, node, "more than %d entries", CONFIG_LIST_MAX);
        return;
    }
    if (texts->list == NULL)
        texts->list = arena_get(yaml->arena, CONFIG_LIST_MAX * sizeof *texts->list);
    if (texts_have(texts, text, strlen(text)))
        yaml_fault(yaml, node, "`%s` is given twice; keep one", text);
    else
        texts->list[texts->count++] = as_text(text);
}

static void read_texts(struct yaml *yaml, yaml_node_t *value, void *into)
{
    yaml_node_t *item;

    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *text = yaml_text(yaml, item);

        if (text != NULL && *text == '\0')
            yaml_fault(yaml, item, "this entry is empty; fill it in or take it out");
        else if (text != NULL)
            add_text(yaml, item, into, text);
    }
}

static void read_audiences(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *audiences = into;

    read_texts(yaml, value, into);
    if (value->type == YAML_SEQUENCE_NODE && value->data.sequence.items.start == value->data.sequence.items.top)
        yaml_fault(yaml, value, "no audience; list the `aud` values of this issuer's tokens that are for your services, for example [orders]");
    if (texts_have(audiences, "*", 1))
        yaml_fault(yaml, value, "`*` is not supported as an audience: it would accept tokens that were issued for other services; list your "
                                "audiences");
}

/* Lower case, without application/, so that the check compares once. An empty string allows a token without typ. */
static void read_types(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *types = into;
    yaml_node_t *item;

    types->count = 0;
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *text = yaml_text(yaml, item);

        if (text == NULL)
            continue;
        if (strncasecmp(text, "application/", 12) == 0)
            text += 12;
        char *lower = arena_text(yaml->arena, text, strlen(text));

        for (char *c = lower; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        add_text(yaml, item, types, lower);
    }
}

static void read_algorithms(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *names[ALG_COUNT + 1] = {NULL};
    uint32_t *algorithms = into;
    yaml_node_t *item;

    *algorithms = 0;
    for (enum algorithm alg = ALG_NONE + 1; alg < ALG_COUNT; alg++)
        names[alg - 1] = algorithm_facts[alg].name;
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *text = yaml_text(yaml, item);
        enum algorithm alg = text != NULL ? algorithm_by_name(text, strlen(text)) : ALG_NONE;

        if (alg != ALG_NONE)
            *algorithms |= ALGORITHM_BIT(alg);
        else if (text != NULL)
            (void)yaml_choice(yaml, item, names);
    }
    if (*algorithms == 0 && value->type == YAML_SEQUENCE_NODE)
        yaml_fault(yaml, value, "no algorithm; list at least one, or leave the key out to allow every asymmetric one");
}

static void read_audience_claim(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const claims[] = {[AUDIENCE_IN_AUD] = "aud", [AUDIENCE_IN_CLIENT_ID] = "client_id", [AUDIENCE_IN_CLIENT] = "client", NULL};
    int choice = yaml_choice(yaml, value, claims);

    *(enum audience_claim *)into = choice > 0 ? (enum audience_claim)choice : AUDIENCE_IN_AUD;
}

static void read_padding(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const choices[] = {"refuse", "allowed", NULL};

    *(bool *)into = yaml_choice(yaml, value, choices) == 1;
}

static void read_numeric_claims(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const names[] = {"sub", "jti", "sid", NULL};
    static const enum claim claims[] = {CLAIM_SUB, CLAIM_JTI, CLAIM_SID};
    yaml_node_t *item;

    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        int choice = yaml_choice(yaml, item, names);

        if (choice >= 0)
            *(uint32_t *)into |= CLAIM_BIT(claims[choice]);
    }
}

static const struct yaml_key naming_keys[] = {
    {"header", yaml_read_text, 0, true, NULL},
    {0},
};

static void read_named_by(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const choices[] = {"iss", "kid", NULL};
    struct issuer *rules = into;
    const char *parameter = NULL;

    if (value->type != YAML_MAPPING_NODE) {
        rules->named_by = yaml_choice(yaml, value, choices) == 1 ? NAMED_BY_KID : NAMED_BY_ISS;
        return;
    }
    yaml_read_map(yaml, value, naming_keys, &parameter);
    if (parameter == NULL)
        return; /* the fault was added */
    if (header_is_about_signature(as_text(parameter)))
        yaml_fault(yaml, value, "`%s` belongs to the signature and cannot name an issuer; for tokens without `iss` write named_by: kid", parameter);
    rules->named_by = NAMED_BY_HEADER;
    rules->parameter = parameter;
}

static void read_constrained(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const choices[] = {"refuse", "caller", NULL};

    *(bool *)into = yaml_choice(yaml, value, choices) == 1;
}

static void read_mode(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const modes[] = {"enforce", "shadow", NULL};

    *(bool *)into = yaml_choice(yaml, value, modes) == 1;
}

static void read_leeway(struct yaml *yaml, yaml_node_t *value, void *into)
{
    yaml_read_seconds(yaml, value, into);
    if (*(double *)into > LEEWAY_SECONDS_MAX)
        yaml_fault(yaml, value, "a leeway above 10m extends the life of every token; synchronise the clocks instead (NTP)");
}

static void read_lifetime(struct yaml *yaml, yaml_node_t *value, void *into)
{
    yaml_read_seconds(yaml, value, into);
    if (*(double *)into < 1)
        yaml_fault(yaml, value, "a lifetime below 1s refuses every token; leave the key out for no limit");
}

static void read_rules(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct issuer *rules = into;

    config_read_claim_rules(yaml, value, &rules->rules, &rules->rule_count);
}

static void read_name(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);
    struct texts *names = into;

    if (text == NULL || *text == '\0') {
        yaml_fault(yaml, value, "the issuer has no name; write the exact `iss` of its tokens");
        return;
    }
    if (names->count == CONFIG_LIST_MAX || texts_have(names, text, strlen(text))) {
        yaml_fault(yaml, value, "`%s` is both the issuer's name and its alias; take the alias out", text);
        return;
    }
    if (names->list == NULL)
        names->list = arena_get(yaml->arena, CONFIG_LIST_MAX * sizeof *names->list);
    else /* aliases were read before it: the name must still come first */
        memmove(names->list + 1, names->list, names->count * sizeof *names->list);
    names->list[0] = as_text(text);
    names->count++;
}

static void read_aliases(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct texts *names = into;

    read_texts(yaml, value, into);
    if (names->count > CONFIG_ALIASES_MAX + 1)
        yaml_fault(yaml, value, "an issuer has at most %d aliases", CONFIG_ALIASES_MAX);
}

#define RULE(member) (offsetof(struct issuer_config, rules) + offsetof(struct issuer, member))
#define KEYS(member) (offsetof(struct issuer_config, keys) + offsetof(struct key_source, member))
static const struct yaml_key issuer_keys[] = {
    {"issuer", read_name, RULE(names), true, NULL},
    {"aliases", read_aliases, RULE(names), false, NULL},
    {"keys", config_read_keys, offsetof(struct issuer_config, keys), true, NULL},
    {"audiences", read_audiences, RULE(audiences), true, NULL},
    {"audience_claim", read_audience_claim, RULE(audience_in), false, NULL},
    {"named_by", read_named_by, offsetof(struct issuer_config, rules), false, NULL},
    {"padding", read_padding, RULE(takes_padding), false, NULL},
    {"numeric_claims", read_numeric_claims, RULE(numeric_claims), false, NULL},
    {"algorithms", read_algorithms, RULE(algorithms), false, NULL},
    {"token_types", read_types, RULE(types), false, NULL},
    {"claims", read_rules, offsetof(struct issuer_config, rules), false, NULL},
    {"required_claims", read_texts, RULE(required), false, NULL},
    {"leeway", read_leeway, RULE(leeway), false, NULL},
    {"max_token_lifetime", read_lifetime, RULE(lifetime_max), false, NULL},
    {"sender_constrained", read_constrained, RULE(accepts_constrained), false, NULL},
    {"mode", read_mode, RULE(shadow), false, NULL},
    {"refresh", config_read_key_time, KEYS(refresh), false, NULL},
    {"refetch_cooldown", config_read_key_time, KEYS(cooldown), false, NULL},
    {"max_key_age", config_read_key_time, KEYS(max_age), false, NULL},
    {"roles", config_read_places, RULE(roles), false, NULL},
    {"scopes", config_read_places, RULE(scopes), false, NULL},
    {0},
};

static void set_defaults(struct yaml *yaml, struct issuer *rules)
{
    static const char *const types[] = {"jwt", "at+jwt", ""};

    rules->algorithms = ALGORITHMS_ASYMMETRIC;
    rules->leeway = 30;
    rules->roles.elsewhere = arena_get(yaml->arena, sizeof *rules->roles.elsewhere);
    rules->scopes.elsewhere = arena_get(yaml->arena, sizeof *rules->scopes.elsewhere);
    rules->types.list = arena_get(yaml->arena, CONFIG_LIST_MAX * sizeof *rules->types.list);
    for (; rules->types.count < sizeof types / sizeof *types; rules->types.count++)
        rules->types.list[rules->types.count] = as_text(types[rules->types.count]);
}

/* A spelling must not name two issuers: keys of one must never verify the other's tokens. */
static void check_names(struct yaml *yaml, yaml_node_t *node, const struct config *config, const struct issuer *rules)
{
    for (unsigned i = 0; i < config->issuer_count; i++) {
        const struct texts *others = &config->issuers[i].rules.names;

        for (unsigned k = 0; k < rules->names.count; k++) {
            if (texts_have(others, rules->names.list[k].at, rules->names.list[k].bytes))
                yaml_fault(yaml, node, "`%s` is configured twice", rules->names.list[k].at);
        }
    }
}

/* For an unknown kid the agent fetches one set only. */
static void check_named_by_kid(struct yaml *yaml, yaml_node_t *node, const struct config *config, const struct issuer *rules)
{
    for (unsigned i = 0; rules->named_by == NAMED_BY_KID && rules->fetches_keys && i < config->issuer_count; i++) {
        const struct issuer *other = &config->issuers[i].rules;

        if (other->named_by == NAMED_BY_KID && other->fetches_keys)
            yaml_fault(yaml, node, "`named_by: kid` with keys over HTTPS works for one issuer only, and %s already uses it; give the keys of one "
                                   "of them in a `file`",
                       other->names.list[0].at);
    }
}

static void check_serves_everyone(struct yaml *yaml, yaml_node_t *node, const struct issuer *rules)
{
    for (unsigned k = 0; k < rules->names.count; k++) {
        for (unsigned i = 0; serve_everyone[i] != NULL; i++) {
            if (strcmp(rules->names.list[k].at, serve_everyone[i]) == 0 && rules->rule_count == 0) {
                yaml_fault(yaml, node,
                           "%s issues tokens to everybody; select yours with `claims`, for example claims: {repository_owner: [acme]}, {hd: "
                           "[example.com]} or {sub: [...]}",
                           serve_everyone[i]);
                return;
            }
        }
    }
}

void config_read_issuers(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct config *config = into;
    yaml_node_t *item;

    config->issuers = arena_get(yaml->arena, CONFIG_ISSUERS_MAX * sizeof *config->issuers);
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        if (config->issuer_count == CONFIG_ISSUERS_MAX) {
            yaml_fault(yaml, item, "more than %d issuers", CONFIG_ISSUERS_MAX);
            return;
        }
        struct issuer_config *issuer = &config->issuers[config->issuer_count];

        issuer->place = yaml_place(yaml, item);
        set_defaults(yaml, &issuer->rules);
        yaml_read_map(yaml, item, issuer_keys, issuer);
        check_names(yaml, item, config, &issuer->rules);
        check_serves_everyone(yaml, item, &issuer->rules);
        config_check_keys(yaml, item, &issuer->rules, &issuer->keys);
        issuer->rules.fetches_keys = issuer->keys.file == NULL;
        check_named_by_kid(yaml, item, config, &issuer->rules);
        config->issuer_count++;
    }
    if (config->issuer_count == 0)
        yaml_fault(yaml, value, "no issuer is configured, so every token would be refused; add one");
}
