/* Whose signature is checked next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/verdict/workers.h"

static struct fair_queue turns;
static struct lines_of_user users[2];
static struct line_of_tasks lines[4]; /* two of each user */
static struct task tasks[64];

static void set_up(void)
{
    memset(&turns, 0, sizeof turns);
    memset(users, 0, sizeof users);
    memset(lines, 0, sizeof lines);
    for (unsigned i = 0; i < 4; i++)
        lines[i].user = &users[i / 2];
}

static void takes(const char *expected)
{
    for (; *expected != '\0'; expected++)
        assert_ptr_equal(fair_queue_take(&turns), &tasks[*expected - 'a']);
}

static void add(unsigned line, const char *names)
{
    for (; *names != '\0'; names++)
        fair_queue_add(&turns, &lines[line], &tasks[*names - 'a']);
}

static void one_line_keeps_its_order(void **state)
{
    (void)state;
    set_up();
    add(0, "abcd");
    assert_int_equal(users[0].waiting, 4);
    takes("abcd");
    assert_null(fair_queue_take(&turns));
    add(0, "ef");
    takes("ef");
    assert_int_equal(users[0].waiting, 0);
}

static void users_take_turns_however_many_they_have(void **state)
{
    (void)state;
    set_up();
    add(0, "abcdefgh");
    add(2, "xy");
    takes("axbycdefgh");
}

static void connections_of_a_user_take_turns(void **state)
{
    (void)state;
    set_up();
    add(0, "abcd");
    add(1, "mn");
    add(2, "xyz");
    takes("axmybzncd");
    assert_null(fair_queue_take(&turns));
}

static void who_comes_late_waits_one_round(void **state)
{
    (void)state;
    set_up();
    add(0, "abcdef");
    takes("ab");
    add(3, "x");
    takes("cx");
    add(1, "y");
    takes("dyef");
    assert_null(fair_queue_take(&turns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_line_keeps_its_order),
        cmocka_unit_test(users_take_turns_however_many_they_have),
        cmocka_unit_test(connections_of_a_user_take_turns),
        cmocka_unit_test(who_comes_late_waits_one_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
