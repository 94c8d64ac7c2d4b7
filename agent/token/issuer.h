/* What verification requires of an issuer's tokens: the settings that it reads. config/ creates them; they never change afterwards. */
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

/* A claim that must equal one of these values, or be an array that contains one. */
struct claim_rule {
    struct text claim;
    enum claim_value { VALUE_TEXT, VALUE_NUMBER, VALUE_BOOL } *kinds;
    struct text *texts;
    double *numbers; /* also true (1) and false (0) */
    unsigned count;
};

/* Where a token has its roles or scopes. */
struct claim_place {
    struct text pointer; /* RFC 6901 */
    bool names;          /* the names of the object's members, not their values */
    char separator;      /* between the names in a string; '\0': the usual one */
};

/* The last value at one of these places that did not have the expected type. For warnings. */
struct elsewhere {
    struct text pointer;
    bool names;
    const char *found; /* static; NULL: there was no such value */
};

struct claim_places {
    struct claim_place *list;
    unsigned count;              /* 0: the usual claims */
    struct elsewhere *elsewhere; /* written by the loop's thread. NULL: not recorded */
};

struct issuer {
    struct texts names; /* the first is `issuer`, the others are its aliases: compared byte for byte */
    struct texts audiences;
    enum audience_claim { AUDIENCE_IN_AUD, AUDIENCE_IN_CLIENT_ID, AUDIENCE_IN_CLIENT } audience_in; /* a present aud must match in any case */
    enum naming { NAMED_BY_ISS, NAMED_BY_HEADER, NAMED_BY_KID } named_by; /* how a token names this issuer */
    const char *parameter;   /* the header parameter that has its name */
    bool fetches_keys;       /* its keys come over HTTPS */
    bool takes_padding;      /* accepts padding after base64url, which RFC 7515 section 2 forbids */
    uint32_t numeric_claims; /* CLAIM_BIT of each claim that may be a whole number; it counts as the string of its digits */
    uint32_t algorithms;        /* ALGORITHM_BIT of each allowed */
    struct texts types;         /* header typ, in lower case, without application/; an empty string allows a token without typ */
    struct claim_rule *rules;
    unsigned rule_count;
    struct texts required;
    double leeway;           /* seconds */
    double lifetime_max;     /* seconds of exp - iat; 0: no limit */
    bool accepts_constrained; /* accepts tokens with cnf (RFC 7800): the caller checks the proof of possession */
    bool shadow;              /* its tokens are judged and counted, but refused */
    struct claim_places roles, scopes;
    const struct keyset *keys;
};

struct text as_text(const char *terminated);
bool text_is(struct text text, const char *at, size_t bytes);
bool texts_have(const struct texts *texts, const char *at, size_t bytes);

#endif
