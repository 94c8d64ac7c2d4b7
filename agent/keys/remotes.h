/* The issuers whose keys come over HTTPS: when they are fetched, what of it is put in force and kept on the disk, and who waits for
   it. One issuer's trouble is its own. On the loop's thread; the fetching itself is the thread's of HTTPS. */
#ifndef ASSAY_KEYS_REMOTES_H
#define ASSAY_KEYS_REMOTES_H

#include "agent/base/core.h"
#include "agent/token/issuer.h"
#include "agent/token/verify.h"
#include "keyring.h"

struct remotes;
struct remote; /* one issuer's; keyring_entry has it */
struct waiter;

/* `again_about` is called for each waiter when what it waited for has come. NULL: out of memory. */
struct remotes *remotes_new(struct core *core, void (*again_about)(void *context, struct text token, struct waiter *waiter), void *context);

/* A keyring that is to be put in force gets the sets that are known already: those in force, and those on the disk. 0, or -1: out
   of memory, or the store cannot be read. */
int remotes_prepare(struct remotes *remotes, struct keyring *ring);

/* The keyring in force is another one, or the agent begins: what is due is fetched. */
void remotes_use(struct remotes *remotes);

/* What stands between a token, whose form was looked at with that outcome, and an answer. A fetch is begun if it is needed and may
 * be. */
enum need {
    NEED_NOTHING = 0, /* the outcome counts */
    NEED_FETCH,       /* one that is under way may bring its key: wait */
    NEED_KEYS,        /* they cannot be had */
    NEED_FRESH_KEYS,  /* they are too old, and new ones cannot be had */
};
enum need remotes_need(struct remotes *remotes, const struct token *token, enum outcome outcome, bool whatever_age, char why[256]);

/* Waits for the fetch that remotes_need has named: the token is asked about again then. -1: too much is waiting. */
int remotes_wait(struct remotes *remotes, const struct token *token, struct waiter *waiter);

/* May a token of this issuer be accepted? False: its keys are too old; `why` says so, and new ones are asked for. */
bool remotes_are_fresh(struct remotes *remotes, const struct issuer *issuer, double now, char why[256]);

/* Until when may one be, if nothing changes? Unix seconds; infinite: for ever. */
double remotes_until(const struct remotes *remotes, const struct issuer *issuer);

/* When the issuer was last known to have these keys: Unix seconds. */
double remotes_confirmed(const struct keyring_entry *entry);

/* Has each issuer whose tokens are accepted keys that may be used? */
bool remotes_are_known(const struct remotes *remotes);

/* For `status` and `ping`. All of it at this moment. */
struct remote_facts {
    const char *state;       /* "fresh", "stale", "none" */
    const char *error;       /* of the last fetch; NULL: none */
    uint64_t next, failures; /* seconds until the next fetch; since the last success */
    uint64_t waiting;        /* requests */
    bool fetching;
};
bool remotes_facts(const struct keyring_entry *entry, double now, struct remote_facts *ret); /* false: a file */

/* No more fetching; who waits is told that nothing could be had. The remotes are freed by remotes_free after the loop has ended. */
void remotes_stop(struct remotes *remotes);
void remotes_free(struct remotes *remotes); /* NULL is fine */

#endif
