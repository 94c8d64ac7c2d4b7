#include "entries_written.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct entry_set set = {TABLE_RECORDS, 14, NULL};
char folder[] = "/tmp/assay-store-XXXXXX";
char state_path[64];
uint8_t written[COUNT][ENTRY_BYTES];
static uint64_t seed = 88172645463325252ULL;

uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

void random_entry(uint8_t *entry)
{
    for (unsigned i = 0; i < ENTRY_BYTES; i += 8) {
        uint64_t number = next_random();

        memcpy(entry + i, &number, 8);
    }
}

int compare_ids(const void *a, const void *b)
{
    return memcmp(a, b, set.id_bytes);
}

struct store *open_state(void)
{
    char why[STORE_WHY_BYTES];

    return store_open(state_path, MAP_BYTES, why);
}

void apply_ops(struct store *store, struct entry_op *ops, size_t count)
{
    struct view *view = store_begin(store, false);
    size_t done;

    assert_non_null(view);
    qsort(ops, count, sizeof *ops, compare_ids);
    for (size_t at = 0; at < count; at += done)
        assert_int_equal(entries_change(view, &set, ops + at, count - at, 7, &done), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

void add_entries(struct store *store, uint8_t (*entries)[ENTRY_BYTES], size_t count, enum entry_change change)
{
    struct entry_op *ops = calloc(count, sizeof *ops);

    assert_non_null(ops);
    for (size_t i = 0; i < count; i++) {
        memcpy(ops[i].entry, entries[i], ENTRY_BYTES);
        ops[i].change = change;
    }
    apply_ops(store, ops, count);
    free(ops);
}

int found(struct store *store, size_t from, size_t count)
{
    struct view *view = store_view(store);
    int there = 0;

    for (size_t i = from; i < from + count; i++) {
        struct bytes entries;
        int some = entries_find(view, &set, written[i], &entries);

        if (some < 0)
            return -1;
        for (int k = 0; k < some; k++)
            there += memcmp((const uint8_t *)entries.at + k * ENTRY_BYTES, written[i], ENTRY_BYTES) == 0;
    }
    store_let_go(store);
    return there;
}

static void make_entries(void)
{
    for (size_t i = 0; i < COUNT; i++)
        random_entry(written[i]);
    for (size_t i = 100; i < 160; i++) /* many words against one thing */
        memcpy(written[i], written[100], ENTRY_KEY_BYTES);
    memset(written[0], 0, ENTRY_KEY_BYTES);
    memset(written[1], 0xff, ENTRY_KEY_BYTES);
}

int make_state(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(state_path, sizeof state_path, "%s/state", folder);
    make_entries();
    return 0;
}

int remove_state(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}

bool is_even(void *context, const uint8_t *entry)
{
    ++*(unsigned *)context;
    return entry[20] % 2 == 0;
}
