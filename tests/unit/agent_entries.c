/* Sorted sets in buckets, against a plain array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "entries_written.h"

static void entries_are_kept_and_found(void **state)
{
    struct store *store = open_state();

    (void)state;
    assert_non_null(store);
    for (size_t at = 0, count; at < COUNT; at += count) {
        count = next_random() % 700;
        if (count > COUNT - at)
            count = COUNT - at;
        add_entries(store, written + at, count, ENTRY_ADD);
        assert_int_equal(found(store, 0, at + count), at + count);
    }
    assert_int_equal(found(store, 100, 60), 60);
    store_close(store);
    store = open_state();
    assert_int_equal(found(store, 0, COUNT), COUNT);
    store_close(store);
}

static void what_was_not_added_is_not_there(void **state)
{
    struct store *store = open_state();
    struct view *view = store_view(store);

    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t entry[ENTRY_BYTES];
        struct bytes entries;

        random_entry(entry);
        assert_int_equal(entries_find(view, &set, entry, &entries), 0);
    }
    store_let_go(store);
    store_close(store);
}

static void removed_entries_are_gone_and_the_others_stay(void **state)
{
    struct store *store = open_state();

    (void)state;
    add_entries(store, written + 1000, 3000, ENTRY_REMOVE);
    assert_int_equal(found(store, 1000, 3000), 0);
    assert_int_equal(found(store, 0, 1000), 1000);
    add_entries(store, written + 1000, 3000, ENTRY_SET);
    assert_int_equal(found(store, 0, COUNT), COUNT);
    store_close(store);
}

static void a_crowd_on_one_key_is_refused_whole(void **state)
{
    struct store *store = open_state();
    struct entry_op ops[10] = {0};
    struct view *view = store_begin(store, false);
    size_t done;

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        random_entry(ops[i].entry);
        memcpy(ops[i].entry, written[100], ENTRY_KEY_BYTES);
    }
    qsort(ops, 10, sizeof *ops, compare_ids);
    assert_int_equal(entries_change(view, &set, ops, 10, 7, &done), -1);
    store_abort(view);
    assert_int_equal(found(store, 0, COUNT), COUNT);
    store_close(store);
}

static void a_sweep_forgets_what_it_is_told_to(void **state)
{
    struct store *store = open_state();
    uint8_t at[ENTRY_KEY_BYTES] = {0};
    unsigned seen = 0;
    int even = 0;

    (void)state;
    for (bool end = false; !end;) {
        struct view *view = store_begin(store, true);

        assert_int_equal(entries_sweep(view, &set, at, is_even, &seen, &end), 0);
        assert_int_equal(store_commit(view), 0);
    }
    assert_int_equal(seen, COUNT);
    for (unsigned i = 0; i < COUNT; i++) {
        bool is = written[i][20] % 2 == 0;

        even += is;
        if (i < 100 || i >= 160)
            assert_int_equal(found(store, i, 1), is);
    }
    add_entries(store, written, COUNT, ENTRY_ADD);
    assert_int_equal(found(store, 0, COUNT), COUNT);
    assert_in_range(even, COUNT / 3, COUNT);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_kept_and_found),
        cmocka_unit_test(what_was_not_added_is_not_there),
        cmocka_unit_test(removed_entries_are_gone_and_the_others_stay),
        cmocka_unit_test(a_crowd_on_one_key_is_refused_whole),
        cmocka_unit_test(a_sweep_forgets_what_it_is_told_to),
    };

    return cmocka_run_group_tests(tests, make_state, remove_state);
}
