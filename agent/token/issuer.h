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

/* Where in a token roles or scopes stand. */
struct claim_place {
    struct text pointer; /* RFC 6901 */
    bool names;          /* of the object there, not what it says of them */
    char separator;      /* of a text that has several; '\0': the usual one */
};

/* What was found at one of the places that was not of the type that is expected there: the last of it. For people. */
struct elsewhere {
    struct text pointer;
    bool names;
    const char *found; /* static; NULL: nothing was */
};

struct claim_places {
    struct claim_place *list;
    unsigned count;              /* 0: the claims that are usual */
    struct elsewhere *elsewhere; /* the loop's thread writes it. NULL: nothing is noted */
};

struct issuer {
    struct texts names; /* the first is `issuer`, the others its aliases: exact bytes */
    struct texts audiences;
    enum audience_claim { AUDIENCE_IN_AUD, AUDIENCE_IN_CLIENT_ID, AUDIENCE_IN_CLIENT } audience_in; /* a present aud must match all the same */
    enum naming { NAMED_BY_ISS, NAMED_BY_HEADER, NAMED_BY_KID } named_by; /* how a token says that it is this issuer's */
    const char *parameter;   /* of the header, that has its name */
    bool fetches_keys;       /* they come over HTTPS */
    bool takes_padding;      /* after base64url, which RFC 7515 section 2 has without */
    uint32_t numeric_claims; /* CLAIM_BIT of those that may be whole numbers, and count as the text of these */
    uint32_t algorithms;        /* ALGORITHM_BIT of each allowed */
    struct texts types;         /* header typ, in lower case, without application/; an empty one: no typ */
    struct claim_rule *rules;
    unsigned rule_count;
    struct texts required;
    double leeway;           /* seconds */
    double lifetime_max;     /* seconds of exp - iat; 0: any */
    bool accepts_constrained; /* tokens with cnf (RFC 7800): the caller checks the possession */
    bool shadow;              /* judged and counted, but refused */
    struct claim_places roles, scopes;
    const struct keyset *keys;
};

struct text as_text(const char *terminated);
bool text_is(struct text text, const char *at, size_t bytes);
bool texts_have(const struct texts *texts, const char *at, size_t bytes);

#endif
