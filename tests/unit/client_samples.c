/* Samples: what is counted where, percentiles, and merging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "client/cli/bench/samples.h"

static struct samples samples, others;

static int clear(void **state)
{
    (void)state;
    memset(&samples, 0, sizeof samples);
    memset(&others, 0, sizeof others);
    return 0;
}

/* The bucket that has the one value. */
static size_t bucket_with(uint64_t value)
{
    (void)clear(NULL);
    samples_add(&samples, value);
    for (size_t i = 0; i < SAMPLES_BUCKETS; i++)
        if (samples.buckets[i] == 1)
            return i;
    fail_msg("%llu is counted nowhere", (unsigned long long)value);
    return 0;
}

static void each_bucket_begins_where_the_one_before_ends(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES_BUCKETS; i++) {
        assert_int_equal(bucket_with(samples_upper(i)), i);
        if (i + 1 < SAMPLES_BUCKETS)
            assert_int_equal(bucket_with(samples_upper(i) + 1), i + 1);
    }
    assert_true(samples_upper(SAMPLES_BUCKETS - 1) == UINT64_MAX);
}

static void no_value_is_told_more_than_a_64th_too_large(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 + 1) {
        uint64_t upper = samples_upper(bucket_with(value));

        assert_true(upper >= value && upper - value <= value / 64);
    }
}

static void of_none_there_is_no_percentile(void **state)
{
    (void)state;
    assert_int_equal(samples_percentile(&samples, 500), 0);
    assert_int_equal(samples_percentile(&samples, 1000), 0);
}

static void one_is_every_percentile(void **state)
{
    (void)state;
    samples_add(&samples, 1000003);
    assert_int_equal(samples_percentile(&samples, 0), 1000003);
    assert_int_equal(samples_percentile(&samples, 500), 1000003);
    assert_int_equal(samples_percentile(&samples, 1000), 1000003);
}

static void percentiles_count_from_below(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 60; i++)
        samples_add(&samples, i);
    assert_int_equal(samples_percentile(&samples, 500), 30);
    assert_int_equal(samples_percentile(&samples, 900), 54);
    assert_int_equal(samples_percentile(&samples, 990), 60);
    assert_int_equal(samples_percentile(&samples, 17), 2); /* 1.02 of 60: more than one */
    assert_int_equal(samples.max, 60);
}

static void more_than_can_be_multiplied(void **state)
{
    (void)state;
    samples.count = UINT64_MAX;
    samples.max = 63;
    samples.buckets[1] = UINT64_MAX / 2;
    samples.buckets[63] = UINT64_MAX - UINT64_MAX / 2;
    assert_int_equal(samples_percentile(&samples, 499), 1);
    assert_int_equal(samples_percentile(&samples, 501), 63);
}

static void merged_are_as_if_added(void **state)
{
    struct samples both;

    (void)state;
    memset(&both, 0, sizeof both);
    for (uint64_t i = 0; i < 5000; i++) {
        samples_add(i % 3 == 0 ? &samples : &others, i * i);
        samples_add(&both, i * i);
    }
    samples_merge(&samples, &others);
    assert_memory_equal(&samples, &both, sizeof both);
    memset(&others, 0, sizeof others);
    samples_merge(&samples, &others);
    assert_memory_equal(&samples, &both, sizeof both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_bucket_begins_where_the_one_before_ends, clear),
        cmocka_unit_test_setup(no_value_is_told_more_than_a_64th_too_large, clear),
        cmocka_unit_test_setup(of_none_there_is_no_percentile, clear),
        cmocka_unit_test_setup(one_is_every_percentile, clear),
        cmocka_unit_test_setup(percentiles_count_from_below, clear),
        cmocka_unit_test_setup(more_than_can_be_multiplied, clear),
        cmocka_unit_test_setup(merged_are_as_if_added, clear),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
