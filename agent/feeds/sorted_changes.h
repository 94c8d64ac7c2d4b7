/* The changes of a batch, called words: added one by one, as the lines come, and returned sorted by hash, with those of one hash in the order in
   which they came. As many as fit stay in memory; the others go in runs into a file without a name. Each run is divided by the first byte of the
   hash, so that one range of hashes can be read from all runs, and each bucket of the store is changed only once. Every part of a run has a
   checksum. */
#ifndef ASSAY_WORDS_H
#define ASSAY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/limits.h"
#include "agent/state/entries.h"

typedef uint8_t word_bytes[ENTRY_BYTES];

struct words;

struct words *words_new(const char *folder); /* where the file is created; it must outlive the words. NULL: out of memory */
void words_free(struct words *words);        /* NULL is fine */

/* 1: taken; 0: no more room, in memory or in the file; -1: out of memory. */
int words_add(struct words *words, const word_bytes word);
size_t words_count(const struct words *words);

/* Call it once, after the last one. */
void words_seal(struct words *words);

/* The next part, from the highest hashes down: at most FEED_RUN_RECORDS. 0: *ret has *ret_count words, valid until the next call; -1: out of
   memory, or the file cannot be read; the caller may try again. Only while words_left. */
int words_take(struct words *words, word_bytes **ret, size_t *ret_count);
bool words_left(const struct words *words);

/* Are there more words for hashes of the last part? */
bool words_are_split(const struct words *words);

#endif
