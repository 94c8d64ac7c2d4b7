/* The store's file, looked at before LMDB is let near it, for LMDB follows what it finds there. Both meta pages, the number of the
   last transaction against a copy of our own, and every page that leads to others: an inner page that was damaged would send a
   look-up anywhere. What lies on the leaves is under checksums, and judged when it is read. */
#ifndef ASSAY_PAGES_H
#define ASSAY_PAGES_H

#include <stdint.h>

#include "store.h"

/* 0: the folder holds no store yet, or one that may be opened; -1: `why` says what is wrong. Opens the copy of the last
   transaction's number as *ret_last, for pages_note. */
int pages_check(const char *folder, int *ret_last, char why[STORE_WHY_BYTES]);

/* After a commit. Not synced, nor needs it be: the copy may be behind the store, and never ahead of it. */
void pages_note(int last, uint64_t transaction);
uint64_t pages_noted(int last); /* 0: there is none, or it is damaged */

#define PAGE_HEAD_BYTES 16

/* A value that lies alone on a page: is that page's head as LMDB wrote it? LMDB takes from it which pages are free once the value
   is replaced. */
bool page_is_alone(const void *value, uint64_t number);

/* For salvage: every value that stands on any leaf of the file, current or not, with its offset there; and what lies alone on a
   page, to the page's end and without a key. The index is not used, and what makes no sense is passed over. -1: out of memory. */
int pages_scan(int fd, void (*each)(void *context, struct bytes key, struct bytes value, uint64_t offset), void *context,
               uint64_t *ret_unreadable);

#endif
