/* What an issuer's tokens must be like: the settings that verification reads. Made by config/, never changed afterwards. */
#ifndef ASSAY_ISSUER_H
#define ASSAY_ISSUER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keyset.h"

struct text {
    const char *at;
    size_t bytes;
};

struct texts {
    struct text *list;
    unsigned count;
};

/* A claim that must be equal to, or an array that must contain, one of these. */
struct claim_rule {
    struct text claim;
    enum claim_value { VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL } *kinds;
    struct text *texts;
    double *numbers; /* also true (1) and false (0) */
    unsigned count;
};

struct issuer {
    struct texts names; /* the first is `issuer`, the others its aliases: exact bytes */
    struct texts audiences;
    bool audience_is_client_id; /* the audience stands in client_id; a present aud must match all the same */
    uint32_t algorithms;        /* ALGORITHM_BIT of each allowed */
    struct texts types;         /* header typ, in lower case, without application/; an empty one: no typ */
    struct claim_rule *rules;
    unsigned rule_count;
    struct texts required;
    double leeway;           /* seconds */
    double lifetime_max;     /* seconds of exp - iat; 0: any */
    bool accepts_constrained; /* tokens with cnf (RFC 7800): the caller checks the possession */
    bool shadow;              /* judged and counted, but refused */
    struct text roles, scopes; /* JSON pointers; at NULL: the claims that are usual */
    const struct keyset *keys;
};

bool text_is(struct text text, const char *at, size_t bytes);
bool texts_have(const struct texts *texts, const char *at, size_t bytes);

#endif
