/* A store of its own for a test, batches of random lines, and what should stand after them: what the tests of batches share. */
#ifndef TESTS_BATCH_WRITTEN_H
#define TESTS_BATCH_WRITTEN_H

#include "agent/feeds/batch.h"
#include "store_around.h"

#define NAMES  60000
#define LINES  (3 * FEED_RUN_RECORDS + 5000) /* some more than memory holds */
#define SOURCE "file:/feed"
#define CURSOR "read to here"

extern const struct keyring no_keys;

int open_batch(void **state); /* a store; and as begin_anew */
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_batch, close_store)

uint64_t next_random(void);
void begin_anew(void); /* the same lines once more, and nothing is expected */
struct batch *new_batch(void);
int add(struct batch *batch, unsigned number, bool undo, int64_t before, int64_t exp); /* as batch_add; nothing is noted */
int add_of(struct batch *batch, struct text issuer, enum record_kind kind);

/* Lines that the seed decides, which are noted. Returns how many were taken before the batch was full. */
unsigned fill(struct batch *batch, unsigned lines, unsigned names);

/* Up to `steps` of it. Every other one is given up the first time that it is run. True: all is on the disk. */
bool write_some(struct batch *batch, unsigned steps);
void all_is_as_it_should_be(unsigned names);

#endif
