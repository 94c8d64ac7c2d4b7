/* The store's file, looked at before LMDB is let near it, for LMDB follows what it finds there. Both meta pages, the number of the last
   transaction against a copy of our own, and every page that leads to others: an inner page that was damaged would send a look-up
   anywhere. What lies on the leaves is under checksums, and judged when it is read. */
#ifndef ASSAY_PAGES_H
#define ASSAY_PAGES_H

#include <stdint.h>

#include "store.h"

/* 0: the folder holds no store yet, or one that may be opened; -1: `why` says what is wrong. Opens the copy of the last transaction's
   number as *ret_last, for pages_note. */
int pages_check(const char *folder, int *ret_last, char why[STORE_WHY_BYTES]);

/* After a commit. Not synced, nor needs it be: the copy may be behind the store, and never ahead of it. */
void pages_note(int last, uint64_t transaction);

/* The size of the pages of a store's file, or 0. For salvage. */
size_t pages_size(int fd);

#endif
