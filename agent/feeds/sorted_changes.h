/* The words of a batch: gathered one by one, as the lines come, and given back sorted by hash, with those of one hash in the order
   in which they came. So many as fit into memory stay there; the others go into a file that has no name, in runs: each is cut by
   the first byte of the hash into parts, so that a stretch of all hashes can be read from all of them, and no bucket of the store
   need be met twice. Every part of a run lies under a checksum. */
#ifndef ASSAY_WORDS_H
#define ASSAY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/limits.h"
#include "agent/state/entries.h"

typedef uint8_t word_bytes[ENTRY_BYTES];

struct words;

struct words *words_new(const char *folder); /* where the file is made; it must outlive this. NULL: out of memory */
void words_free(struct words *words);        /* NULL is fine */

/* 1: taken; 0: there is no room for more, in memory or in the file; -1: out of memory. */
int words_add(struct words *words, const word_bytes word);
size_t words_count(const struct words *words);

/* After the last one, once. */
void words_seal(struct words *words);

/* The next portion, from the highest hashes down: FEED_RUN_RECORDS at most. 0: *ret holds *ret_count words, valid until the next
   call; -1: out of memory, or the file cannot be read, and it may be tried again. Only while words_left. */
int words_take(struct words *words, word_bytes **ret, size_t *ret_count);
bool words_left(const struct words *words);

/* Is there more to come of hashes that were in the last portion? */
bool words_are_split(const struct words *words);

#endif
