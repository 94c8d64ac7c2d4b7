/* What decide.c and signature_checks.c share. */
#ifndef ASSAY_DECIDE_INSIDE_H
#define ASSAY_DECIDE_INSIDE_H

#include "agent/keys/keyring.h"
#include "decide.h"

#define CHECK_BUCKETS 1024 /* a power of two */

struct check;

struct checks {
    struct check *buckets[CHECK_BUCKETS]; /* under way */
    size_t bytes;                         /* of all tokens under way */
    struct token_room room;               /* of the token that was read last */
    struct token token;
    unsigned kinds;         /* kinds of revocation that exist */
    uint64_t kinds_commits; /* the commit at which they were read */
    enum doubt doubt;       /* why the last question is undecided */
    char why[256];
};

struct question decide_question(struct verdicts *verdicts, struct text audience, const struct bounds *bounds);

/* The checks of every call, for a token whose signature and claims are good. */
enum outcome decide_judge_now(struct verdicts *verdicts, struct token *token, struct grounds *grounds, struct text audience,
                              const struct bounds *bounds);

/* Ends a decision. A question about the signature alone comes from an administrator, and is not counted as a verification. */
void decide_conclude(struct verdicts *verdicts, struct decision *decision, enum outcome outcome, const struct token *token,
                     struct text audience, bool signature_only);

#endif
