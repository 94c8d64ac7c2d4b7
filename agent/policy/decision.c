#include "decision.h"

#include <string.h>

#include "granted.h"
#include "index.h"
#include "pattern.h"

/* A holder while it is filled. */
struct filling {
    const struct policy *policy;
    struct holder *holder;
};

static void add_role(void *context, const char *at, size_t bytes)
{
    struct filling *filling = context;
    int role = name_number((struct name_table *)&filling->policy->roles, (struct text){at, bytes}, false);

    for (unsigned i = 0; role >= 0 && i < NAME_WORDS; i++)
        filling->holder->roles.words[i] |= filling->policy->contains[role].words[i];
}

static void add_scope(void *context, const char *at, size_t bytes)
{
    struct filling *filling = context;
    int scope = name_number((struct name_table *)&filling->policy->scopes, (struct text){at, bytes}, false);

    if (scope >= 0)
        name_set_add(&filling->holder->scopes, (unsigned)scope);
}

/* A policy has few names: only the words of the bitmap that are in use are compared. */
static unsigned words_of(const struct name_table *table)
{
    return (table->count + 63) / 64;
}

static bool any_of(const struct name_set *wanted, const struct name_set *had, unsigned words)
{
    uint64_t common = 0;

    for (unsigned i = 0; i < words; i++)
        common |= wanted->words[i] & had->words[i];
    return common != 0;
}

static bool all_of(const struct name_set *wanted, const struct name_set *had, unsigned words)
{
    uint64_t missing = 0;

    for (unsigned i = 0; i < words; i++)
        missing |= wanted->words[i] & ~had->words[i];
    return missing == 0;
}

static bool is_issuers(const struct rule *rule, const struct issuer *issuer)
{
    if (rule->issuers.count == 0 || issuer == NULL)
        return true;
    for (unsigned i = 0; i < rule->issuers.count; i++) {
        if (texts_have(&issuer->names, rule->issuers.list[i].at, rule->issuers.list[i].bytes))
            return true;
    }
    return false;
}

static bool is_wanted(const void *audiences, const char *at, size_t bytes)
{
    return texts_have(audiences, at, bytes);
}

/* RFC 9068 section 3: a token for one resource server is not one for another. */
static bool is_for_audience(const struct rule *rule, const struct ask *ask)
{
    enum claim claim = ask->issuer != NULL ? audience_claim_of(ask->issuer) : CLAIM_AUD;

    return rule->audiences.count == 0 || any_text(claim_cursor(ask->claims, claim), is_wanted, &rule->audiences);
}

/* The conditions besides action and resource. */
static enum fit fit_holder(const struct policy *policy, const struct rule *rule, const struct ask *ask, const struct holder *holder)
{
    if (rule->anonymous || (ask->claims == NULL && !rule->needs_token))
        return FIT_APPLIES;
    if (ask->claims == NULL)
        return FIT_TOKEN;
    if (!is_issuers(rule, ask->issuer))
        return FIT_ISSUER;
    if (!is_for_audience(rule, ask))
        return FIT_AUDIENCE;
    for (unsigned i = 0; i < rule->claim_count; i++) {
        if (!claim_rule_holds(ask->claims, &rule->claims[i]))
            return FIT_CLAIMS;
    }
    if (rule->roles != NULL && !any_of(rule->roles, &holder->roles, words_of(&policy->roles)))
        return FIT_ROLES;
    if (rule->scopes != NULL && !all_of(rule->scopes, &holder->scopes, words_of(&policy->scopes)))
        return FIT_SCOPES;
    return FIT_APPLIES;
}

struct meeting {
    const struct policy *policy;
    const struct ask *ask;
    const struct holder *holder;
    unsigned way; /* the ways (RESOURCE_…) in which the resource is read differently; then only denials count */
    const struct rule *deny, *allow, *lacks_role, *lacks_scope;
};

/* If several rules apply, the first in the file. */
static void note(const struct rule **place, const struct rule *rule)
{
    if (*place == NULL || rule->index < (*place)->index)
        *place = rule;
}

static void count_shadow(const struct rule *rule, uint64_t decision, enum fit fit)
{
    if (fit != FIT_APPLIES || rule->shadow_count->last == decision)
        return;
    rule->shadow_count->last = decision;
    rule->shadow_count->decisions++;
}

/* If servers read a resource differently, it is allowed as it is, by a rule that says that its server reads it so. */
static bool is_for_resource(const struct rule *rule, const struct resource *resource, unsigned way)
{
    return way == 0 && (resource->kept & ~rule->keeps) == 0;
}

static void meet(void *context, const struct rule *rule)
{
    struct meeting *meeting = context;

    if (!rule->deny && !is_for_resource(rule, meeting->ask->resource, meeting->way))
        return;
    enum fit fit = fit_holder(meeting->policy, rule, meeting->ask, meeting->holder);

    if (rule->shadow) {
        count_shadow(rule, *meeting->policy->decisions, fit);
        return;
    }
    if (fit == FIT_APPLIES)
        note(rule->deny ? &meeting->deny : &meeting->allow, rule);
    else if (fit == FIT_ROLES && !rule->deny)
        note(&meeting->lacks_role, rule);
    else if (fit == FIT_SCOPES && !rule->deny)
        note(&meeting->lacks_scope, rule);
}

struct resource_reading policy_reading(const struct policy *policy)
{
    return policy != NULL ? (struct resource_reading){policy->keeps, policy->ignores_case} : (struct resource_reading){0};
}

static struct ruling no(unsigned status, enum reason reason, const struct rule *rule)
{
    return (struct ruling){false, status, reason, rule};
}

void policy_fill_holder(const struct policy *policy, const struct claims *claims, const struct issuer *issuer, struct holder *ret_holder)
{
    struct filling filling = {policy, ret_holder};

    memset(ret_holder, 0, sizeof *ret_holder);
    if (claims == NULL)
        return;
    each_role(claims, issuer, add_role, &filling);
    each_scope(claims, issuer, add_scope, &filling);
}

/* The next way in which a server may read it differently, after this one; 0: that was the last. */
static unsigned next_way(const struct policy *policy, const struct resource *resource, unsigned way)
{
    unsigned all = resource->kept | (policy->ignores_case ? RESOURCE_LOOSE : 0), both = RESOURCE_SEMICOLON | RESOURCE_END;

    if ((all & RESOURCE_SEMICOLON) != 0)
        all |= RESOURCE_END;
    do
        way++;
    while (way <= all && ((way & ~all) != 0 || (way & both) == both));
    return way <= all ? way : 0;
}

/* If a rule denies any of these readings, the request is denied. */
static void walk_other_ways(const struct policy *policy, const struct ask *ask, struct meeting *meeting)
{
    struct resource other;

    while (policy->denials != NULL && (meeting->way = next_way(policy, ask->resource, meeting->way)) != 0) {
        resource_read_as(ask->resource, meeting->way, &other);
        index_walk(policy->denials, ask->action, &other, ask->claims, policy->ignores_case, meet, meeting);
    }
}

struct ruling policy_decide(const struct policy *policy, const struct ask *ask)
{
    struct meeting meeting = {.policy = policy, .ask = ask, .holder = ask->holder};
    struct holder holder;

    if (ask->resource == NULL)
        return no(403, REASON_BAD_RESOURCE, NULL);
    if (policy != NULL) {
        ++*policy->decisions;
        if (meeting.holder == NULL) {
            policy_fill_holder(policy, ask->claims, ask->issuer, &holder);
            meeting.holder = &holder;
        }
        index_walk(policy->index, ask->action, ask->resource, ask->claims, false, meet, &meeting);
        walk_other_ways(policy, ask, &meeting);
    }
    if (meeting.deny != NULL)
        return no(403, REASON_DENIED_BY_RULE, meeting.deny);
    if (meeting.allow != NULL)
        return (struct ruling){true, 200, REASON_NONE, meeting.allow};
    if (ask->claims == NULL)
        return no(401, ask->why_no_token, NULL);
    if (meeting.lacks_scope != NULL)
        return no(403, REASON_INSUFFICIENT_SCOPE, meeting.lacks_scope);
    if (meeting.lacks_role != NULL)
        return no(403, REASON_INSUFFICIENT_ROLE, meeting.lacks_role);
    return no(403, REASON_NO_RULE, NULL);
}

static bool any_pattern_matches(const struct rule *rule, const struct resource *resource, const struct claims *claims, struct comparing how)
{
    bool matches = rule->patterns.count == 0;

    for (unsigned i = 0; i < rule->patterns.count && !matches; i++)
        matches = pattern_matches(rule->patterns.list[i], resource, claims, how);
    return matches;
}

static bool rule_matches(const struct policy *policy, const struct rule *rule, const struct ask *ask)
{
    struct comparing how = {.folds_words = policy->ignores_case};
    struct resource other;

    if (!rule->deny)
        return is_for_resource(rule, ask->resource, 0) && any_pattern_matches(rule, ask->resource, ask->claims, how);
    bool matches = any_pattern_matches(rule, ask->resource, ask->claims, how);

    how.folds_claims = policy->ignores_case;
    for (unsigned way = 0; !matches && (way = next_way(policy, ask->resource, way)) != 0;) {
        resource_read_as(ask->resource, way, &other);
        matches = any_pattern_matches(rule, &other, ask->claims, how);
    }
    return matches;
}

enum fit policy_fit(const struct policy *policy, const struct rule *rule, const struct ask *ask)
{
    struct holder holder;

    if (rule->actions.count > 0 && !texts_have(&rule->actions, ask->action.at, ask->action.bytes))
        return FIT_ACTION;
    if (ask->resource == NULL)
        return FIT_RESOURCE;
    if (!rule_matches(policy, rule, ask))
        return FIT_RESOURCE;
    policy_fill_holder(policy, ask->claims, ask->issuer, &holder);
    return fit_holder(policy, rule, ask, &holder);
}
