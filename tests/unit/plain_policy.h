/* A plain reading of a policy, as the reference that the compiled rules are compared with: it cuts texts into pieces and looks at
   every rule, and knows of no tree. */
#ifndef ASSAY_TEST_PLAIN_POLICY_H
#define ASSAY_TEST_PLAIN_POLICY_H

#include <stdbool.h>

extern const char *const actions[3];

/* A rule as its author thinks of it. Bits of a set say which of four roles, scopes, actions. */
struct plain_rule {
    bool deny, anonymous, shadow;
    unsigned actions, roles, scopes; /* 0: any, or none needed */
    int level;                       /* a claim's value; 0: not asked */
    char patterns[3][64];
    unsigned pattern_count;
};

struct plain_question {
    bool token;
    unsigned roles, scopes; /* had */
    int level;
    const char *subject; /* of the claim sub */
    const char *action;
    char segments[6][16];
    unsigned segment_count;
};

enum plain_fit { NOT, LACKS_ROLE, LACKS_SCOPE, APPLIES };

bool plain_matches(const char *pattern, const struct plain_question *question);
bool plain_is_about(const struct plain_rule *rule, const struct plain_question *question);
enum plain_fit plain_fit(const struct plain_rule *rule, const struct plain_question *question);

/* As answer() of agent_policy.h; rule i is named "ni". */
void plain_answer(const struct plain_rule *rules, unsigned count, const struct plain_question *question, char text[64]);

#endif
