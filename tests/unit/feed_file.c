/* A feed file, read on where it was left: what is taken of it, and what is not, when it is cut, replaced or rewritten between two
   readings or in the middle of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/feeds/file_reader.h"
#include "client/wire/clock.h"

#define PIECE 262144 /* that is read at a time */
#define LARGE (5 * PIECE)

static char folder[] = "/tmp/assay-feed-XXXXXX", path[64], other[64];
static struct feed_file file;

/* What was taken since the last reading began. */
static unsigned taken, too_long, enough_asked;
static char last[32];
static bool refused;
static unsigned room = UINT32_MAX;         /* for so many lines */
static unsigned enough_after = UINT32_MAX; /* it was asked so often */
static bool enough_once_taken, cut_once_taken;
static off_t cut_to = -1; /* when it is asked whether that is enough */

static void fill(const char *at, size_t bytes);
static void put(const char *at, off_t offset, const char *text, size_t bytes);
static void replace(void);

/* What somebody does while it is being read, at the first line of each piece of it. */
static unsigned replaced;
static enum { NOTHING, REMOVES, REPLACES_ONCE, REPLACES } somebody;

static void do_what_somebody_does(void)
{
    if (somebody == REMOVES)
        assert_int_equal(unlink(path), 0);
    if (somebody == REPLACES || somebody == REPLACES_ONCE) {
        fill(other, 640);
        put(other, 0, (char[]){(char)('A' + replaced++)}, 1);
        replace();
    }
    somebody = somebody == REPLACES ? REPLACES : NOTHING;
}

static int take(void *context, uint64_t number, const char *line, size_t bytes)
{
    (void)context;
    if (number == 1)
        do_what_somebody_does();
    assert_false(refused); /* nothing is offered behind what was not taken */
    refused = taken + too_long >= room;
    if (refused)
        return 0;
    if (bytes > FEED_LINE_BYTES_MAX) {
        too_long++;
        return 1;
    }
    taken++;
    snprintf(last, sizeof last, "%.*s", (int)(bytes < sizeof last - 1 ? bytes : sizeof last - 1), line);
    return 1;
}

static bool enough(void *context)
{
    (void)context;
    if (cut_to >= 0 && (!cut_once_taken || taken + too_long > 0))
        assert_int_equal(truncate(path, cut_to), 0);
    return ++enough_asked > enough_after || (enough_once_taken && taken + too_long > 0);
}

static int read_file(void)
{
    const struct feed_taker taker = {take, enough, NULL};

    taken = too_long = enough_asked = 0;
    refused = false;
    last[0] = '\0';
    file.replaced = false;
    return feed_file_read(&file, &taker);
}

static void put(const char *at, off_t offset, const char *text, size_t bytes)
{
    int fd = open(at, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, bytes, offset < 0 ? lseek(fd, 0, SEEK_END) : offset), bytes);
    close(fd);
}

static void append(const char *at, const char *text)
{
    put(at, -1, text, strlen(text));
}

/* So many bytes of lines of 64. */
static void fill(const char *at, size_t bytes)
{
    char *text = malloc(bytes + 1);

    assert_non_null(text);
    for (size_t i = 0; i < bytes; i += 64)
        snprintf(text + i, 65, "%-63zu\n", i);
    unlink(at);
    put(at, 0, text, bytes);
    free(text);
}

static void one_line_of(const char *at, size_t bytes)
{
    char *text = malloc(bytes);

    assert_non_null(text);
    memset(text, 'x', bytes);
    put(at, -1, text, bytes);
    free(text);
}

static int set_up(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/feed", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    file = (struct feed_file){.path = path, .fd = -1, .is_new = true};
    room = enough_after = UINT32_MAX;
    enough_once_taken = cut_once_taken = false;
    cut_to = -1;
    somebody = NOTHING;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    feed_file_close(&file);
    unlink(path);
    unlink(other);
    if (rmdir(folder) != 0)
        return -1;
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    return 0;
}

/* It was read whole, and nothing has been noticed. */
static void begin_with(size_t bytes)
{
    fill(path, bytes);
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, bytes / 64);
    assert_false(file.replaced || file.unsure);
}

static void lines_count_once_and_in_their_order(void **state)
{
    (void)state;
    begin_with(PIECE + 640); /* more than a piece, and no line ends with the first */
    append(path, "one\n\ntwo\nhalf");
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 2);
    assert_string_equal(last, "two");
    assert_int_equal(file.cursor.lines, PIECE / 64 + 10 + 3);
    append(path, " and whole\n");
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 1);
    assert_string_equal(last, "half and whole");
}

/* A line that ends where a piece does not. */
static void pieces_cut_lines(void **state)
{
    (void)state;
    append(path, "short\n");
    fill(other, PIECE);
    assert_int_equal(read_file(), 1);
    int from = open(other, O_RDONLY | O_CLOEXEC);
    char *text = malloc(PIECE);

    assert_int_equal(read(from, text, PIECE), PIECE);
    close(from);
    put(path, -1, text, PIECE);
    put(path, -1, text, PIECE);
    free(text);
    file.cursor.offset = file.cursor.lines = file.cursor.seed = 0;
    feed_file_reset(&file);
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 1 + 2 * PIECE / 64);
    assert_int_equal(too_long, 0);
}

static void what_is_not_taken_comes_again(void **state)
{
    (void)state;
    fill(path, LARGE);
    for (unsigned i = 0; i < 3; i++) {
        room = i;
        assert_int_equal(read_file(), 0);
        assert_int_equal(taken + too_long, i);
    }
    assert_int_equal(file.cursor.offset, 3 * 64);
    room = UINT32_MAX;
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, LARGE / 64 - 3);
    assert_int_equal(too_long, 0);
}

static void a_line_that_is_too_long_is_told_and_stepped_over(void **state)
{
    (void)state;
    begin_with(640);
    one_line_of(path, 2 * PIECE + 100); /* no end has come yet */
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken + too_long, 0);
    append(path, "\nbehind it\n");
    room = 0;
    uint64_t at = file.cursor.offset;

    assert_int_equal(read_file(), 0);
    assert_int_equal(file.cursor.offset, at); /* there was no room for it: it comes again */
    room = UINT32_MAX;
    assert_int_equal(read_file(), 1);
    assert_int_equal(too_long, 1);
    assert_int_equal(taken, 1);
    assert_string_equal(last, "behind it");
    assert_int_equal(file.cursor.lines, 12);
}

/* Who stops does not wait for the end of such a line, neither where it is looked for nor where it is passed. */
static void whoever_has_enough_is_let_go(void **state)
{
    (void)state;
    begin_with(640);
    one_line_of(path, 4 * PIECE);
    append(path, "\n");
    feed_file_reset(&file);
    enough_after = 2; /* once for what was read before */
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken + too_long, 0);
    enough_after = UINT32_MAX;
    enough_once_taken = true;
    assert_int_equal(read_file(), -1);
    assert_int_equal(too_long, 1);
}

static void one_that_is_cut_while_a_line_is_passed(void **state)
{
    (void)state;
    begin_with(640);
    one_line_of(path, 3 * PIECE);
    append(path, "\n");
    cut_to = 640 + 2 * PIECE + PIECE / 2;
    assert_int_equal(read_file(), 1); /* its end is there no more */
    assert_int_equal(too_long, 0);
    put(path, 640 + 3 * PIECE, "\n", 1);
    cut_once_taken = true;
    assert_int_equal(read_file(), -1);
    assert_int_equal(too_long, 1);
}

static void who_has_enough_while_it_is_looked_at_takes_nothing(void **state)
{
    (void)state;
    begin_with(3 * PIECE);
    append(path, "new\n");
    feed_file_reset(&file); /* as after a restart */
    struct feed_cursor before = file.cursor;

    enough_after = 1;
    assert_int_equal(read_file(), -1);
    assert_int_equal(taken, 0);
    assert_memory_equal(&before, &file.cursor, sizeof before);
    enough_after = UINT32_MAX;
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 1);
    assert_false(file.replaced);
}

static void one_that_is_cut_while_it_is_looked_at_is_another(void **state)
{
    (void)state;
    begin_with(3 * PIECE);
    append(path, "new\n");
    feed_file_reset(&file);
    cut_to = PIECE;
    file.mismatch_ns = monotonic_ns() - 2 * NS_PER_S; /* it is not waited until nobody writes to it */
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, PIECE / 64);
    assert_true(file.replaced);
}

/* By either half of the checksum. */
static void after_a_restart_every_byte_must_be_what_it_was(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        unlink(path);
        file.cursor = (struct feed_cursor){0};
        file.is_new = true;
        feed_file_reset(&file);
        begin_with(640);
        append(path, "new\n");
        feed_file_reset(&file);
        file.cursor.sum[i] ^= 1;
        file.cursor.inode ^= 1; /* it was replaced, and not rewritten */
        assert_int_equal(read_file(), 1);
        assert_true(file.replaced);
        assert_int_equal(taken, 11);
    }
}

static void rewrite(off_t offset)
{
    put(path, offset, "X", 1);
}

/* What stands there may be half of something: it is left alone a moment, but not for ever. */
static void one_that_is_being_rewritten_is_left_alone(void **state)
{
    (void)state;
    begin_with(6400);
    rewrite(100);
    append(path, "new\n");
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(read_file(), 1);
        assert_int_equal(taken, 0);
        assert_true(file.unsure && !file.replaced);
    }
    file.settling_ns -= NS_PER_S; /* nobody has written to it for a second */
    assert_int_equal(read_file(), 1);
    assert_true(file.replaced);
    assert_int_equal(taken, 101);
    rewrite(200);
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 0);
    file.mismatch_ns -= 2 * NS_PER_S; /* somebody writes to it all the time */
    rewrite(300);
    assert_int_equal(read_file(), 1);
    assert_true(file.replaced);
    assert_int_equal(taken, 101);
}

static void one_that_is_cut_is_read_from_its_start_at_once(void **state)
{
    (void)state;
    begin_with(6400);
    assert_int_equal(truncate(path, 640), 0);
    assert_int_equal(read_file(), 1);
    assert_true(file.replaced);
    assert_int_equal(taken, 10);
}

static void replace(void)
{
    assert_int_equal(rename(other, path), 0);
}

/* It may have been appended to until it was moved away. */
static void the_end_of_one_that_is_moved_away_counts(void **state)
{
    (void)state;
    begin_with(6400);
    append(path, "its end\n");
    fill(other, 640);
    replace();
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 1 + 10);
    assert_true(file.replaced);
    append(path, "removed\n");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_file(), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(taken, 1);
    assert_string_equal(last, "removed");
}

/* Where it does not fit it comes again, before what is in its place. */
static void the_end_of_one_that_is_moved_away_comes_first(void **state)
{
    (void)state;
    begin_with(6400);
    append(path, "its\nend\n");
    fill(other, 640);
    put(other, 0, "X", 1);
    replace();
    room = 1;
    assert_int_equal(read_file(), 0);
    assert_string_equal(last, "its");
    room = UINT32_MAX;
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 1 + 10);
}

/* What is in its place by then is read as well. */
static void one_that_is_replaced_while_it_is_read(void **state)
{
    (void)state;
    fill(path, 1280);
    somebody = REPLACES_ONCE;
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 20 + 10);
    assert_false(file.unsure);
}

static void one_that_is_replaced_all_the_time_is_not_followed_for_ever(void **state)
{
    (void)state;
    fill(path, 1280);
    somebody = REPLACES;
    room = 1000;
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 20 + 3 * 10);
    assert_true(file.unsure); /* what is there now was not looked at */
}

static void one_that_is_removed_while_it_is_read(void **state)
{
    (void)state;
    fill(path, 640);
    somebody = REMOVES;
    assert_int_equal(read_file(), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(taken, 10);
}

static void the_end_of_one_that_was_rewritten_does_not(void **state)
{
    (void)state;
    begin_with(6400);
    rewrite(6390);
    append(path, "its end\n");
    fill(other, 640);
    replace();
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 10);
}

/* A large one is looked at whole once a second. In between its end has to do, in the same file. */
static void a_large_one_is_looked_at_once_a_second(void **state)
{
    (void)state;
    begin_with(LARGE);
    rewrite(LARGE / 2);
    append(path, "new\n");
    int64_t looked_at = file.verified_ns;

    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 1);
    assert_true(file.unsure && !file.replaced && file.verified_ns == looked_at);
    file.verified_ns -= NS_PER_S + 1;
    append(path, "newer\n");
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 0);
    assert_true(file.unsure && !file.replaced); /* it is being rewritten */
    append(path, "newest\n");
    assert_int_equal(read_file(), 1); /* what is not as it was is looked at whole each time */
    assert_int_equal(taken, 0);
    file.settling_ns -= NS_PER_S;
    assert_int_equal(read_file(), 1);
    assert_true(file.replaced);
    assert_int_equal(taken, LARGE / 64 + 3);
}

static void its_end_has_to_be_what_it_was(void **state)
{
    (void)state;
    begin_with(LARGE);
    rewrite(LARGE - 10);
    append(path, "new\n");
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 0);
}

static void another_file_with_the_same_end_is_looked_at_whole(void **state)
{
    (void)state;
    begin_with(LARGE);
    fill(other, LARGE);
    put(other, LARGE / 2, "X", 1);
    replace();
    assert_int_equal(read_file(), 1);
    assert_true(file.replaced);
    assert_int_equal(taken, LARGE / 64);
    rewrite(LARGE / 2 + 64);
    file.cursor.device ^= 1;
    assert_int_equal(read_file(), 1);
    assert_true(file.replaced);
}

/* What nobody has written to for longer than a tick of any clock need not be looked at again, as long as its facts stay. */
static void facts_that_stay_will_do(void **state)
{
    (void)state;
    begin_with(640);
    assert_int_equal(file.cursor.facts.inode, 0);
    file.settling_ns -= 3 * NS_PER_S;
    assert_int_equal(read_file(), 1);
    assert_int_equal(file.cursor.facts.inode, file.cursor.inode);
    file.cursor.sum[0] ^= 1; /* would be noticed */
    feed_file_reset(&file);
    assert_int_equal(read_file(), 1);
    assert_false(file.replaced || file.unsure);
    append(path, "new\n");
    file.cursor.sum[0] ^= 1;
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 1);
    assert_int_equal(file.cursor.facts.inode, 0);
}

/* A reading that had enough is not at the end, however long nobody has written: facts that stay say nothing of what is behind it.
 */
static void what_is_left_is_read_although_the_facts_stay(void **state)
{
    (void)state;
    fill(path, 6400);
    for (unsigned i = 0; i < 3; i++) {
        room = 10;
        assert_int_equal(read_file(), 0);
        file.settling_ns -= 3 * NS_PER_S;
    }
    room = UINT32_MAX;
    assert_int_equal(read_file(), 1);
    assert_int_equal(taken, 70);
}

static void nor_do_they_after_one_that_was_broken_off(void **state)
{
    (void)state;
    begin_with(640);
    one_line_of(path, 3 * PIECE);
    append(path, "\n");
    room = 0;
    assert_int_equal(read_file(), 0);
    room = UINT32_MAX;
    file.settling_ns -= 3 * NS_PER_S;
    enough_once_taken = true;
    assert_int_equal(read_file(), -1);
    assert_int_equal(file.cursor.facts.inode, 0);
}

/* Nobody knows whether the beginning is still what it was. */
static void where_only_the_end_was_looked_at_facts_say_nothing(void **state)
{
    (void)state;
    begin_with(LARGE);
    append(path, "new\n");
    assert_int_equal(read_file(), 1);
    assert_true(file.unsure);
    file.settling_ns -= 3 * NS_PER_S;
    assert_int_equal(read_file(), 1);
    assert_int_equal(file.cursor.facts.inode, 0);
}

/* From its start, what it takes back counts when nobody writes to it any more; for one that said nothing before that is no matter.
 */
static void settled(void **state)
{
    (void)state;
    begin_with(640);
    assert_false(file.unsettled);
    fill(other, 1280);
    put(other, 0, "X", 1);
    replace();
    assert_int_equal(read_file(), 1);
    assert_true(file.unsettled);
    assert_int_equal(read_file(), 1);
    assert_true(file.unsettled);
    file.settling_ns -= 2 * NS_PER_S;
    assert_int_equal(read_file(), 1);
    assert_false(file.unsettled);
}

/* Nor does it count before it has been looked at whole. */
static void a_large_one_is_not_settled_before_it_was_looked_at(void **state)
{
    (void)state;
    begin_with(640);
    fill(other, LARGE);
    put(other, 0, "X", 1);
    replace();
    assert_int_equal(read_file(), 1);
    assert_true(file.unsettled);
    file.settling_ns -= 2 * NS_PER_S;
    assert_int_equal(read_file(), 1);
    assert_true(file.unsettled && file.unsure);
    file.verified_ns -= NS_PER_S;
    assert_int_equal(read_file(), 1);
    assert_false(file.unsettled || file.unsure);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lines_count_once_and_in_their_order),
        TEST(pieces_cut_lines),
        TEST(what_is_not_taken_comes_again),
        TEST(a_line_that_is_too_long_is_told_and_stepped_over),
        TEST(whoever_has_enough_is_let_go),
        TEST(one_that_is_cut_while_a_line_is_passed),
        TEST(who_has_enough_while_it_is_looked_at_takes_nothing),
        TEST(one_that_is_cut_while_it_is_looked_at_is_another),
        TEST(after_a_restart_every_byte_must_be_what_it_was),
        TEST(one_that_is_being_rewritten_is_left_alone),
        TEST(one_that_is_cut_is_read_from_its_start_at_once),
        TEST(the_end_of_one_that_is_moved_away_counts),
        TEST(the_end_of_one_that_is_moved_away_comes_first),
        TEST(one_that_is_replaced_while_it_is_read),
        TEST(one_that_is_replaced_all_the_time_is_not_followed_for_ever),
        TEST(one_that_is_removed_while_it_is_read),
        TEST(the_end_of_one_that_was_rewritten_does_not),
        TEST(a_large_one_is_looked_at_once_a_second),
        TEST(its_end_has_to_be_what_it_was),
        TEST(another_file_with_the_same_end_is_looked_at_whole),
        TEST(facts_that_stay_will_do),
        TEST(what_is_left_is_read_although_the_facts_stay),
        TEST(nor_do_they_after_one_that_was_broken_off),
        TEST(where_only_the_end_was_looked_at_facts_say_nothing),
        TEST(settled),
        TEST(a_large_one_is_not_settled_before_it_was_looked_at),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
