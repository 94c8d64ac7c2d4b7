/* When an issuer's keys are fetched: each rule at its edges, many times, for all of them are random within bounds; then fleets of
   agents under a clock that is only a number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keys/schedule.h"

#define NOW     1.7e9
#define DRAWS   20000
#define REFRESH 600.0
#define MAX_AGE 86400.0

static const struct schedule_rules rules = {.refresh = REFRESH, .cooldown = 10, .max_age = MAX_AGE};

enum act { START, SUCCEED, FAIL };

struct range {
    double low, high;
};

/* Between what, from now on, do the due times lie that one agent draws? */
static struct range draw(enum act act, const struct schedule *before, const struct schedule_rules *under, double word)
{
    struct range range = {INFINITY, -INFINITY};
    uint64_t random = 0;

    for (unsigned i = 0; i < DRAWS; i++) {
        struct schedule schedule = *before;

        schedule.random = random;
        if (act == START)
            schedule_start(&schedule, under, NOW);
        else if (act == SUCCEED)
            schedule_succeeded(&schedule, under, NOW, 0, word);
        else
            schedule_failed(&schedule, under, NOW, word);
        random = schedule.random;
        range.low = fmin(range.low, schedule.due - NOW);
        range.high = fmax(range.high, schedule.due - NOW);
    }
    return range;
}

/* Between low and high, and all of what lies between: to a hundredth of it. */
static void spans(struct range range, double low, double high)
{
    double near = (high - low) / 100 + 1e-6; /* a double of Unix seconds is good to 2.4e-7 */

    assert_true(range.low >= low - 1e-6 && range.high <= high + 1e-6);
    assert_true(range.low <= low + near && range.high >= high - near);
}

static void without_keys_it_is_due_at_once(void **state)
{
    struct schedule none = {0}, old = {.fetched = NOW - MAX_AGE - 1}, killed = {.tried = NOW};

    (void)state;
    spans(draw(START, &none, &rules, 0), 0, 0);
    spans(draw(START, &old, &rules, 0), 0, 0);
    spans(draw(START, &killed, &rules, 0), 0, 0); /* nothing has failed */
}

static void a_stored_set_is_due_in_what_is_left_of_the_period(void **state)
{
    struct schedule fresh = {.fetched = NOW}, half = {.fetched = NOW - 300}, late = {.fetched = NOW - 599};
    struct schedule later = {.fetched = NOW - 5000}, ending = {.fetched = NOW - MAX_AGE + 20}, last = {.fetched = NOW - MAX_AGE};
    struct schedule_rules often = {.refresh = 60, .cooldown = 10, .max_age = MAX_AGE};

    (void)state;
    spans(draw(START, &fresh, &rules, 0), 0, 600);
    spans(draw(START, &half, &rules, 0), 0, 300);
    spans(draw(START, &late, &rules, 0), 0, 150); /* not all in one second */
    spans(draw(START, &later, &rules, 0), 0, 150);
    spans(draw(START, &ending, &rules, 0), 0, 20); /* while it may still be used */
    spans(draw(START, &last, &rules, 0), 0, 0);
    spans(draw(START, &later, &often, 0), 0, 60);
}

static void a_back_off_survives_a_restart(void **state)
{
    struct schedule none = {.tried = NOW - 1, .failures = 3, .failed = true},
                    past = {.tried = NOW - 9, .failures = 3, .failed = true};
    struct schedule many = {.tried = NOW, .failures = 4000000000, .failed = true};
    struct schedule fresh = {.fetched = NOW, .tried = NOW, .failures = 2, .failed = true};
    struct range range = draw(START, &fresh, &rules, 0);

    (void)state;
    spans(draw(START, &none, &rules, 0), 3, 7); /* 8 s at the third, half of it to all of it, one of which is over */
    spans(draw(START, &past, &rules, 0), 0, 0);
    spans(draw(START, &many, &rules, 0), 300, 600);
    assert_true(range.low >= 300 && range.low < 310 && range.high > 590 && range.high <= 600);
}

static void what_lies_in_the_future_counts_as_now(void **state)
{
    struct schedule schedule = {.fetched = NOW + 1e6, .tried = NOW + 1e6, .failures = 1, .failed = true};

    (void)state;
    schedule_start(&schedule, &rules, NOW);
    assert_true(schedule.fetched <= NOW && schedule.fetched >= NOW && schedule.tried <= NOW && schedule.tried >= NOW);
    assert_true(schedule.due <= NOW + 600);
    assert_true(schedule_is_stale(&schedule, &rules, NOW + MAX_AGE + 1));
}

static void a_start_changes_nothing_else(void **state)
{
    struct schedule schedule = {.fetched = NOW - 7, .tried = NOW - 5, .failures = 2, .failed = true};

    (void)state;
    schedule_start(&schedule, &rules, NOW);
    assert_true(schedule.fetched >= NOW - 7 && schedule.fetched <= NOW - 7 && schedule.tried >= NOW - 5 &&
                schedule.tried <= NOW - 5);
    assert_true(schedule.failures == 2 && schedule.failed);
}

static void after_a_success_half_a_period_to_a_whole_one(void **state)
{
    struct schedule schedule = {.failures = 5, .failed = true};
    struct schedule_rules brief = {.refresh = 600, .cooldown = 10, .max_age = 800};

    (void)state;
    spans(draw(SUCCEED, &schedule, &rules, -1), 300, 600);
    spans(draw(SUCCEED, &schedule, &rules, 3600), 1800, 3600);
    spans(draw(SUCCEED, &schedule, &rules, 0), 30, 60);
    spans(draw(SUCCEED, &schedule, &rules, 59), 30, 60);
    spans(draw(SUCCEED, &schedule, &rules, 100), 50, 100);
    spans(draw(SUCCEED, &schedule, &brief, -1), 200, 400); /* half of max_age, for tries that fail */
    spans(draw(SUCCEED, &schedule, &brief, 86400), 200, 400);
    brief.max_age = 1e7;
    spans(draw(SUCCEED, &schedule, &brief, 86400), 43200, 86400);
    spans(draw(SUCCEED, &schedule, &brief, 1e9), 43200, 86400);
    schedule_succeeded(&schedule, &rules, NOW, 0, -1);
    assert_true(schedule.fetched >= NOW && schedule.fetched <= NOW && schedule.failures == 0 && !schedule.failed);
}

static void what_a_cache_had_kept_is_due_when_the_rest_is_over(void **state)
{
    static const struct { double age, http_max_age, max_age, longest; } cases[] = {
        {86000, 86400, 1e7, 400}, {86000, 86400, MAX_AGE, 200}, {90000, 86400, 1e7, 60}, {90000, 86400, MAX_AGE, 30}, {9, -1, 1e7, REFRESH},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof *cases * 1000; i++) {
        struct schedule schedule = {.random = i};
        const struct schedule_rules under = {.refresh = REFRESH, .cooldown = 10, .max_age = cases[i / 1000].max_age};

        schedule_succeeded(&schedule, &under, NOW, cases[i / 1000].age, cases[i / 1000].http_max_age);
        assert_true(schedule.due - NOW >= cases[i / 1000].longest / 2 && schedule.due - NOW <= cases[i / 1000].longest);
        assert_true(fabs(schedule.fetched - (NOW - cases[i / 1000].age)) < 1e-3);
    }
}

static void without_keys_tries_come_quickly_and_then_less_often(void **state)
{
    struct schedule schedule = {0}, stale = {.fetched = NOW - MAX_AGE - 1, .tried = NOW};
    double longest = 2;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        spans(draw(FAIL, &schedule, &rules, -1), longest / 2, longest);
        schedule_failed(&schedule, &rules, NOW, -1);
        assert_true(schedule.failures == i + 1 && schedule.failed && schedule.fetched <= 0);
        longest = fmin(longest * 2, REFRESH);
    }
    schedule.failures = 4000000000;
    spans(draw(FAIL, &schedule, &rules, -1), 300, 600);
    spans(draw(FAIL, &stale, &rules, -1), 1, 2);
}

static void with_keys_there_is_time(void **state)
{
    struct schedule schedule = {.fetched = NOW - 600}, last = {.fetched = NOW - MAX_AGE};
    struct schedule_rules often = {.refresh = 3, .cooldown = 10, .max_age = MAX_AGE};

    (void)state;
    spans(draw(FAIL, &schedule, &rules, -1), 150, 300);
    spans(draw(FAIL, &last, &rules, -1), 150, 300);
    spans(draw(FAIL, &schedule, &often, -1), 1, 2);
    schedule_failed(&schedule, &rules, NOW, -1);
    spans(draw(FAIL, &schedule, &rules, -1), 300, 600);
    schedule_failed(&schedule, &rules, NOW, -1);
    spans(draw(FAIL, &schedule, &rules, -1), 300, 600);
}

static void a_server_is_left_alone_as_long_as_it_says(void **state)
{
    struct schedule schedule = {0}, often = {.failures = 20, .failed = true};

    (void)state;
    spans(draw(FAIL, &schedule, &rules, 120), 120, 180);
    spans(draw(FAIL, &schedule, &rules, 600), 600, 900);
    spans(draw(FAIL, &schedule, &rules, 1e9), 600, 900);
    spans(draw(FAIL, &schedule, &rules, 0), 1, 2); /* no word makes it come earlier */
    spans(draw(FAIL, &often, &rules, 10), 300, 600);
}

static void a_token_may_cause_a_fetch_once_per_cool_down(void **state)
{
    struct schedule schedule = {0};

    (void)state;
    assert_true(schedule_may_refetch(&schedule, &rules, NOW));
    assert_true(schedule_may_refetch(&schedule, &rules, 5)); /* nothing was tried, whatever the time is */
    schedule_began(&schedule, NOW);
    assert_true(schedule.tried >= NOW && schedule.tried <= NOW);
    assert_false(schedule_may_refetch(&schedule, &rules, NOW));
    assert_false(schedule_may_refetch(&schedule, &rules, NOW + 9.9));
    assert_true(schedule_may_refetch(&schedule, &rules, NOW + 10));
    assert_true(schedule_may_refetch(&schedule, &rules, NOW - 1000)); /* the clock was set back */
    schedule.failures = 30;
    schedule_failed(&schedule, &rules, NOW, 600);
    assert_true(schedule.due >= NOW + 600);
    assert_false(schedule_may_refetch(&schedule, &rules, NOW + 9.9));
    assert_true(schedule_may_refetch(&schedule, &rules, NOW + 10));
    schedule_succeeded(&schedule, &rules, NOW + 1, 0, 86400);
    assert_false(schedule_may_refetch(&schedule, &rules, NOW + 9.9));
    assert_true(schedule_may_refetch(&schedule, &rules, NOW + 10));
}

static void the_state_alone_decides(void **state)
{
    struct schedule one = {.random = 1}, same = {.random = 1}, another = {.random = 2};

    (void)state;
    schedule_succeeded(&one, &rules, NOW, 0, -1);
    schedule_succeeded(&same, &rules, NOW, 0, -1);
    schedule_succeeded(&another, &rules, NOW, 0, -1);
    assert_true(one.due >= same.due && one.due <= same.due);
    assert_true(one.due < another.due || one.due > another.due);
}

static void a_set_is_used_until_its_age_is_over(void **state)
{
    struct schedule schedule = {.tried = NOW};

    (void)state;
    assert_true(schedule_is_stale(&schedule, &rules, NOW));
    assert_true(schedule_is_stale(&schedule, &rules, 5));
    schedule_succeeded(&schedule, &rules, NOW, 0, -1);
    assert_false(schedule_is_stale(&schedule, &rules, NOW - 100));
    assert_false(schedule_is_stale(&schedule, &rules, NOW));
    assert_false(schedule_is_stale(&schedule, &rules, NOW + MAX_AGE));
    assert_true(schedule_is_stale(&schedule, &rules, NOW + MAX_AGE + 1));
    schedule_failed(&schedule, &rules, NOW + 1, -1);
    assert_false(schedule_is_stale(&schedule, &rules, NOW + MAX_AGE));
    assert_true(schedule_is_stale(&schedule, &rules, NOW + MAX_AGE + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_keys_it_is_due_at_once),
        cmocka_unit_test(a_stored_set_is_due_in_what_is_left_of_the_period),
        cmocka_unit_test(a_back_off_survives_a_restart),
        cmocka_unit_test(what_lies_in_the_future_counts_as_now),
        cmocka_unit_test(a_start_changes_nothing_else),
        cmocka_unit_test(after_a_success_half_a_period_to_a_whole_one),
        cmocka_unit_test(what_a_cache_had_kept_is_due_when_the_rest_is_over),
        cmocka_unit_test(without_keys_tries_come_quickly_and_then_less_often),
        cmocka_unit_test(with_keys_there_is_time),
        cmocka_unit_test(a_server_is_left_alone_as_long_as_it_says),
        cmocka_unit_test(a_token_may_cause_a_fetch_once_per_cool_down),
        cmocka_unit_test(the_state_alone_decides),
        cmocka_unit_test(a_set_is_used_until_its_age_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
