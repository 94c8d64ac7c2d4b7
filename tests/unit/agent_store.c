/* The store: sorted sets against a plain array, and files that were damaged in every way: whatever is flipped, cut or swapped, an
   entry that was written is found or the store says that it cannot tell. It is never said not to be there, and nothing crashes. */
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

#include "agent/state/entries.h"

#define MAP_BYTES (1 << 26)
#define COUNT     4000
#define BYTES_MAX (4 << 20)
#if defined __SANITIZE_THREAD__ || defined __SANITIZE_ADDRESS__
#define FLIPS 150 /* each is a process, which takes a tenth of a second then */
#else
#define FLIPS 900
#endif

static const struct entry_set set = {TABLE_RECORDS, 14, NULL};
static char folder[] = "/tmp/assay-store-XXXXXX";
static char state_path[64], data_path[64], last_path[64];
static uint8_t written[COUNT][ENTRY_BYTES];
static uint64_t seed = 88172645463325252ULL;

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void random_entry(uint8_t *entry)
{
    for (unsigned i = 0; i < ENTRY_BYTES; i += 8) {
        uint64_t number = next_random();

        memcpy(entry + i, &number, 8);
    }
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, set.id_bytes);
}

static struct store *open_state(void)
{
    char why[STORE_WHY_BYTES];

    return store_open(state_path, MAP_BYTES, why);
}

static void apply(struct store *store, struct entry_op *ops, size_t count)
{
    struct view *view = store_begin(store, false);
    size_t done;

    assert_non_null(view);
    qsort(ops, count, sizeof *ops, compare);
    for (size_t at = 0; at < count; at += done)
        assert_int_equal(entries_change(view, &set, ops + at, count - at, 7, &done), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

static void add(struct store *store, uint8_t (*entries)[ENTRY_BYTES], size_t count, enum entry_change change)
{
    struct entry_op *ops = calloc(count, sizeof *ops);

    assert_non_null(ops);
    for (size_t i = 0; i < count; i++) {
        memcpy(ops[i].entry, entries[i], ENTRY_BYTES);
        ops[i].change = change;
    }
    apply(store, ops, count);
    free(ops);
}

/* How many of these are there as they were written; -1: the store could not tell of at least one. */
static int found(struct store *store, size_t from, size_t count)
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

static void make_entries(void)
{
    for (size_t i = 0; i < COUNT; i++)
        random_entry(written[i]);
    for (size_t i = 100; i < 160; i++) /* many words against one thing */
        memcpy(written[i], written[100], ENTRY_KEY_BYTES);
    memset(written[0], 0, ENTRY_KEY_BYTES);
    memset(written[1], 0xff, ENTRY_KEY_BYTES);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(state_path, sizeof state_path, "%s/state", folder);
    snprintf(data_path, sizeof data_path, "%s/state/data.mdb", folder);
    snprintf(last_path, sizeof last_path, "%s/state/last", folder);
    make_entries();
    return 0;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static void entries_are_kept_and_found(void **state)
{
    struct store *store = open_state();

    (void)state;
    assert_non_null(store);
    for (size_t at = 0, count; at < COUNT; at += count) {
        count = next_random() % 700;
        if (count > COUNT - at)
            count = COUNT - at;
        add(store, written + at, count, ENTRY_ADD);
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
    add(store, written + 1000, 3000, ENTRY_REMOVE);
    assert_int_equal(found(store, 1000, 3000), 0);
    assert_int_equal(found(store, 0, 1000), 1000);
    add(store, written + 1000, 3000, ENTRY_SET);
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
    qsort(ops, 10, sizeof *ops, compare);
    assert_int_equal(entries_change(view, &set, ops, 10, 7, &done), -1);
    store_abort(view);
    assert_int_equal(found(store, 0, COUNT), COUNT);
    store_close(store);
}

static bool is_even(void *context, const uint8_t *entry)
{
    ++*(unsigned *)context;
    return entry[20] % 2 == 0;
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
    add(store, written, COUNT, ENTRY_ADD);
    assert_int_equal(found(store, 0, COUNT), COUNT);
    assert_in_range(even, COUNT / 3, COUNT);
    store_close(store);
}

/* Files. */
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
        size_t at = i % 3 == 0 ? next_random() % 8192 : next_random() % good_bytes; /* the first two pages lead to all others */

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
    add(store, entry, 1, ENTRY_ADD);
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
    assert_non_null(strstr(why, "another version of assayd made them"));
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
    qsort(ops, count, sizeof *ops, compare);
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
        cmocka_unit_test(entries_are_kept_and_found),
        cmocka_unit_test(what_was_not_added_is_not_there),
        cmocka_unit_test(removed_entries_are_gone_and_the_others_stay),
        cmocka_unit_test(a_crowd_on_one_key_is_refused_whole),
        cmocka_unit_test(a_sweep_forgets_what_it_is_told_to),
        cmocka_unit_test(flipped_bits_never_hide_an_entry),
        cmocka_unit_test(overwritten_sectors_never_hide_an_entry),
        cmocka_unit_test(a_cut_file_is_refused),
        cmocka_unit_test(another_programs_file_is_refused_and_left_alone),
        cmocka_unit_test(a_damaged_inner_page_is_refused_at_the_start),
        cmocka_unit_test(an_older_copy_is_refused_until_it_is_meant),
        cmocka_unit_test(another_versions_store_is_refused_as_that),
        cmocka_unit_test(a_full_store_can_still_forget),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
