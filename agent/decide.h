/* From a token to a decision: the cache, the checks, the workers and the revocation list, in the order in which they are asked.

   A token that is in the cache, or that its form alone refuses, is decided at once. For any other its signature has to be checked first,
   which takes a worker's time; whoever asks for the same token meanwhile waits for the same check. */
#ifndef ASSAY_DECIDE_H
#define ASSAY_DECIDE_H

#include "agent/agent.h"

/* Why it could not be decided. */
enum doubt {
    DOUBT_FAILED, /* something of the agent's failed, which was logged */
    DOUBT_CLOCK,  /* the clock cannot be trusted */
    DOUBT_FEED,   /* a revocation feed has not been read, or not for too long */
    DOUBT_KEYS,   /* the issuer's keys could not be had */
    DOUBT_AGE,    /* the issuer's keys are too old */
};

/* The keyring, and what the token points to, are valid only until the callback or the caller returns. */
struct decision {
    enum outcome outcome;
    const struct token *token; /* what is known of it */
    const struct keyring_entry *issuer; /* of an accepted one */
    struct entry *entry;                /* where it is kept; NULL: nowhere */
    const struct basis *basis;          /* of an accepted one: what that rests on; NULL: nobody has looked */
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

struct checks *checks_new(void); /* NULL: out of memory */
void checks_free(struct checks *checks);

/* True: decided. False: its signature has to be checked, or its key fetched; decide_later must follow, for the same token, before anything
   else. */
bool decide_now(struct agent *agent, struct text token, struct text audience, const struct bounds *bounds, bool signature_only,
                struct decision *ret_decision);

/* 0: `decided` will be called. -1: too much is waiting, and the waiter was not taken. */
int decide_later(struct agent *agent, struct waiter *waiter);

/* For somebody who waits already, about the same token from its beginning. `decided` will be called, or has been. */
void decide_again(struct agent *agent, struct text token, struct waiter *waiter);

/* What workers give back. */
void decide_checked(void *agent, struct task *task);

#endif
