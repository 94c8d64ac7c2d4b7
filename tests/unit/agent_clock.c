/* When records may be forgotten, and when the clock may be believed at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <time.h>

#include "agent/clock.h"

#define NOW 2000000000.0

/* An agent that has run so long by the monotonic clock, and so long by the wall clock. */
static bool may_forget(double run, double wall_run, double highest)
{
    struct agent agent = {.loop = NULL};
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    agent.clock.monotonic_start = (double)now.tv_sec + (double)now.tv_nsec / 1e9 - run;
    agent.clock.wall_start = NOW - wall_run;
    agent.clock.highest = highest;
    return clock_may_forget(&agent, NOW);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(not_in_the_first_ten_minutes),
        cmocka_unit_test(not_while_the_clocks_have_moved_apart),
        cmocka_unit_test(not_by_a_clock_that_is_not_trusted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
