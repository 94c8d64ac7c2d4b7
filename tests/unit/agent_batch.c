/* Batches of any size, against a plain array of what should stand: lines about one thing in their order, ends in the middle, and a
   file for what does not fit into memory. */
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
#include <sys/stat.h>
#include <unistd.h>

#include "agent/revocation/batch.h"
#include "agent/revocation/words.h"

#define NAMES  60000
#define LINES  (3 * FEED_RUN_RECORDS + 5000)
#define SOURCE "file:/feed"
#define CURSOR "read to here"

/* What should stand against a thing. */
struct word {
    bool is;
    int64_t before, exp;
};

static struct store *store;
static struct hasher *hasher;
static const struct keyring no_keys;
static char folder[] = "/tmp/assay-batch-XXXXXX", state_path[64];
static uint64_t seed;
static struct word words[NAMES];

static uint64_t next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static int open_store(void **state)
{
    char why[STORE_WHY_BYTES];

    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(state_path, sizeof state_path, "%s/state", folder);
    store = store_open(state_path, 1 << 30, why);
    hasher = hasher_new();
    memset(words, 0, sizeof words);
    seed = 88172645463325252ULL;
    return store != NULL && hasher != NULL ? 0 : -1;
}

static int close_store(void **state)
{
    char command[64];

    (void)state;
    hasher_free(hasher);
    store_close(store);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static struct record record_of(unsigned number, char name[16])
{
    snprintf(name, 16, "s%u", number);
    return (struct record){RECORD_SID, {"i", 1}, {name, strlen(name)}, SECONDS_NONE, SECONDS_NONE};
}

static int add(struct batch *batch, unsigned number, bool undo, int64_t before, int64_t exp)
{
    char name[16];
    struct line line = {record_of(number, name), undo};

    line.record.before = before;
    line.record.exp = exp;
    return batch_add(batch, hasher, &line, NULL);
}

static int64_t later(int64_t a, int64_t b)
{
    return a == SECONDS_NONE || b == SECONDS_NONE ? SECONDS_NONE : a > b ? a : b;
}

static void note(unsigned number, bool undo, int64_t before, int64_t exp)
{
    struct word *word = &words[number];

    if (undo)
        word->is = false;
    else if (word->is)
        *word = (struct word){true, later(word->before, before), later(word->exp, exp)};
    else
        *word = (struct word){true, before, exp};
}

/* Lines that the seed decides. Returns how many were taken before the batch was full. */
static unsigned fill(struct batch *batch, unsigned lines, unsigned names)
{
    for (unsigned i = 0; i < lines; i++) {
        unsigned number = (unsigned)(next_random() % names);
        bool undo = next_random() % 4 == 0;
        int64_t before = (int64_t)(next_random() % 100), exp = 1000 + (int64_t)(next_random() % 100);

        if (before == 0)
            before = SECONDS_NONE;
        if (add(batch, number, undo, before, exp) != 1)
            return i;
        note(number, undo, before, exp);
    }
    batch_set_cursor(batch, CURSOR, sizeof CURSOR);
    return lines;
}

static bool cursor_stands(void)
{
    char cursor[sizeof CURSOR];
    int found = batch_cursor(store_view(store), SOURCE, cursor, sizeof cursor);

    store_let_go(store);
    assert_in_range(found, 0, 1);
    return found == 1;
}

/* Up to `steps` of it. Every other one is given up the first time that it is run. True: all is on the disk. */
static bool write_some(struct batch *batch, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        struct view *view = store_begin(store, false);

        assert_int_equal(batch_write(batch, hasher, view, &no_keys), 0);
        if (i % 2 == 1) {
            store_abort(view);
            view = store_begin(store, false);
            assert_int_equal(batch_write(batch, hasher, view, &no_keys), 0);
        }
        assert_int_equal(store_commit(view), 0);
        store_let_go(store);
        if (batch_advance(batch))
            return true;
    }
    return false;
}

static void compare(void *context, const char *source, int64_t before, int64_t exp)
{
    const struct word *word = context;

    assert_string_equal(source, SOURCE);
    assert_true(before == word->before && exp == word->exp);
}

static int sum(void *context, const struct slot *slot)
{
    *(uint64_t *)context += slot->count;
    return 0;
}

static void all_is_as_it_should_be(unsigned names)
{
    uint64_t counted = 0, standing = 0;
    struct view *view = store_view(store);

    for (unsigned i = 0; i < names; i++) {
        char name[16];
        struct record record = record_of(i, name);

        assert_int_equal(list_holders(hasher, view, &record, compare, &words[i]), words[i].is);
        standing += words[i].is;
    }
    assert_int_equal(slot_each(view, sum, &counted), 0);
    assert_int_equal(counted, standing);
    store_let_go(store);
}

static struct batch *new_batch(void)
{
    struct batch *batch = batch_new(SOURCE, state_path);

    assert_non_null(batch);
    return batch;
}

static void batches_of_any_size_leave_what_their_lines_say(void **state)
{
    static const unsigned sizes[] = {1, 20, 3000, LINES, 70, LINES};

    (void)state;
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct batch *batch = new_batch();

        assert_int_equal(fill(batch, sizes[i], NAMES), sizes[i]);
        assert_int_equal(batch_records(batch), sizes[i]);
        batch_seal(batch);
        assert_true(write_some(batch, UINT32_MAX));
        batch_free(batch);
        all_is_as_it_should_be(NAMES);
    }
}

static int add_of(struct batch *batch, struct text issuer, enum record_kind kind)
{
    struct line line = {{kind, issuer, {"x", 1}, SECONDS_NONE, SECONDS_NONE}, false};

    return batch_add(batch, hasher, &line, NULL);
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
        batch_seal(batch);
        assert_true(write_some(batch, UINT32_MAX));
        batch_free(batch);
        assert_int_equal(slot_each(store_view(store), count_one, &slots), 0);
        assert_int_equal(slots, 6000);
        store_let_go(store);
    }
}

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
        batch_free(batch);
    }
    assert_int_equal(taken[0] - 1, FEED_BATCH_GROUPS_MAX);
    assert_int_equal(taken[1] - 1, FEED_BATCH_NAMES_BYTES_MAX / sizeof issuer);
}

/* More than memory holds, and all of it in one place. */
static void lines_about_one_thing_keep_their_order(void **state)
{
    struct batch *batch = new_batch();

    (void)state;
    assert_int_equal(fill(batch, LINES, 2), LINES);
    batch_seal(batch);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    all_is_as_it_should_be(2);
}

static void a_batch_that_ended_in_the_middle_is_written_again(void **state)
{
    struct batch *batch = new_batch();

    (void)state;
    (void)fill(batch, LINES, NAMES);
    batch_seal(batch);
    assert_false(write_some(batch, 2));
    batch_free(batch);
    assert_false(cursor_stands());
    memset(words, 0, sizeof words);
    seed = 88172645463325252ULL;
    batch = new_batch();
    (void)fill(batch, LINES, NAMES);
    batch_seal(batch);
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
    batch_seal(batch);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    snprintf(path, sizeof path, "%s/data.mdb", state_path);
    assert_int_equal(stat(path, &facts), 0);
    assert_in_range(facts.st_size, ENTRY_BYTES * LINES, 28 * LINES);
}

static void without_a_file_batches_are_as_long_as_memory_is(void **state)
{
    struct batch *batch = batch_new(SOURCE, "/nonexistent");

    (void)state;
    assert_int_equal(fill(batch, LINES, NAMES), FEED_RUN_RECORDS);
    assert_int_equal(add(batch, 1, false, 1, 1), 0);
    batch_seal(batch);
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
    batch_seal(batch);
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
    batch_seal(batch);
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
    batch_seal(batch);
    assert_true(write_some(batch, UINT32_MAX));
    batch_free(batch);
    assert_int_equal(unreadable_count(store_view(store), &kept), 0);
    assert_int_equal(kept, UNREADABLE_KEPT_MAX);
    store_let_go(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_store, close_store)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batches_of_any_size_leave_what_their_lines_say),
        TEST(a_batch_may_be_of_thousands_of_issuers),
        TEST(issuers_take_a_bounded_amount_of_memory),
        TEST(lines_about_one_thing_keep_their_order),
        TEST(a_batch_that_ended_in_the_middle_is_written_again),
        TEST(a_long_batch_leaves_no_pages_half_empty),
        TEST(without_a_file_batches_are_as_long_as_memory_is),
        TEST(the_longest_batch_has_an_end),
        TEST(a_file_that_is_full_ends_the_batch),
        TEST(what_the_disk_gives_back_otherwise_is_not_written),
        TEST(lines_that_cannot_be_read_take_no_more_memory_than_can_be_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
