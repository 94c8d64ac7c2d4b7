#include "plain_policy.h"

#include <stdio.h>
#include <string.h>

const char *const actions[3] = {"GET", "PUT", "DELETE"};

bool plain_matches(const char *pattern, const struct plain_question *question)
{
    char copy[64], *rest = copy, *piece;
    unsigned at = 0;

    if (strcmp(pattern, "/**") == 0)
        return true;
    if (strcmp(pattern, "/") == 0)
        return question->segment_count == 0;
    snprintf(copy, sizeof copy, "%s", pattern + 1);
    while ((piece = strsep(&rest, "/")) != NULL) {
        if (strcmp(piece, "**") == 0)
            return at < question->segment_count;
        if (at == question->segment_count)
            return false;
        const char *segment = question->segments[at++];

        if (strcmp(piece, "*") == 0)
            continue;
        if (strcmp(piece, "{other}") == 0)
            return false; /* nobody has it */
        if (strcmp(piece, "{sub}") == 0)
            piece = question->subject != NULL ? (char *)question->subject : (char *)"";
        if (strcmp(piece, segment) != 0)
            return false;
    }
    return at == question->segment_count;
}

bool plain_is_about(const struct plain_rule *rule, const struct plain_question *question)
{
    bool action = rule->actions == 0, resource = rule->pattern_count == 0;

    for (unsigned i = 0; i < 3; i++)
        action = action || ((rule->actions >> i & 1) != 0 && strcmp(actions[i], question->action) == 0);
    for (unsigned i = 0; i < rule->pattern_count; i++)
        resource = resource || plain_matches(rule->patterns[i], question);
    return action && resource;
}

static bool plain_asks_nothing(const struct plain_rule *rule)
{
    bool nothing = rule->roles == 0 && rule->scopes == 0 && rule->level == 0;

    for (unsigned i = 0; i < rule->pattern_count; i++)
        nothing = nothing && strchr(rule->patterns[i], '{') == NULL;
    return nothing;
}

static unsigned plain_roles(unsigned had)
{
    if ((had & 8) != 0)
        had |= 4 | 2;
    if ((had & 4) != 0)
        had |= 1;
    return had;
}

enum plain_fit plain_fit(const struct plain_rule *rule, const struct plain_question *question)
{
    if (!plain_is_about(rule, question))
        return NOT;
    if (rule->anonymous)
        return APPLIES;
    if (!question->token)
        return rule->deny && plain_asks_nothing(rule) ? APPLIES : NOT;
    if (rule->level != 0 && rule->level != question->level)
        return NOT;
    if (rule->roles != 0 && (rule->roles & plain_roles(question->roles)) == 0)
        return LACKS_ROLE;
    return (rule->scopes & ~question->scopes) != 0 ? LACKS_SCOPE : APPLIES;
}

void plain_answer(const struct plain_rule *rules, unsigned count, const struct plain_question *question, char text[64])
{
    int denied = -1, allowed = -1, lacks_role = -1, lacks_scope = -1;

    for (unsigned i = count; i-- > 0;) {
        enum plain_fit fit = rules[i].shadow ? NOT : plain_fit(&rules[i], question);

        if (fit == APPLIES)
            *(rules[i].deny ? &denied : &allowed) = (int)i;
        else if (fit != NOT && !rules[i].deny)
            *(fit == LACKS_ROLE ? &lacks_role : &lacks_scope) = (int)i;
    }
    if (denied >= 0)
        snprintf(text, 64, "403 denied_by_rule n%d", denied);
    else if (allowed >= 0)
        snprintf(text, 64, "200 - n%d", allowed);
    else if (!question->token)
        snprintf(text, 64, "401 no_token -");
    else if (lacks_scope >= 0)
        snprintf(text, 64, "403 insufficient_scope n%d", lacks_scope);
    else if (lacks_role >= 0)
        snprintf(text, 64, "403 insufficient_role n%d", lacks_role);
    else
        snprintf(text, 64, "403 no_rule -");
}
