/* May the holder of these claims do this? Pure: nothing is read, nothing is allocated. */
#ifndef ASSAY_DECISION_H
#define ASSAY_DECISION_H

#include "policy.h"

/* A token's roles, with all that they contain, and its scopes, as one policy's numbers. */
struct holder {
    struct name_set roles, scopes;
};
void policy_fill_holder(const struct policy *policy, const struct claims *claims, const struct issuer *issuer, struct holder *ret_holder);

struct ask {
    const struct claims *claims; /* of a token that was accepted; NULL: there is no good one */
    const struct issuer *issuer; /* whose it is; NULL with claims: of any issuer */
    enum reason why_no_token;    /* without claims: why the one that was sent does not count; REASON_NO_TOKEN: none was */
    struct text action;
    const struct resource *resource; /* NULL: what was sent is none (bad_resource) */
    const struct holder *holder; /* of these claims under this policy, where it is known already; NULL: it is looked up */
};

struct ruling {
    bool allow;
    unsigned status;         /* 200, 401, 403; 0: nobody has decided */
    enum reason reason;      /* of a no */
    const struct rule *rule; /* that decided, or that lacks only a role or a scope; NULL: none */
};

/* How resources are read that this policy is asked about. NULL is fine. */
struct resource_reading policy_reading(const struct policy *policy);

/* Deny over allow, and deny where nothing allows. `policy` NULL: nothing does. */
struct ruling policy_decide(const struct policy *policy, const struct ask *ask);

/* Whether one rule applies, and what it fails by: in the order in which `explain` tells it. */
enum fit { FIT_APPLIES, FIT_ACTION, FIT_RESOURCE, FIT_TOKEN, FIT_ISSUER, FIT_AUDIENCE, FIT_CLAIMS, FIT_ROLES, FIT_SCOPES };
enum fit policy_fit(const struct policy *policy, const struct rule *rule, const struct ask *ask);

#endif
