/* Forgetting: a record whose `exp` is a day past is of no use any more. In small transactions, a few pages each, so that neither
   readers nor operators wait for it. */
#ifndef ASSAY_FORGET_H
#define ASSAY_FORGET_H

#include "agent/base/core.h"
#include "agent/state/entries.h"
#include "agent/state/store.h"

struct forget;

struct forget *forget_new(struct core *core); /* NULL: out of memory */

/* A change is an occasion to look whether it is time; without any there is a timer. */
void forget_look(struct forget *forget);
void forget_close(struct forget *forget); /* freed by forget_free after the loop has ended; NULL is fine */
void forget_free(struct forget *forget);  /* NULL is fine */

/* By what is forgotten. An `exp` of ours was made of how long tokens lived by the configuration of then, and by the clock of then. */
struct forget_rules {
    int64_t now;
    int64_t leap; /* seconds by which the clock may have been behind */
    const struct keyring *ring;
};

/* One step, in a write transaction: records from `at` on that may be forgotten. Gives how many were, and whether it was the last. 0 or
   -1. */
int forget_some(struct view *view, const struct forget_rules *rules, uint8_t at[ENTRY_KEY_BYTES], uint64_t *ret_forgotten, bool *ret_end);

#endif
