/* A token taken through the agent's own checks, without an agent: one issuer made up from what is asked, all algorithms allowed, no
   leeway. What is not asked is taken from the token itself: then only its agreement with itself is checked. */
#ifndef ASSAY_COMMAND_INSPECTION_H
#define ASSAY_COMMAND_INSPECTION_H

#include "agent/token/keyset.h"
#include "agent/token/verify.h"

struct inspector {
    struct token_room *room;
    struct verifier *verifier;
};

struct inspection {
    const struct keyset *keys;
    struct text token;
    struct text issuer;   /* at NULL: the token's own */
    struct text audience; /* at NULL: the token's own */
    double now;           /* Unix seconds */
    bool jws;             /* not a JWT: neither typ nor claims */
    void (*observe)(void *context, const char *check, enum outcome outcome, const struct token *token);
    void *observer;
};

/* False if there is no memory. */
bool inspector_init(struct inspector *inspector);
void inspector_fini(struct inspector *inspector);

/* OUTCOME_REFUSED: *ret_reason says why. What the token points to is gone afterwards: whoever wants to see it observes. */
enum outcome inspect(struct inspector *inspector, const struct inspection *inspection, enum reason *ret_reason);

#endif
