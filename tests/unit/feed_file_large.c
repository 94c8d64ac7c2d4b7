/* A feed file that is large, or that nobody has written to for a while: how much of it is looked at, and when it has settled. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/wire/clock.h"
#include "feed_file_around.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
