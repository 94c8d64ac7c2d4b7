/* The issuers whose keys come over HTTPS: when they are fetched, which result is put in force and stored on the disk, and which requests wait. A
   failure of one issuer does not affect the others. On the loop's thread; the HTTPS thread fetches. */
#ifndef ASSAY_KEYS_REMOTES_H
#define ASSAY_KEYS_REMOTES_H

#include "agent/base/core.h"
#include "agent/token/issuer.h"
#include "agent/token/verify.h"
#include "keyring.h"

struct remotes;
struct remote; /* one issuer's; a keyring_entry points to it */
struct waiter;

/* `again_about` is called for each waiter when its wait ends. NULL: out of memory. */
struct remotes *remotes_new(struct core *core, void (*again_about)(void *context, struct text token, struct waiter *waiter), void *context);

/* Gives a keyring that is about to be put in force the sets that are already known: those in force, and those on the disk. 0, or -1: out of
   memory, or the store cannot be read. */
int remotes_prepare(struct remotes *remotes, struct keyring *ring);

/* After another keyring was put in force, or at the start: fetches what is due. */
void remotes_use(struct remotes *remotes);

/* What stands between a token whose form was checked, with that outcome, and an answer. Begins a fetch if it is needed and allowed. */
enum need {
    NEED_NOTHING = 0, /* the outcome is final */
    NEED_FETCH,       /* a fetch under way may bring the token's key: wait */
    NEED_KEYS,        /* the keys are not available */
    NEED_FRESH_KEYS,  /* the keys are too old, and new ones are not available */
};
enum need remotes_need(struct remotes *remotes, const struct token *token, enum outcome outcome, bool whatever_age, char why[256]);

/* Waits for the fetch that remotes_need has named; then the token is tried again. -1: too many requests wait. */
int remotes_wait(struct remotes *remotes, const struct token *token, struct waiter *waiter);

/* May a token of this issuer be accepted? False: its keys are too old; `why` says so, and a fetch of new ones is requested. */
bool remotes_are_fresh(struct remotes *remotes, const struct issuer *issuer, double now, char why[256]);

/* Until when may a token be accepted, if nothing changes? Unix seconds; infinite: without end. */
double remotes_until(const struct remotes *remotes, const struct issuer *issuer);

/* When the issuer was last confirmed to have these keys: Unix seconds. */
double remotes_confirmed(const struct keyring_entry *entry);

/* Does each issuer whose tokens are accepted have usable keys? */
bool remotes_are_known(const struct remotes *remotes);

/* For `status` and `ping`: the state at this moment. */
struct remote_facts {
    const char *state;       /* "fresh", "stale", "none" */
    const char *error;       /* of the last fetch; NULL: it succeeded */
    uint64_t next, failures; /* seconds until the next fetch; since the last success */
    uint64_t waiting;        /* number of requests */
    bool fetching;
};
bool remotes_facts(const struct keyring_entry *entry, double now, struct remote_facts *ret); /* false: the keys come from a file */

/* Ends fetching, and answers waiting requests with keys_unavailable. remotes_free frees the remotes after the loop has ended. */
void remotes_stop(struct remotes *remotes);
void remotes_free(struct remotes *remotes); /* NULL is fine */

#endif
