/* Checks the store's file before LMDB opens it, because LMDB trusts what it finds there: both meta pages, the number of the last transaction
   against the agent's own copy, and every page that leads to others, since a damaged inner page would send a lookup anywhere. The contents of
   leaf pages have checksums, which are checked when they are read. */
#ifndef ASSAY_PAGES_H
#define ASSAY_PAGES_H

#include <stdint.h>

#include "store.h"

/* 0: the folder has no store yet, or one that may be opened; -1: `why` says what is wrong. Opens the copy of the last transaction's number as
   *ret_last, for pages_note. */
int pages_check(const char *folder, int *ret_last, char why[STORE_WHY_BYTES]);

/* Call it after a commit. It does not sync and need not: the copy may be behind the store, and never ahead of it. */
void pages_note(int last, uint64_t transaction);
uint64_t pages_noted(int last); /* 0: absent, or damaged */

#define PAGE_HEAD_BYTES 16

/* For a value alone on a page: is that page's head as LMDB wrote it? LMDB takes from it which pages are free once the value is replaced. */
bool page_is_alone(const void *value, uint64_t number);

/* For salvage: calls `each` for every value on any leaf of the file, current or not, with its offset; and for a value alone on a page, to the
   page's end and without a key. It does not use the index, and skips what makes no sense. -1: out of memory. */
int pages_scan(int fd, void (*each)(void *context, struct bytes key, struct bytes value, uint64_t offset), void *context,
               uint64_t *ret_unreadable);

#endif
