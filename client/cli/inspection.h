/* Runs the agent's own checks on a token, without an agent: one issuer made from the options, all algorithms allowed, no leeway. If the
   options do not give an issuer or audience, the token's own is used, so the token is only checked against itself. */
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
    bool jws;             /* not a JWT: skip typ and claims */
    void (*observe)(void *context, const char *check, enum outcome outcome, const struct token *token);
    void *observer;
};

/* False if there is no memory. */
bool inspector_init(struct inspector *inspector);
void inspector_fini(struct inspector *inspector);

/* OUTCOME_REFUSED: *ret_reason says why. What the token points to is freed afterwards; to see it, set `observe`. */
enum outcome inspect(struct inspector *inspector, const struct inspection *inspection, enum reason *ret_reason);

#endif
