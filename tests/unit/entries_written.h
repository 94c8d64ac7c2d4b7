/* A store of its own for a test, and entries that were written into it: what the tests of sets and of damaged files share. */
#ifndef TESTS_ENTRIES_WRITTEN_H
#define TESTS_ENTRIES_WRITTEN_H

#include "agent/state/entries.h"

#define MAP_BYTES (1 << 26)
#define COUNT     4000

extern const struct entry_set set;
extern char folder[];
extern char state_path[64];
extern uint8_t written[COUNT][ENTRY_BYTES];

int make_state(
    void **state); /* before the first test of a group: a folder, and what `written` holds; nothing is in the store yet */
int remove_state(void **state); /* after the last */

uint64_t next_random(void);
void random_entry(uint8_t *entry);
int compare_ids(const void *a, const void *b);
struct store *open_state(void); /* NULL: it was refused */
void apply_ops(struct store *store, struct entry_op *ops, size_t count);
void add_entries(struct store *store, uint8_t (*entries)[ENTRY_BYTES], size_t count, enum entry_change change);

/* How many of these are there as they were written; -1: the store could not tell of at least one. */
int found(struct store *store, size_t from, size_t count);

/* For a sweep: keeps about half of them. `context` counts what it was asked about. */
bool is_even(void *context, const uint8_t *entry);

#endif
