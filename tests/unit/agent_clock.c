/* When records may be forgotten, and when the clock may be believed at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "agent/state/clock.h"

#define NOW 2000000000.0

/* An agent that has run so long by the monotonic clock, and so long by the wall clock. */
static bool may_forget(double run, double wall_run, double highest)
{
    struct clock clock = {.noted = 0};
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    clock.monotonic_start = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - run;
    clock.wall_start = NOW - wall_run;
    clock.highest = highest;
    return clock_may_forget(&clock, NOW);
}

static void not_in_the_first_ten_minutes(void **state)
{
    (void)state;
    assert_false(may_forget(590, 590, NOW));
    assert_true(may_forget(601, 601, NOW));
}

static void not_while_the_clocks_have_moved_apart(void **state)
{
    (void)state;
    assert_true(may_forget(4000, 4055, NOW));
    assert_true(may_forget(4000, 3945, NOW));
    assert_false(may_forget(4000, 4065, NOW)); /* set forward: tokens are not older by that */
    assert_false(may_forget(4000, 3935, NOW));
    assert_false(may_forget(4000, 4000 + 9 * 86400, NOW));
}

static void not_by_a_clock_that_is_not_trusted(void **state)
{
    (void)state;
    assert_true(may_forget(4000, 4000, NOW + 299));
    assert_false(may_forget(4000, 4000, NOW + 301));
}

/* What is to be written, in its order. */
static struct job *written[4];
static unsigned count;

int __wrap_writer_submit(struct writer *writer, struct job *job);
int __wrap_writer_submit(struct writer *writer, struct job *job)
{
    (void)writer;
    written[count++] = job;
    return 0;
}

static int accepted;

static void on_accepted(void *context, int status)
{
    (void)context;
    accepted += status == 0;
}

static void what_an_operator_accepts_is_written_last(void **state)
{
    struct clock clock = {.highest = 4e9, .noted = NOW};

    (void)state;
    assert_int_equal(clock_accept(&clock, on_accepted, NULL), 0);
    clock_note(&clock);
    assert_int_equal(count, 1);
    written[0]->done(written[0], 0);
    assert_int_equal(accepted, 1);
    assert_true(clock.highest < 4e9);
    clock.highest = 4e9;
    clock_note(&clock);
    assert_int_equal(count, 2);
    written[1]->done(written[1], 0);
    assert_true(clock.noted >= 4e9 - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_in_the_first_ten_minutes),
        cmocka_unit_test(not_while_the_clocks_have_moved_apart),
        cmocka_unit_test(not_by_a_clock_that_is_not_trusted),
        cmocka_unit_test(what_an_operator_accepts_is_written_last),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
