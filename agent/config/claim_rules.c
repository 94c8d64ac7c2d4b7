/* Reads claims and the values that they may have: `claims:` of an issuer, and of a policy's rule. */
#include "config.h"

#include <math.h>
#include <string.h>

#include "agent/token/pointer.h"

/* RFC 7519 section 4.1 defines them as strings, and with `numeric_claims` numbers count as such. */
static bool is_text_claim(struct text claim)
{
    static const char *const names[] = {"iss", "sub", "jti", "sid", "/iss", "/sub", "/jti", "/sid"};
    bool is = false;

    for (size_t i = 0; i < sizeof names / sizeof *names && !is; i++)
        is = text_is(claim, names[i], strlen(names[i]));
    return is;
}

/* A plain `true` or number is a boolean or a number, as in JSON; a quoted one is a string. */
static void add_value(struct yaml *yaml, yaml_node_t *node, struct claim_rule *rule)
{
    const char *text = yaml_text(yaml, node);

    if (text == NULL)
        return;
    if (rule->count >= CONFIG_LIST_MAX) {
        yaml_fault(yaml, node, "more than %d values", CONFIG_LIST_MAX);
        return;
    }
    unsigned i = rule->count++;

    rule->texts[i] = as_text(text);
    if (yaml_is_plain(node) && (*text == '\0' || strcmp(text, "null") == 0 || strcmp(text, "~") == 0)) {
        yaml_fault(yaml, node, "a claim cannot be required to be null; if it is the string \"null\", put it in quotes");
    } else if (yaml_is_plain(node) && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        rule->kinds[i] = VALUE_BOOL;
        rule->numbers[i] = *text == 't' ? 1 : 0;
    } else if (yaml_is_number(node, &rule->numbers[i])) {
        rule->kinds[i] = VALUE_NUMBER;
        if (is_text_claim(rule->claim))
            yaml_fault(yaml, node, "`%.*s` is a string in every accepted token; put the number in quotes: \"%s\"", (int)rule->claim.bytes,
                       rule->claim.at, text);
        if (fabs(rule->numbers[i]) >= 9007199254740992.0) /* 2^53 + 1 is read as 2^53 */
            yaml_fault(yaml, node, "numbers of 2^53 and above are not exact; if the claim is a string, put the number in quotes");
    } else {
        rule->kinds[i] = VALUE_TEXT;
    }
}

static void read_rule(struct yaml *yaml, yaml_node_t *value, struct claim_rule *rule)
{
    yaml_node_t *item;

    size_t room = value->type == YAML_SEQUENCE_NODE ? (size_t)(value->data.sequence.items.top - value->data.sequence.items.start) + 1 : 1;

    rule->kinds = arena_get(yaml->arena, room * sizeof *rule->kinds);
    rule->texts = arena_get(yaml->arena, room * sizeof *rule->texts);
    rule->numbers = arena_get(yaml->arena, room * sizeof *rule->numbers);
    if (value->type == YAML_SCALAR_NODE) {
        add_value(yaml, value, rule);
        return;
    }
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);)
        add_value(yaml, item, rule);
    if (rule->count == 0)
        yaml_fault(yaml, value, "the claim has no value here; list the values that it may have");
}

void config_read_claim_rules(struct yaml *yaml, yaml_node_t *value, struct claim_rule **ret_rules, unsigned *ret_count)
{
    unsigned count = 0;

    if (value->type != YAML_MAPPING_NODE) {
        yaml_fault(yaml, value, "expected claims and their values, for example {repository_owner: [acme]}");
        return;
    }
    struct claim_rule *rules =
        arena_get(yaml->arena, ((size_t)(value->data.mapping.pairs.top - value->data.mapping.pairs.start) + 1) * sizeof *rules);

    for (yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        yaml_node_t *name_node = yaml_node(yaml, pair->key);
        const char *name = yaml_text(yaml, name_node);

        if (name == NULL)
            return;
        for (unsigned i = 0; i < count; i++) {
            if (text_is(rules[i].claim, name, strlen(name)))
                yaml_fault(yaml, name_node, "the claim `%s` is given twice; keep one", name);
        }
        if (*name == '\0' || (*name == '/' && !pointer_is_valid(as_text(name))))
            yaml_fault(yaml, name_node, "`%s` is neither a claim name nor a JSON pointer (RFC 6901) to a claim", name);
        rules[count].claim = as_text(name);
        read_rule(yaml, yaml_node(yaml, pair->value), &rules[count++]);
    }
    *ret_rules = rules;
    *ret_count = count;
}
