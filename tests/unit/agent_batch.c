/* Batches of any size, against a plain array of what should stand: lines about one thing in their order, and ends in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "batch_written.h"

static bool cursor_stands(void)
{
    char cursor[sizeof CURSOR];
    int found = batch_cursor(store_view(store), SOURCE, cursor, sizeof cursor);

    store_let_go(store);
    assert_in_range(found, 0, 1);
    return found == 1;
}

static void batches_of_any_size_leave_what_their_lines_say(void **state)
{
    static const unsigned sizes[] = {1, 20, 3000, LINES, 70, LINES};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct batch *batch = new_batch();

        assert_int_equal(fill(batch, sizes[i], NAMES), sizes[i]);
        assert_int_equal(batch_records(batch), sizes[i]);
        batch_seal(batch, BATCH_ENDS);
        assert_true(write_some(batch, UINT32_MAX));
        batch_free(batch);
        all_is_as_it_should_be(NAMES);
    }
}

static int count_one(void *context, const struct slot *slot)
{
    assert_int_equal(slot->count, 1);
    ++*(unsigned *)context;
    return 0;
}

/* Each has a slot, which is the same when it comes again. */
static void a_batch_may_be_of_thousands_of_issuers(void **state)
{
    (void)state;
    for (unsigned turn = 0; turn < 2; turn++) {
        struct batch *batch = new_batch();
        unsigned slots = 0;

        for (unsigned i = 0; i < 3000; i++) {
            char issuer[16];
            struct text text = {issuer, (size_t)snprintf(issuer, sizeof issuer, "issuer %u", i)};

            assert_int_equal(add_of(batch, text, RECORD_JTI), 1);
            assert_int_equal(add_of(batch, text, RECORD_SID), 1);
        }
        batch_seal(batch, BATCH_ENDS);
        assert_true(write_some(batch, UINT32_MAX));
        batch_free(batch);
        assert_int_equal(slot_each(store_view(store), count_one, &slots), 0);
        assert_int_equal(slots, 6000);
        store_let_go(store);
    }
}

/* More than memory holds, and all of it in one place. */
static void lines_about_one_thing_keep_their_order(void **state)
{
    struct batch *batch = new_batch();

    (void)state;
    assert_int_equal(fill(batch, LINES, 2), LINES);
    batch_seal(batch, BATCH_ENDS);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    all_is_as_it_should_be(2);
}

static void a_batch_that_ended_in_the_middle_is_written_again(void **state)
{
    struct batch *batch = new_batch();

    (void)state;
    (void)fill(batch, LINES, NAMES);
    batch_seal(batch, BATCH_ENDS);
    assert_false(write_some(batch, 2));
    batch_free(batch);
    assert_false(cursor_stands());
    begin_anew();
    batch = new_batch();
    (void)fill(batch, LINES, NAMES);
    batch_seal(batch, BATCH_ENDS);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    assert_true(cursor_stands());
    all_is_as_it_should_be(NAMES);
}

/* Each bucket is met once, and written full. */
static void a_long_batch_leaves_no_pages_half_empty(void **state)
{
    struct batch *batch = new_batch();
    struct stat facts;
    char path[80];

    (void)state;
    for (unsigned i = 0; i < LINES; i++)
        assert_int_equal(add(batch, i, false, SECONDS_NONE, SECONDS_NONE), 1);
    batch_seal(batch, BATCH_ENDS);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    snprintf(path, sizeof path, "%s/data.mdb", state_path);
    assert_int_equal(stat(path, &facts), 0);
    assert_in_range(facts.st_size, ENTRY_BYTES * LINES, 28 * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batches_of_any_size_leave_what_their_lines_say), TEST(a_batch_may_be_of_thousands_of_issuers),
        TEST(lines_about_one_thing_keep_their_order),         TEST(a_batch_that_ended_in_the_middle_is_written_again),
        TEST(a_long_batch_leaves_no_pages_half_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
