/* assayd --salvage OLD NEW: what can still be read of a damaged store becomes a new one. The old file is not opened by LMDB, whose
   index may be what is damaged: its pages are looked through one by one for what is under a good checksum. */
#ifndef ASSAY_SALVAGE_H
#define ASSAY_SALVAGE_H

#include "agent/state/store.h"

struct salvaged {
    uint64_t records, covers,
        lines;                 /* carried over: words against something; keys under revoked kids; lines that could not be read */
    uint64_t unreadable_pages; /* that the disk does not give any more */
    double lost;               /* the part of all places for records that nothing is known of: 0 to 1 */
};

/* 0, or -1: `why` says what is wrong. `old` is not changed; `new` must not hold a store. */
int salvage(const char *old, const char *new, struct salvaged *ret, char why[STORE_WHY_BYTES]);

#endif
