/* Files of the store that were damaged in every way: whatever is flipped, cut or swapped, an entry that was written is found or the
   store says that it cannot tell. It is never said not to be there, and nothing crashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/revocation/salvage.h"
#include "entries_written.h"

#define BYTES_MAX (4 << 20)
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
#define FLIPS 150 /* each is a process, which takes a tenth of a second then */
#else
#define FLIPS 2000
#endif

/* Was one said to be absent? That is the one thing that must not be. */
static bool is_denied(struct store *store, size_t count)
{
    struct view *view = store_view(store);
    bool denied = false;

    for (size_t i = 0; view != NULL && i < count; i++) {
        struct bytes entries;
        int some = entries_find(view, &set, written[i], &entries);
        bool there = false;

        for (int k = 0; k < some; k++)
            there |= memcmp((const uint8_t *)entries.at + k * ENTRY_BYTES, written[i], ENTRY_BYTES) == 0;
        denied |= some >= 0 && !there;
    }
    store_let_go(store);
    return denied;
}

static char data_path[80], last_path[80];
static uint8_t good[BYTES_MAX], bytes[BYTES_MAX];
static size_t good_bytes;

static size_t read_data(uint8_t *into)
{
    int fd = open(data_path, O_RDONLY);
    ssize_t got = read(fd, into, BYTES_MAX);

    close(fd);
    assert_in_range(got, 1, BYTES_MAX - 1);
    return (size_t)got;
}

static void write_data(const uint8_t *from, size_t size)
{
    int fd = open(data_path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

    assert_int_equal(write(fd, from, size), size);
    close(fd);
}

/* Some at a time, so that pages of older trees lie about in the file. */
static void entries_are_written(void **state)
{
    struct store *store = open_state();

    (void)state;
    assert_non_null(store);
    for (size_t at = 0; at < COUNT; at += 250)
        add_entries(store, written + at, 250, ENTRY_ADD);
    add_entries(store, written + 1000, 3000, ENTRY_REMOVE);
    add_entries(store, written + 1000, 3000, ENTRY_SET);
    assert_int_equal(found(store, 0, COUNT), COUNT);
    store_close(store);
    snprintf(data_path, sizeof data_path, "%s/data.mdb", state_path);
    snprintf(last_path, sizeof last_path, "%s/last", state_path);
}

#define REFUSED 10
#define FOUND   11
#define UNKNOWN 12
#define DENIED  13

/* In a process of its own, for a crash is one of the things that must not be. */
static int outcome(void)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(2);
        for (int number = 1; number < 32; number++)
            signal(number, SIG_DFL); /* not cmocka's: a crash is to be seen */
        alarm(20);
        struct store *store = open_state();

        if (store == NULL)
            _exit(REFUSED);
        if (is_denied(store, COUNT))
            _exit(DENIED);
        _exit(store_damaged(store) > 0 ? UNKNOWN : FOUND);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void flipped_bits_never_hide_an_entry(void **state)
{
    unsigned refused = 0, unknown = 0, trapped = 0;

    (void)state;
    good_bytes = read_data(good);
    for (unsigned i = 0; i < FLIPS; i++) {
        size_t at = i % 3 == 0 ? next_random() % 2 * 4096 + next_random() % 160
                               : next_random() % good_bytes; /* what the two first pages say leads to all others */

        memcpy(bytes, good, good_bytes);
        bytes[at] ^= (uint8_t)(1U << next_random() % 8);
        write_data(bytes, good_bytes);
        int is = outcome();

        if (is != REFUSED && is != FOUND && is != UNKNOWN && is != 1)
            fail_msg("a flipped bit in byte %zu: %d", at, is);
        refused += is == REFUSED;
        unknown += is == UNKNOWN;
        trapped += is == 1;
    }
    print_message("%d flipped bits: %u refused at start, %u met and undecided, %u ended in words, the others did not matter\n",
                  FLIPS, refused, unknown, trapped);
    assert_true(refused > 0 && unknown > 0);
    write_data(good, good_bytes);
    assert_int_equal(outcome(), FOUND);
}

static void overwritten_sectors_never_hide_an_entry(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FLIPS / 3; i++) {
        size_t at = next_random() % (good_bytes / 512) * 512, from = next_random() % (good_bytes / 512) * 512;

        memcpy(bytes, good, good_bytes);
        if (i % 3 == 0)
            memset(bytes + at, 0, 512);
        else
            memcpy(bytes + at, good + from, 512);
        write_data(bytes, good_bytes);
        int is = outcome();

        if (is != REFUSED && is != FOUND && is != UNKNOWN && is != 1)
            fail_msg("sector at %zu overwritten: %d", at, is);
    }
    write_data(good, good_bytes);
}

static void a_cut_file_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        write_data(good, next_random() % good_bytes / 4096 * 4096);
        assert_int_equal(outcome(), REFUSED);
    }
    write_data(good, 0);
    assert_int_equal(outcome(), REFUSED);
    assert_int_equal(unlink(data_path), 0);
    assert_int_equal(outcome(), REFUSED); /* gone, and not silently empty */
    write_data(good, good_bytes);
    assert_int_equal(outcome(), FOUND);
}

static void another_programs_file_is_refused_and_left_alone(void **state)
{
    (void)state;
    memset(bytes, 'x', 65536);
    write_data(bytes, 65536);
    assert_int_equal(outcome(), REFUSED);
    assert_int_equal(read_data(bytes), 65536);
    assert_int_equal(bytes[5000], 'x');
    write_data(good, good_bytes);
}

/* A store of yesterday has not the revocations of today. */
static void an_older_copy_is_refused_until_it_is_meant(void **state)
{
    struct store *store = open_state();
    uint8_t entry[1][ENTRY_BYTES];

    (void)state;
    random_entry(entry[0]);
    add_entries(store, entry, 1, ENTRY_ADD);
    store_close(store);
    write_data(good, good_bytes);
    assert_int_equal(outcome(), REFUSED);
    assert_int_equal(unlink(last_path), 0);
    assert_int_equal(outcome(), FOUND);
}

static void another_versions_store_is_refused_as_that(void **state)
{
    char why[STORE_WHY_BYTES], path[80];
    struct store *store;
    struct view *view;

    (void)state;
    snprintf(path, sizeof path, "%s/other", folder);
    store = store_open(path, MAP_BYTES, why);
    assert_non_null(store);
    view = store_begin(store, false);
    assert_int_equal(view_put(view, TABLE_META, (struct bytes){"format", 6}, (struct bytes){"assay 999", 9}), 0);
    assert_int_equal(store_commit(view), 0);
    store_close(store);
    assert_null(store_open(path, MAP_BYTES, why));
    assert_non_null(strstr(why, "another version of assayd wrote them"));
}

/* A page that leads to others is looked at before LMDB follows it. */
static void a_damaged_inner_page_is_refused_at_the_start(void **state)
{
    unsigned refused = 0;

    (void)state;
    good_bytes = read_data(good);
    for (size_t page = 2 * 4096; page < good_bytes; page += 4096) {
        if ((good[page + 10] & 3) != 1) /* not an inner page */
            continue;
        memcpy(bytes, good, good_bytes);
        bytes[page] ^= 1; /* its number */
        write_data(bytes, good_bytes);
        int is = outcome();

        assert_true(is == REFUSED || is == FOUND); /* of a page that is not used any more */
        refused += is == REFUSED;
    }
    assert_in_range(refused, 1, 100);
    write_data(good, good_bytes);
}

/* LMDB takes from the head of such a page which pages are free once it is replaced. */
static void a_damaged_head_of_a_page_that_one_bucket_has_is_met(void **state)
{
    unsigned met = 0;

    (void)state;
    for (size_t page = 2 * 4096; page < good_bytes; page += 4096) {
        if ((good[page + 10] & 4) == 0)
            continue;
        memcpy(bytes, good, good_bytes);
        bytes[page + (page / 4096 % 2 == 0 ? 13 : 1)] ^= 1; /* how many pages it has; its number */
        write_data(bytes, good_bytes);
        int is = outcome();

        assert_true(is == UNKNOWN || is == FOUND); /* of a page that is not used any more */
        met += is == UNKNOWN;
    }
    assert_in_range(met, 10, 1000);
    write_data(good, good_bytes);
}

/* Buckets that lie alone on a page say themselves what they are. */
static void what_leads_to_a_bucket_may_be_lost(void **state)
{
    char why[STORE_WHY_BYTES], path[80];
    struct salvaged salvaged;

    (void)state;
    memcpy(bytes, good, good_bytes);
    for (size_t page = 0; page < good_bytes; page += 4096) {
        if ((good[page + 10] & 3) != 0)
            memset(bytes + page, 0, 4096);
    }
    write_data(bytes, good_bytes);
    snprintf(path, sizeof path, "%s/salvaged", folder);
    assert_int_equal(salvage(state_path, path, &salvaged, why), 0);
    assert_in_range(salvaged.records, COUNT - COUNT / 10, COUNT);
    write_data(good, good_bytes);
}

/* Adds that many at once. 0; -1: there was no beginning; -2: it failed in the middle. */
static int fill(struct store *store, size_t count)
{
    struct entry_op ops[500];
    struct view *view = store_begin(store, false);
    size_t done;

    if (view == NULL)
        return -1;
    for (size_t i = 0; i < count; i++) {
        ops[i] = (struct entry_op){.change = ENTRY_ADD};
        random_entry(ops[i].entry);
        ops[i].entry[20] |= 1;
    }
    qsort(ops, count, sizeof *ops, compare_ids);
    if (entries_change(view, &set, ops, count, 500, &done) == 0)
        return store_commit(view) == 0 ? 0 : -2;
    store_abort(view);
    return -2;
}

/* Nothing more is added before the last page is gone, so that what is there can be forgotten, and then there is room again. */
static void a_full_store_can_still_forget(void **state)
{
    static const size_t amounts[] = {500, 20, 1};
    char path[80], why[STORE_WHY_BYTES];
    uint8_t at[ENTRY_KEY_BYTES] = {0};
    unsigned seen = 0, batches = 0;
    struct store *store;
    int status = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/small", folder);
    store = store_open(path, 4 << 20, why);
    assert_non_null(store);
    for (unsigned i = 0; i < 3; i++) {
        while ((status = fill(store, amounts[i])) == 0)
            assert_in_range(++batches, 1, 50000);
    }
    assert_int_equal(status, -1); /* refused before it began, with pages left */
    for (bool end = false; !end;) {
        struct view *view = store_begin(store, true);

        assert_non_null(view);
        assert_int_equal(entries_sweep(view, &set, at, is_even, &seen, &end), 0);
        assert_int_equal(store_commit(view), 0);
    }
    assert_int_equal(fill(store, 500), 0);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_written),
        cmocka_unit_test(flipped_bits_never_hide_an_entry),
        cmocka_unit_test(overwritten_sectors_never_hide_an_entry),
        cmocka_unit_test(a_cut_file_is_refused),
        cmocka_unit_test(another_programs_file_is_refused_and_left_alone),
        cmocka_unit_test(a_damaged_inner_page_is_refused_at_the_start),
        cmocka_unit_test(a_damaged_head_of_a_page_that_one_bucket_has_is_met),
        cmocka_unit_test(what_leads_to_a_bucket_may_be_lost),
        cmocka_unit_test(an_older_copy_is_refused_until_it_is_meant),
        cmocka_unit_test(another_versions_store_is_refused_as_that),
        cmocka_unit_test(a_full_store_can_still_forget),
    };

    return cmocka_run_group_tests(tests, make_state, remove_state);
}
