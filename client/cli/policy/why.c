#include "why.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/policy/pattern.h"
#include "agent/token/pointer.h"

/* The most items of a list on one line. */
#define LIST_SHOWN_MAX 8

static void put_item(FILE *out, unsigned at, const char *text, size_t bytes)
{
    if (at < LIST_SHOWN_MAX)
        fprintf(out, "%s%.*s", at > 0 ? ", " : "", (int)bytes, text);
    else if (at == LIST_SHOWN_MAX)
        fputs(", …", out);
}

static void put_texts(FILE *out, const struct texts *texts)
{
    for (unsigned i = 0; i < texts->count; i++)
        put_item(out, i, texts->list[i].at, texts->list[i].bytes);
}

static void put_names(FILE *out, const struct name_set *set, const struct name_table *table)
{
    unsigned at = 0;

    for (unsigned i = 0; i < table->count; i++)
        if (name_set_has(set, i))
            put_item(out, at++, table->names[i].at, table->names[i].bytes);
}

/* The value as a policy would write it, without quotation marks. */
static struct text plain_text(const struct wire_item *item, char room[32])
{
    double number;

    if (item->type == WIRE_STR)
        return (struct text){item->str, item->count};
    if (item->type == WIRE_BOOL)
        snprintf(room, 32, "%s", item->boolean ? "true" : "false");
    else if (item->type == WIRE_UINT)
        snprintf(room, 32, "%" PRIu64, item->uint);
    else if (item_number(item, &number))
        snprintf(room, 32, "%.15g", number);
    else
        *room = '\0';
    return (struct text){room, strlen(room)};
}

/* `5` and `"5"` look alike to people, but the agent never treats them as equal. */
static void put_type(FILE *out, const struct claim_rule *wanted, const struct claims *claims)
{
    struct wire_cursor value;
    struct wire_item item;
    char room[32];

    if (!claims_find(claims, wanted->claim, &value)) {
        fputs("; the token does not have this claim", out);
        return;
    }
    if (wire_next(&value, &item) != WIRE_OK)
        return;
    struct text text = plain_text(&item, room);
    const char *kind = item.type == WIRE_BOOL ? "true or false" : "a number";

    for (unsigned i = 0; i < wanted->count; i++) {
        if (text.bytes == 0 || !text_is(wanted->texts[i], text.at, text.bytes))
            continue;
        if (item.type == WIRE_STR)
            fputs("; the token has a string, but the rule has none: put the value in quotation marks", out);
        else
            fprintf(out, "; the token has %s, but the rule has a string: remove the quotation marks", kind);
        return;
    }
}

/* Names the claims in a rule's patterns that can never fill their segment. */
static void put_numbers(FILE *out, const struct rule *rule, const struct claims *claims)
{
    for (unsigned i = 0; i < rule->patterns.count; i++) {
        struct text pattern = rule->patterns.list[i];

        while (pattern.bytes > 1) {
            struct text segment = pattern_cut(&pattern);
            struct wire_cursor value;
            struct wire_item item;

            if (!segment_is_claim(segment))
                continue;
            struct text name = segment_claim(segment);

            if (claim_find(claims, name, &value) && wire_next(&value, &item) == WIRE_OK && item.type == WIRE_DOUBLE)
                fprintf(out, "; the token's %.*s is not a whole number; only a string or a whole number fills {%.*s}", (int)name.bytes, name.at,
                        (int)name.bytes, name.at);
        }
    }
}

/* The first condition that does not hold, with the values that would satisfy it. */
static void put_claim(FILE *out, const struct rule *rule, const struct claims *claims)
{
    for (unsigned i = 0; i < rule->claim_count; i++) {
        const struct claim_rule *wanted = &rule->claims[i];

        if (claim_rule_holds(claims, wanted))
            continue;
        fprintf(out, "the claim %.*s is not one of: ", (int)wanted->claim.bytes, wanted->claim.at);
        for (unsigned k = 0; k < wanted->count; k++)
            put_item(out, k, wanted->texts[k].at, wanted->texts[k].bytes);
        put_type(out, wanted, claims);
        return;
    }
}

static void put_applies(FILE *out, const struct rule *rule)
{
    fputs(rule->anonymous ? "applies, with or without a token" : "applies", out);
    if (rule->shadow)
        fputs("; in shadow mode the agent counts it, but it decides nothing", out);
}

/* False: the resource has nothing that the rule must keep. */
static bool put_not_kept(FILE *out, const struct resource *resource, const struct rule *rule)
{
    unsigned missing = resource != NULL && !rule->deny ? resource->kept & ~rule->keeps : 0;

    if ((missing & RESOURCE_SLASH) != 0)
        fputs("the resource has a `%2F`, and the rule does not have `encoded_slash: keep`", out);
    else if ((missing & RESOURCE_SEMICOLON) != 0)
        fputs("the resource has a `;`, and the rule does not have `semicolon: keep`", out);
    return missing != 0;
}

static void put_fit(FILE *out, const struct policy *policy, const struct ask *ask, const struct rule *rule, enum fit fit)
{
    switch (fit) {
    case FIT_APPLIES:
        put_applies(out, rule);
        break;
    case FIT_ACTION:
        fputs("the action is not one of: ", out);
        put_texts(out, &rule->actions);
        break;
    case FIT_RESOURCE:
        if (put_not_kept(out, ask->resource, rule))
            break;
        fputs("the resource matches none of: ", out);
        put_texts(out, &rule->patterns);
        if (ask->claims != NULL)
            put_numbers(out, rule, ask->claims);
        break;
    case FIT_TOKEN:
        fputs("there is no accepted token", out);
        break;
    case FIT_ISSUER:
        fputs("the issuer is not one of: ", out);
        put_texts(out, &rule->issuers);
        break;
    case FIT_AUDIENCE:
        fputs("the token's audience is not one of: ", out);
        put_texts(out, &rule->audiences);
        break;
    case FIT_CLAIMS:
        put_claim(out, rule, ask->claims);
        break;
    case FIT_ROLES:
        fputs("the holder has none of the roles: ", out);
        put_names(out, rule->roles, &policy->roles);
        break;
    case FIT_SCOPES:
        fputs("the token does not have all of the scopes: ", out);
        put_names(out, rule->scopes, &policy->scopes);
        break;
    }
}

const char *policy_fit_name(enum fit fit)
{
    static const char *const names[] = {
        [FIT_APPLIES] = "applies", [FIT_ACTION] = "action", [FIT_RESOURCE] = "resource", [FIT_TOKEN] = "token",
        [FIT_ISSUER] = "issuer",   [FIT_AUDIENCE] = "audience", [FIT_CLAIMS] = "claims", [FIT_ROLES] = "roles",
        [FIT_SCOPES] = "scopes",
    };

    return names[fit];
}

char *policy_why(const struct policy *policy, const struct ask *ask, const struct rule *rule, enum fit fit)
{
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    if (out == NULL)
        return NULL;
    put_fit(out, policy, ask, rule, fit);
    fclose(out);
    return text;
}
