/* assayd --salvage OLD NEW: copies what can still be read of a damaged store into a new one. It does not open the old file with LMDB, whose index
   may be damaged: it scans the pages one by one for data with a good checksum. */
#ifndef ASSAY_SALVAGE_H
#define ASSAY_SALVAGE_H

#include "agent/state/store.h"

struct salvaged {
    uint64_t records, covers,
        lines;                 /* copied: revocations; keys under revoked kids; lines that could not be read */
    uint64_t unreadable_pages; /* pages that the disk could not read */
    double lost;               /* the part of the hash range of records that was not found: 0 to 1 */
};

/* 0, or -1: `why` says what is wrong. `old` is not changed; `new` must not hold a store. */
int salvage(const char *old, const char *new, struct salvaged *ret, char why[STORE_WHY_BYTES]);

#endif
