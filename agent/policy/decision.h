/* Decides whether the holder of these claims may do this. Pure: it reads nothing and allocates nothing. */
#ifndef ASSAY_DECISION_H
#define ASSAY_DECISION_H

#include "policy.h"

/* A token's roles with all that they contain, and its scopes, as numbers in one policy. */
struct holder {
    struct name_set roles, scopes;
};
void policy_fill_holder(const struct policy *policy, const struct claims *claims, const struct issuer *issuer, struct holder *ret_holder);

struct ask {
    const struct claims *claims; /* of an accepted token; NULL: there is no accepted token */
    const struct issuer *issuer; /* the token's issuer; NULL with claims: any issuer */
    enum reason why_no_token;    /* without claims: why the token was not accepted; REASON_NO_TOKEN: the request has no token */
    struct text action;
    const struct resource *resource; /* NULL: the request's resource is invalid (bad_resource) */
    const struct holder *holder; /* of these claims under this policy, if already known; NULL: it is looked up */
};

struct ruling {
    bool allow;
    unsigned status;         /* 200, 401, 403; 0: undecided */
    enum reason reason;      /* of a refusal */
    const struct rule *rule; /* the rule that decided, or that lacks only a role or a scope; NULL: none */
};

/* How this policy reads resources. NULL is fine. */
struct resource_reading policy_reading(const struct policy *policy);

/* Deny overrides allow; without an allow rule the answer is deny. `policy` NULL: nothing is allowed. */
struct ruling policy_decide(const struct policy *policy, const struct ask *ask);

/* Whether one rule applies, or the condition that it fails; in the order in which `explain` reports them. */
enum fit { FIT_APPLIES, FIT_ACTION, FIT_RESOURCE, FIT_TOKEN, FIT_ISSUER, FIT_AUDIENCE, FIT_CLAIMS, FIT_ROLES, FIT_SCOPES };
enum fit policy_fit(const struct policy *policy, const struct rule *rule, const struct ask *ask);

#endif
