/* Removes expired records: a record is no longer needed a day after its `exp`. It works in small transactions, a few pages each, so that neither
   readers nor operators wait for it. */
#ifndef ASSAY_FORGET_H
#define ASSAY_FORGET_H

#include "agent/base/core.h"
#include "agent/state/entries.h"
#include "agent/state/store.h"

struct forget;

struct forget *forget_new(struct core *core); /* NULL: out of memory */

/* Call it after a change: checks whether a run is due. Without changes a timer does. */
void forget_look(struct forget *forget);
void forget_close(struct forget *forget); /* freed by forget_free after the loop has ended; NULL is fine */
void forget_free(struct forget *forget);  /* NULL is fine */

/* The rules of removal. An `exp` that the agent computed depends on the token lifetime in the configuration, and on the clock, of that time. */
struct forget_rules {
    int64_t now;
    int64_t leap; /* seconds by which the clock may have been behind */
    const struct keyring *ring;
};

/* One step, in a write transaction: removes records from `at` on that the rules let go. Returns how many, and whether it was the last step. 0 or
   -1. */
int forget_some(struct view *view, const struct forget_rules *rules, uint8_t at[ENTRY_KEY_BYTES], uint64_t *ret_forgotten, bool *ret_end);

#endif
