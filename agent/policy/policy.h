/* Who may do what: rules from a file, compiled into a form in which a question meets only the rules whose actions and resources it
   matches, however many others there are. Never changed once loaded; a reload makes another. */
#ifndef ASSAY_POLICY_H
#define ASSAY_POLICY_H

#include "agent/config/config.h"
#include "agent/token/verify.h"
#include "resource.h"

/* A set of roles or of scopes, by the numbers that their names have in the policy. */
#define NAME_WORDS (POLICY_NAMES_MAX / 64)
struct name_set {
    uint64_t words[NAME_WORDS];
};

/* The names that the policy knows, found by hash. */
#define NAME_SLOTS (POLICY_NAMES_MAX * 4)
struct name_table {
    unsigned count;
    struct text names[POLICY_NAMES_MAX];
    uint16_t slots[NAME_SLOTS]; /* one more than the number of a name; 0: free */
};

struct rule {
    const char *name;
    struct place place;
    unsigned index; /* in the file: where several apply, the first is told */
    bool deny, anonymous, shadow;
    unsigned keeps;           /* RESOURCE_SLASH, RESOURCE_SEMICOLON: an allow rule without it is for no resource that has one */
    bool needs_token;      /* a deny rule that asks nothing of the token applies also where there is none */
    struct texts issuers;  /* none: any */
    struct texts audiences; /* that tokens are for, one of them; none: any that is configured */
    struct texts actions;  /* none: any */
    struct texts patterns; /* none: any resource */
    struct name_set *roles;  /* any of; NULL: none needed */
    struct name_set *scopes; /* all of; NULL: none needed */
    struct claim_rule *claims;
    unsigned claim_count;
    struct shadow_count {
        uint64_t decisions; /* in which it would have applied */
        uint64_t last;      /* the number of the last of them: two of its patterns may match in one */
    } *shadow_count;        /* the loop's thread counts */
};

/* An example that the policy gives for itself. */
struct policy_test {
    struct place place;
    const uint8_t *claims; /* MessagePack; NULL: without a token */
    size_t claims_bytes;
    struct text action, resource;
    unsigned expect; /* 200, 401, 403 */
};

struct policy {
    unsigned references; /* the loop thread's alone */
    struct arena arena;
    const char *path;
    uint64_t sum[2]; /* of the file's bytes */
    struct rule *rules;
    unsigned rule_count;
    struct policy_test *tests;
    unsigned test_count;
    struct name_table roles, scopes;
    struct name_set *contains; /* by role: itself and all that it contains */
    bool ignores_case;      /* of a to z in resources, as its servers do */
    unsigned keeps;         /* what any of its rules does */
    struct index *index;
    struct index *denials;  /* of the deny rules with resources alone; NULL: resources have no other readings here, or nothing denies them */
    uint64_t *decisions; /* made so far: the loop's thread counts */
    struct faults warnings;
};

/* Reads and compiles a policy. `config` has the issuers that rules may name; NULL: any. NULL: at least one fault. May be called on any
   thread. */
struct policy *policy_load(const char *path, const struct config *config, struct faults *faults);
bool policy_is_same(const struct policy *a, const struct policy *b); /* read from the same bytes? */
struct policy *policy_hold(struct policy *policy); /* NULL is fine, and comes back */
void policy_drop(struct policy *policy);           /* likewise */

/* A name's number, or -1. `add`: it is given one; -1 then: there are too many. */
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
