/* Counts revocations by issuer, kind and source: each such combination has a slot with a number, which its entries contain. So an entry of 24
   bytes says who holds it, and a removed entry can be subtracted. */
#ifndef ASSAY_SLOTS_H
#define ASSAY_SLOTS_H

#include "agent/state/store.h"
#include "record.h"


struct slot {
    uint64_t count;
    enum record_kind kind;
    char source[SOURCE_NAME_BYTES];
    char issuer[SLOT_ISSUER_BYTES_MAX + 1]; /* as the record spelled it; a longer one is cut */
};

/* The number of a slot; `make` creates a new one. If numbers have run out, all further issuers share one for each kind and source. 1: found; 0: it
   has none; -1: the store failed. */
int slot_number(struct view *view, struct text issuer, enum record_kind kind, const char *source, bool make, uint16_t *ret);

int slot_read(struct view *view, uint16_t number, struct slot *ret); /* 0, or -1: the slot does not exist, or the store failed */
int slot_count(struct view *view, uint16_t number, int64_t change);  /* 0 or -1 */

/* Calls `each` for every slot with a count above zero, until it returns non-zero, which is returned. */
int slot_each(struct view *view, int (*each)(void *context, const struct slot *slot), void *context);

#endif
