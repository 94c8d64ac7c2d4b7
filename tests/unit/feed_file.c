/* A feed file, read on where it was left: what is taken of it, and what is not, when it is cut, replaced or rewritten between two
   readings or in the middle of one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/wire/clock.h"
#include "feed_file_around.h"

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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
