/* From a token to a decision: the cache, the checks, the workers and the revocation list, in the order in which they are asked.

   A token that is in the cache, or that its form alone refuses, is decided at once. For any other its signature has to be checked first,
   which takes a worker's time; whoever asks for the same token meanwhile waits for the same check. */
#ifndef ASSAY_DECIDE_H
#define ASSAY_DECIDE_H

#include "doubt.h"
#include "verdicts.h"

struct entry;
struct grounds;
struct keyring_entry;
struct line_of_tasks;
struct task;

/* The keyring, and what the token points to, are valid only until the callback or the caller returns. */
struct decision {
    enum outcome outcome;
    const struct token *token; /* what is known of it */
    const struct keyring_entry *issuer; /* of an accepted one */
    struct entry *entry;                /* where it is kept; NULL: nowhere */
    const struct grounds *grounds;          /* of an accepted one: what that rests on; NULL: nobody has looked */
    enum doubt doubt;                   /* of an undecided one */
    const char *why;                    /* the same in words */
};

/* Somebody who waits for a decision. Owned by whoever asks, and given back by `decided`, which is called once. */
struct waiter {
    struct waiter *next;
    struct line_of_tasks *line; /* of the connection on which it was asked; method_wait fills it in */
    char *audience; /* NULL: any that is configured */
    size_t audience_bytes;
    const struct bounds *bounds; /* of whoever asks; must live as long as the waiter, but may change */
    bool signature_only; /* is it the issuer's word at all? Claims, time and revocation are not looked at */
    void (*decided)(struct waiter *waiter, const struct decision *decision);
};

/* A question that decide_now could not answer at once. The token is valid until the next decide_now. */
struct pending {
    const struct token *token; /* what its form says */
    bool needs_fetch;          /* of its issuer's keys, before anything can be said */
};

struct checks *checks_new(void); /* NULL: out of memory */
void checks_free(struct checks *checks);

/* True: decided. False: its signature has to be checked, or its key fetched, for which decide_later takes what was found so far. */
bool decide_now(struct verdicts *verdicts, struct text token, struct text audience, const struct bounds *bounds, bool signature_only,
                struct decision *ret_decision, struct pending *ret_pending);

/* 0: `decided` will be called. -1: too much is waiting, and the waiter was not taken. */
int decide_later(struct verdicts *verdicts, const struct pending *pending, struct waiter *waiter);

/* For somebody who waits already, about the same token from its beginning. `decided` will be called, or has been. */
void decide_again(struct verdicts *verdicts, struct text token, struct waiter *waiter);

/* What workers give back. `verdicts`: a struct verdicts. */
void decide_checked(void *verdicts, struct task *task);

#endif
