#include "advice.h"

#include <stdio.h>
#include <string.h>

#include "pattern.h"

/* A role that the hierarchy does not mention is probably misspelt; it is not a fault, because a role without a hierarchy need not be listed. */
static void warn_of_unknown_roles(struct policy *policy, const struct name_set *listed)
{
    const char *names[POLICY_NAMES_MAX + 1];
    unsigned known = 0;

    for (unsigned role = 0; role < policy->roles.count; role++) {
        if (name_set_has(listed, role))
            names[known++] = policy->roles.names[role].at;
    }
    names[known] = NULL;
    for (unsigned i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];

        for (unsigned role = 0; rule->roles != NULL && role < policy->roles.count; role++) {
            if (!name_set_has(rule->roles, role) || name_set_has(listed, role))
                continue;
            const char *nearest = nearest_name(policy->roles.names[role].at, names);

            fault_add(&policy->warnings, rule->place, "the role `%s` is not listed under `roles`%s%s%s", policy->roles.names[role].at,
                      nearest != NULL ? "; did you mean `" : "", nearest != NULL ? nearest : "", nearest != NULL ? "`?" : "");
        }
    }
}

/* Does this entry's gateway accept tokens for more than one audience? */
static bool has_several(const struct peer_config *peer)
{
    return (peer->rights & RIGHT_BIT(RIGHT_AUTHORIZE)) != 0 && (peer->bounds.any_audience || peer->bounds.audiences.count > 1);
}

static bool gateway_has_several(const struct config *config)
{
    const struct peers_config *peers = &config->peers;
    bool several = !peers->configured || has_several(&peers->stranger);

    for (unsigned i = 0; peers->configured && i < peers->count; i++) {
        if (config->http.path != NULL || config->http.peer == NULL || strcmp(peers->list[i].name, config->http.peer) == 0)
            several = several || has_several(&peers->list[i]);
    }
    return several;
}

/* The first issuer with several audiences whose tokens this rule accepts. */
static const struct issuer *issuer_with_several(const struct config *config, const struct rule *rule)
{
    for (unsigned i = 0; i < config->issuer_count; i++) {
        const struct issuer *issuer = &config->issuers[i].rules;
        bool is_meant = rule->issuers.count == 0;

        for (unsigned k = 0; k < rule->issuers.count; k++)
            is_meant = is_meant || texts_have(&issuer->names, rule->issuers.list[k].at, rule->issuers.list[k].bytes);
        if (is_meant && issuer->audiences.count > 1)
            return issuer;
    }
    return NULL;
}

/* A service asks for its own audience. A gateway asks for none: it does not know which audience belongs to a path, unless a rule says so. */
static void warn_of_audiences(struct policy *policy, const struct config *config)
{
    const struct rule *first = NULL;
    const struct issuer *issuer = NULL;
    unsigned others = 0;

    if (config == NULL || config->http.listen == NULL || !gateway_has_several(config))
        return;
    for (unsigned i = 0; i < policy->rule_count; i++) {
        const struct rule *rule = &policy->rules[i];
        const struct issuer *its = rule->deny || rule->anonymous || rule->shadow || rule->audiences.count > 0 ? NULL : issuer_with_several(config, rule);

        if (its != NULL && first == NULL) {
            first = rule;
            issuer = its;
        } else if (its != NULL) {
            others++;
        }
    }
    if (first == NULL)
        return;
    char more[64] = "";

    if (others == 1)
        snprintf(more, sizeof more, ", and so does another rule");
    else if (others > 1)
        snprintf(more, sizeof more, ", and so do %u other rules", others);
    fault_add(&policy->warnings, first->place,
              "behind a gateway this rule accepts tokens for any audience of %s (`%s`, `%s`%s)%s; restrict it with `audiences: [%s]`",
              issuer->names.list[0].at, issuer->audiences.list[0].at, issuer->audiences.list[1].at, issuer->audiences.count > 2 ? ", …" : "", more,
              issuer->audiences.list[0].at);
}

/* The next segment of a pattern. False: there are no more. */
static bool next_segment(struct text *pattern, struct text *ret_segment)
{
    bool has_one = pattern->bytes > 1;

    if (has_one)
        *ret_segment = pattern_cut(pattern);
    return has_one;
}

/* A word, or a claim's value, which is one word. */
static bool is_one(struct text segment)
{
    return !text_is(segment, "*", 1) && !text_is(segment, "**", 2);
}

static bool is_literal(struct text segment)
{
    return is_one(segment) && !segment_is_claim(segment);
}

static bool is_same(struct text a, struct text b)
{
    return text_is(a, b.at, b.bytes);
}

/* Does the allowed pattern match other spellings of what the denied one is for? That is so if it has `*`, `{claim}` or `**` where the denied one
   has a word. */
static bool lets_spellings_in(struct text allowed, struct text denied)
{
    struct text allow, deny;
    bool wider = false;

    while (next_segment(&denied, &deny)) {
        if (!next_segment(&allowed, &allow))
            return false;
        if (text_is(allow, "**", 2))
            return wider || is_one(deny) || memchr(denied.at, '/', denied.bytes) != NULL;
        if (text_is(deny, "**", 2))
            return wider;
        if (!is_literal(allow))
            wider = wider || (is_one(deny) && !is_same(allow, deny));
        else if (is_literal(deny) && !is_same(allow, deny))
            return false;
    }
    return wider && !next_segment(&allowed, &allow);
}

static bool acts_alike(const struct rule *allow, const struct rule *deny)
{
    bool alike = allow->actions.count == 0 || deny->actions.count == 0;

    for (unsigned i = 0; i < deny->actions.count && !alike; i++)
        alike = texts_have(&allow->actions, deny->actions.list[i].at, deny->actions.list[i].bytes);
    return alike;
}

static bool stands_inside(const struct rule *deny, const struct rule *allow)
{
    bool inside = allow->patterns.count == 0;

    for (unsigned i = 0; i < allow->patterns.count && !inside; i++) {
        for (unsigned k = 0; k < deny->patterns.count && !inside; k++)
            inside = lets_spellings_in(allow->patterns.list[i], deny->patterns.list[k]);
    }
    return inside && acts_alike(allow, deny);
}

#define DENIES_LOOKED_AT 256 /* in a policy of thousands of rules the others are of the same kind */

/* Many servers read /ADMIN/x, /admin%20/x or /admin./x as /admin/x; a deny rule does not. */
static void warn_of_spellings(struct policy *policy)
{
    unsigned looked = 0;

    for (unsigned i = 0; !policy->ignores_case && i < policy->rule_count && looked < DENIES_LOOKED_AT; i++) {
        const struct rule *deny = &policy->rules[i];

        if (!deny->deny || deny->shadow || deny->patterns.count == 0)
            continue;
        looked++;
        for (unsigned k = 0; k < policy->rule_count; k++) {
            const struct rule *allow = &policy->rules[k];

            if (allow->deny || allow->shadow || !stands_inside(deny, allow))
                continue;
            fault_add(&policy->warnings, deny->place,
                      "this deny rule covers a part of what `%s` allows and compares bytes: a server that ignores case or blanks serves the denied "
                      "path under another spelling; narrow the allow rule instead, or write `case_insensitive: true`",
                      allow->name);
            break;
        }
    }
}

void policy_advise(struct policy *policy, const struct config *config, const struct name_set *listed)
{
    if (listed != NULL)
        warn_of_unknown_roles(policy, listed);
    warn_of_audiences(policy, config);
    warn_of_spellings(policy);
}
