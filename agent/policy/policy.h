/* A policy: rules from a file, compiled so that a decision looks only at rules whose actions and resources match, however many others there are.
   It never changes once loaded; a reload creates another. */
#ifndef ASSAY_POLICY_H
#define ASSAY_POLICY_H

#include "agent/config/config.h"
#include "agent/token/verify.h"
#include "resource.h"

/* A set of roles or of scopes, as a bitmap of the numbers that the policy gives to their names. */
#define NAME_WORDS (POLICY_NAMES_MAX / 64)
struct name_set {
    uint64_t words[NAME_WORDS];
};

/* The names that the policy knows, in a hash table. */
#define NAME_SLOTS (POLICY_NAMES_MAX * 4)
struct name_table {
    unsigned count;
    struct text names[POLICY_NAMES_MAX];
    uint16_t slots[NAME_SLOTS]; /* the number of a name plus one; 0: free */
};

struct rule {
    const char *name;
    struct place place;
    unsigned index; /* position in the file: if several rules apply, the answer names the first */
    bool deny, anonymous, shadow;
    unsigned keeps;           /* RESOURCE_SLASH, RESOURCE_SEMICOLON: an allow rule without one does not match resources that contain it */
    bool needs_token;      /* a deny rule without conditions on the token also applies to requests without a token */
    struct texts issuers;  /* empty: any */
    struct texts audiences; /* one of these must be the token's audience; empty: any configured one */
    struct texts actions;  /* empty: any */
    struct texts patterns; /* empty: any resource */
    struct name_set *roles;  /* one of these; NULL: no role needed */
    struct name_set *scopes; /* all of these; NULL: no scope needed */
    struct claim_rule *claims;
    unsigned claim_count;
    struct shadow_count {
        uint64_t decisions; /* the decisions in which it would have applied */
        uint64_t last;      /* the number of the last one: two of its patterns may match in one decision */
    } *shadow_count;        /* written by the loop's thread */
};

/* An example in the policy's file that tests the policy. */
struct policy_test {
    struct place place;
    const uint8_t *claims; /* MessagePack; NULL: without a token */
    size_t claims_bytes;
    struct text action, resource;
    unsigned expect; /* 200, 401, 403 */
};

struct policy {
    unsigned references; /* used on the loop's thread only */
    struct arena arena;
    const char *path;
    uint64_t sum[2]; /* of the file's bytes */
    struct rule *rules;
    unsigned rule_count;
    struct policy_test *tests;
    unsigned test_count;
    struct name_table roles, scopes;
    struct name_set *contains; /* by role: the role itself and all roles that it contains */
    bool ignores_case;      /* ignores the case of a to z in resources, as its servers do */
    unsigned keeps;         /* the union over its rules */
    struct index *index;
    struct index *denials;  /* only the deny rules with resources; NULL: resources have only one reading here, or no rule denies them */
    uint64_t *decisions; /* made so far, counted by the loop's thread */
    struct faults warnings;
};

/* Reads and compiles a policy. `config` has the issuers that rules may name; NULL: any. NULL: at least one fault. May be called from any thread. */
struct policy *policy_load(const char *path, const struct config *config, struct faults *faults);
bool policy_is_same(const struct policy *a, const struct policy *b); /* were both read from the same bytes? */
struct policy *policy_hold(struct policy *policy); /* adds a reference and returns the policy; NULL is fine */
void policy_drop(struct policy *policy);           /* drops a reference; NULL is fine */

/* A name's number, or -1. `add`: an unknown name gets a number; then -1 means that there are too many. */
int name_number(struct name_table *table, struct text name, bool add);

static inline void name_set_add(struct name_set *set, unsigned number)
{
    set->words[number / 64] |= UINT64_C(1) << (number % 64);
}

static inline bool name_set_has(const struct name_set *set, unsigned number)
{
    return (set->words[number / 64] >> (number % 64) & 1) != 0;
}

#endif
