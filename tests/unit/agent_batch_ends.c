/* Where a batch ends, and what it does when memory, the disk or its file have an end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "agent/feeds/sorted_changes.h"
#include "agent/feeds/unreadable.h"
#include "batch_written.h"

static void issuers_take_a_bounded_amount_of_memory(void **state)
{
    static char issuer[REVOCATION_NAME_BYTES_MAX];
    unsigned taken[2] = {0, 0};

    (void)state;
    for (unsigned i = 0; i < 2; i++) { /* short names, long ones */
        struct batch *batch = new_batch();
        size_t bytes = i == 0 ? 8 : sizeof issuer;

        do {
            memset(issuer, 'i', sizeof issuer);
            memcpy(issuer, &taken[i], sizeof taken[i]);
            taken[i]++;
        } while (add_of(batch, (struct text){issuer, bytes}, RECORD_JTI) == 1);
        for (char more = 0; more < 3; more++) {
            issuer[4] = more;
            assert_int_equal(add_of(batch, (struct text){issuer, bytes}, RECORD_JTI), 0);
        }
        memset(issuer, 0, 4);
        issuer[4] = 'i';
        assert_int_equal(add_of(batch, (struct text){issuer, bytes}, RECORD_JTI), 1); /* that one it knows */
        static char another[sizeof issuer];
        struct text names[] = {{another, bytes}, {issuer, bytes}};
        struct line undo = {{RECORD_JTI, {issuer, bytes}, {"x", 1}, SECONDS_NONE, SECONDS_NONE, false}, true};

        assert_int_equal(batch_add(batch, hasher, &undo, &(struct texts){names, 2}), 0); /* taken back under each, or in the next batch */
        batch_free(batch);
    }
    assert_int_equal(taken[0] - 1, FEED_BATCH_GROUPS_MAX);
    assert_int_equal(taken[1] - 1, FEED_BATCH_NAMES_BYTES_MAX / sizeof issuer);
}

static void without_a_file_batches_are_as_long_as_memory_is(void **state)
{
    struct batch *batch = batch_new(SOURCE, "/nonexistent");

    (void)state;
    assert_int_equal(fill(batch, LINES, NAMES), FEED_RUN_RECORDS);
    assert_int_equal(add(batch, 1, false, 1, 1), 0);
    batch_seal(batch, BATCH_ENDS);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    all_is_as_it_should_be(NAMES);
}

/* All runs that there may be, and one more in memory. 400 MB. */
static void the_longest_batch_has_an_end(void **state)
{
    struct words *all;
    size_t most = (size_t)(FEED_RUNS_MAX + 1) * FEED_RUN_RECORDS, taken = 0;
    uint8_t word[ENTRY_BYTES] = {0}, last[ENTRY_KEY_BYTES];
    word_bytes *portion;
    size_t count;

    (void)state;
    if (getenv("ASSAY_LONG") == NULL)
        skip();
    all = words_new(state_path);
    assert_non_null(all);
    for (; taken <= most; taken++) {
        for (unsigned i = 0; i < ENTRY_KEY_BYTES; i += 4) {
            uint32_t number = (uint32_t)next_random();

            memcpy(word + i, &number, 4);
        }
        if (words_add(all, word) != 1)
            break;
    }
    assert_int_equal(taken, most);
    words_seal(all);
    memset(last, 0xff, ENTRY_KEY_BYTES);
    while (words_left(all)) { /* from the highest down, and sorted */
        assert_int_equal(words_take(all, &portion, &count), 0);
        assert_in_range(count, 1, FEED_RUN_RECORDS);
        assert_true(memcmp(portion[count - 1], last, ENTRY_KEY_BYTES) <= 0);
        for (size_t i = 1; i < count; i++)
            assert_true(memcmp(portion[i - 1], portion[i], ENTRY_KEY_BYTES) <= 0);
        memcpy(last, portion[0], ENTRY_KEY_BYTES);
        taken -= count;
    }
    assert_int_equal(taken, 0);
    words_free(all);
}

/* A file that cannot grow: what was put into it counts, and what was not is the end of the batch. */
static void a_file_that_is_full_ends_the_batch(void **state)
{
    struct batch *batch = new_batch();
    struct rlimit limit, small;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = FEED_RUN_RECORDS * ENTRY_BYTES * 3 / 2;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    unsigned taken = fill(batch, LINES, NAMES);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(taken == 2 * FEED_RUN_RECORDS || taken == FEED_RUN_RECORDS); /* some file systems make no such file at all */
    batch_seal(batch, BATCH_ENDS);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    all_is_as_it_should_be(NAMES);
}

/* The file that has no name any more: the highest descriptor that leads into the folder. */
static int file_of_words(void)
{
    char link[64], path[256];

    for (int fd = 255; fd > 2; fd--) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, path, sizeof path - 1);

        if (size < 0)
            continue;
        path[size] = '\0';
        if (strncmp(path, state_path, strlen(state_path)) == 0 && strstr(path, "(deleted)") != NULL)
            return fd;
    }
    return -1;
}

static void what_the_disk_gives_back_otherwise_is_not_written(void **state)
{
    struct batch *batch = new_batch();
    uint8_t byte;

    (void)state;
    (void)fill(batch, LINES, NAMES);
    batch_seal(batch, BATCH_ENDS);
    int fd = file_of_words();

    if (fd < 0)
        skip(); /* a file system that makes no files without a name */
    assert_int_equal(pread(fd, &byte, 1, FEED_RUN_RECORDS * ENTRY_BYTES - 1), 1); /* of the first run, the highest hash's last */
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, FEED_RUN_RECORDS * ENTRY_BYTES - 1), 1);
    struct view *view = store_begin(store, false);

    assert_int_equal(batch_write(batch, hasher, view, &no_keys), -1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, FEED_RUN_RECORDS * ENTRY_BYTES - 1), 1);
    store_abort(view); /* and once it can be read again, it is written */
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    all_is_as_it_should_be(NAMES);
}

static void lines_that_cannot_be_read_take_no_more_memory_than_can_be_kept(void **state)
{
    static char text[UNREADABLE_BYTES_MAX + 1];
    struct batch *batch = new_batch();
    size_t before = mallinfo2().uordblks;
    uint64_t kept;

    (void)state;
    for (unsigned i = 0; i < 100 * UNREADABLE_KEPT_MAX; i++) {
        int size = snprintf(text, sizeof text, "{%u", i);

        assert_int_equal(batch_keep_unreadable(batch, i + 1, text, i == 0 ? sizeof text : (size_t)size), 0);
    }
    assert_in_range(mallinfo2().uordblks - before, 0, 256 * UNREADABLE_KEPT_MAX); /* a sanitizer's malloc counts nothing */
    batch_seal(batch, BATCH_ENDS);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    assert_int_equal(unreadable_count(store_view(store), &kept), 0);
    assert_int_equal(kept, UNREADABLE_KEPT_MAX);
    store_let_go(store);
}

static void nothing(void *context, const char *source, int64_t before, int64_t exp)
{
    (void)context;
    (void)source;
    (void)before;
    (void)exp;
}

/* Is that number revoked? */
static int stands(unsigned number)
{
    char name[16];
    struct record record = {RECORD_SID, {"i", 1}, {name, (size_t)snprintf(name, sizeof name, "s%u", number)}, SECONDS_NONE, SECONDS_NONE, false};
    int holders = list_holders(hasher, store_view(store), &record, nothing, NULL);

    store_let_go(store);
    return holders;
}

static void say(struct batch *batch, unsigned number, bool undo)
{
    assert_int_equal(add(batch, number, undo, SECONDS_NONE, SECONDS_NONE), 1);
}

static void write_all(struct batch *batch, const char *cursor, enum batch_end end)
{
    batch_set_cursor(batch, cursor, 8);
    batch_seal(batch, end);
    assert_true(write_some(batch, UINT32_MAX));
}

static void cursor_is(const char *expected)
{
    char cursor[8];
    int found = batch_cursor(store_view(store), SOURCE, cursor, sizeof cursor);

    store_let_go(store);
    assert_int_equal(found, 1);
    assert_memory_equal(cursor, expected, 8);
}

/* 1 and 2 are revoked: by a reading that said nothing else. */
static struct batch *one_and_two(void)
{
    struct batch *batch = new_batch();

    say(batch, 1, false);
    say(batch, 2, false);
    write_all(batch, "cursor 1", BATCH_ENDS);
    assert_true(batch_moved_cursor(batch));
    batch_free(batch);
    return new_batch();
}

static void what_is_taken_back_counts_with_the_last_batch_of_a_reading(void **state)
{
    struct batch *batch = one_and_two();

    (void)state;
    say(batch, 1, true);
    say(batch, 2, true);
    say(batch, 3, true);
    say(batch, 4, false);
    say(batch, 4, true);
    say(batch, 5, true);
    say(batch, 5, false);
    write_all(batch, "cursor 2", BATCH_GOES_ON);
    assert_false(batch_moved_cursor(batch));
    cursor_is("cursor 1"); /* what is kept for later would be lost with a restart */
    assert_int_equal(stands(1) + stands(2) + stands(5), 3);
    assert_int_equal(stands(3) + stands(4), 0); /* nor is revoked what never was */
    assert_int_equal(batch_go_on(batch), 0);
    say(batch, 1, false);
    write_all(batch, "cursor 3", BATCH_GOES_ON);
    cursor_is("cursor 1");
    assert_int_equal(batch_go_on(batch), 0);
    say(batch, 6, false);
    write_all(batch, "cursor 4", BATCH_ENDS);
    assert_true(batch_moved_cursor(batch));
    cursor_is("cursor 4");
    assert_int_equal(stands(1) + stands(5) + stands(6), 3);
    assert_int_equal(stands(2) + stands(3) + stands(4), 0);
    batch_free(batch);
}

/* What revokes alone may move the cursor as it comes: nothing is kept. */
static void a_part_that_takes_nothing_back_is_not_read_again(void **state)
{
    struct batch *batch = new_batch();

    (void)state;
    say(batch, 1, false);
    write_all(batch, "cursor 1", BATCH_GOES_ON);
    assert_true(batch_moved_cursor(batch));
    cursor_is("cursor 1");
    batch_free(batch);
}

static void what_is_taken_back_is_forgotten_where_the_reading_breaks_off(void **state)
{
    struct batch *batch = one_and_two();

    (void)state;
    say(batch, 1, true);
    say(batch, 3, true);
    say(batch, 4, false);
    write_all(batch, "cursor 2", BATCH_BREAKS_OFF);
    assert_int_equal(stands(1) + stands(2) + stands(4), 3);
    assert_int_equal(stands(3), 0);
    batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(issuers_take_a_bounded_amount_of_memory),
        TEST(without_a_file_batches_are_as_long_as_memory_is),
        TEST(the_longest_batch_has_an_end),
        TEST(a_file_that_is_full_ends_the_batch),
        TEST(what_the_disk_gives_back_otherwise_is_not_written),
        TEST(lines_that_cannot_be_read_take_no_more_memory_than_can_be_kept),
        TEST(what_is_taken_back_counts_with_the_last_batch_of_a_reading),
        TEST(a_part_that_takes_nothing_back_is_not_read_again),
        TEST(what_is_taken_back_is_forgotten_where_the_reading_breaks_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
