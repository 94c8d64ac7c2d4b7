/* From a token to a decision: the cache, the checks, the workers and the revocation list, in this order.

   A token in the cache, and one that is refused by its form alone, is decided at once. For any other a worker must check the signature first;
   requests for the same token that arrive meanwhile wait for the same check. */
#ifndef ASSAY_DECIDE_H
#define ASSAY_DECIDE_H

#include "doubt.h"
#include "verdicts.h"

struct entry;
struct grounds;
struct keyring_entry;
struct line_of_tasks;
struct task;

/* The keyring, and all that the token points to, are valid only until the callback or the caller returns. */
struct decision {
    enum outcome outcome;
    const struct token *token; /* as far as it was read */
    const struct keyring_entry *issuer; /* if accepted */
    struct entry *entry;                /* in the cache; NULL: not cached */
    const struct grounds *grounds;          /* if accepted: its grounds; NULL: not determined */
    enum doubt doubt;                   /* if undecided */
    const char *why;                    /* the same in words */
    struct text audience;               /* the one that was asked for; at NULL: none */
};

/* A caller that waits for a decision. The caller owns it, and gets it back by `decided`, which is called once. */
struct waiter {
    struct waiter *next;
    struct line_of_tasks *line; /* of the caller's connection; method_wait fills it in */
    char *audience; /* NULL: any configured one */
    size_t audience_bytes;
    const struct bounds *bounds; /* of the caller; must live as long as the waiter, but may change */
    bool signature_only; /* only checks that the issuer has signed it; claims, time and revocation are not checked */
    void (*decided)(struct waiter *waiter, const struct decision *decision);
};

/* A question that decide_now could not answer at once. The token is valid until the next decide_now. */
struct pending {
    const struct token *token; /* the outcome of its form */
    bool needs_fetch;          /* the issuer's keys must be fetched before anything can be decided */
};

struct checks *checks_new(void); /* NULL: out of memory */
void checks_free(struct checks *checks);

/* True: decided. False: its signature must be checked, or its key fetched; decide_later continues from what was found so far. */
bool decide_now(struct verdicts *verdicts, struct text token, struct text audience, const struct bounds *bounds, bool signature_only,
                struct decision *ret_decision, struct pending *ret_pending);

/* 0: `decided` will be called. -1: too many requests wait, and the waiter was not taken. */
int decide_later(struct verdicts *verdicts, const struct pending *pending, struct waiter *waiter);

/* For a waiter that was already taken: decides the same token again from its beginning. `decided` will be called, or has been. */
void decide_again(struct verdicts *verdicts, struct text token, struct waiter *waiter);

/* Takes a task back from the workers. `verdicts`: a struct verdicts. */
void decide_checked(void *verdicts, struct task *task);

#endif
