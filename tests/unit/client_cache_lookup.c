/* What the cache of a process remembers, and that it finds a result by exactly what was asked. A lookup waits for no thread. */
#include <string.h>

#include "cache_around.h"

static struct question with_claims(struct question question)
{
    question.claims = true;
    return question;
}

static void what_was_asked_is_found_and_nothing_else(void **state)
{
    const struct told it = told();
    struct question asked[] = {verify("aaaa.bbbb.cccc", NULL),
                               verify("aaaa.bbbb.cccc", ""),
                               verify("aaaa.bbbb.cccc", "orders"),
                               verify("aaaa.bbbb.ccccc", NULL),
                               verify("xaaa.bbbb.cccc", NULL),
                               verify("", NULL),
                               authorize("aaaa.bbbb.cccc", NULL, "GET", "/a"),
                               authorize("aaaa.bbbb.cccc", NULL, "GET", "/b"),
                               authorize("aaaa.bbbb.cccc", NULL, "GET/", "a"),
                               authorize("aaaa.bbbb.cccc", "o", "GET", "/a"),
                               authorize("aaaa.bbbb.cccc", NULL, "", ""),
                               authorize(NULL, NULL, "GET", "/a"),
                               with_claims(authorize("aaaa.bbbb.cccc", NULL, "GET", "/a")),
                               with_claims(authorize(NULL, NULL, "GET", "/a"))};
    size_t count = sizeof asked / sizeof *asked;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++)
            assert_int_equal(is_known(asked[k]), k < i);
        keep(asked[i], &it);
    }
    assert_true(is_known(asked[count - 1]));
}

/* How long a call may take has no part in what its answer is. Of several checks nobody says what their answer rests on. */
static void neither_time_nor_checks_are_remembered(void **state)
{
    static const struct assay_check checks[] = {{"GET", "/a"}};
    const struct told it = told();
    struct question timed = authorize("aaaa.bbbb.cccc", NULL, "GET", "/a"), several = verify("aaaa.bbbb.cccc", NULL);

    (void)state;
    keep(timed, &it);
    timed.timeout_ms = 7;
    assert_true(is_known(timed));
    keep(several, &it);
    several.checks = checks;
    several.check_count = 1;
    assert_false(is_known(several));
    several.token = "another.token";
    keep(several, &it);
    assert_false(is_known(several));
    several.check_count = 0;
    assert_false(is_known(several));
}

/* Where texts are long only their ends are hashed, and all of them is compared. */
static void long_texts_are_compared_whole(void **state)
{
    const struct told it = told();
    char one[1000], other[1000];

    (void)state;
    memset(one, 'r', sizeof one - 1);
    one[sizeof one - 1] = '\0';
    memcpy(other, one, sizeof one);
    other[0] = 'x';
    keep(authorize("t", one, one, one), &it);
    assert_true(is_known(authorize("t", one, one, one)));
    assert_false(is_known(authorize("t", other, one, one)));
    assert_false(is_known(authorize("t", one, other, one)));
    assert_false(is_known(authorize("t", one, one, other)));
}

static void a_hit_is_the_verdict_itself_and_outlives_the_cache(void **state)
{
    const struct told it = told();
    struct question question = verify("aaaa.bbbb.cccc", NULL);
    struct assay_verdict *verdict = verdict_of(&it), *again = NULL;

    cache_keep(&cache, &question, verdict);
    assert_true(cache_find(&cache, &question, &again));
    assert_ptr_equal(again, verdict);
    assay_verdict_free(verdict);
    tear_down(state);
    assert_true(assay_verdict_ok(again));
    assay_verdict_free(again);
    set_up(state);
}

static void a_no_and_a_yes_without_a_stamp_are_not_remembered(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL);
    struct assay_verdict *verdict = verdict_of(&it);

    (void)state;
    verdict->ok = false;
    cache_keep(&cache, &question, verdict);
    assert_false(is_known(question));
    verdict->ok = true;
    verdict->values[0].count = 0;
    cache_keep(&cache, &question, verdict);
    assert_false(is_known(question));
    assay_verdict_free(verdict);
}

static void nobody_waits_for_a_lane_that_somebody_is_in(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL);
    struct shard *taken[64];
    unsigned count = 0;

    (void)state;
    keep(question, &it);
    while ((taken[count] = shards_enter(&cache.shards)) != NULL)
        count++;
    assert_true(count > 0 && count <= cache.shards.count);
    assert_false(is_known(question));
    keep(question, &it);
    shards_empty(&cache.shards); /* passes them over */
    while (count > 0)
        shard_leave(taken[--count]);
    assert_true(is_known(question));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_asked_is_found_and_nothing_else, set_up, tear_down),
        cmocka_unit_test_setup_teardown(neither_time_nor_checks_are_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_texts_are_compared_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hit_is_the_verdict_itself_and_outlives_the_cache, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_no_and_a_yes_without_a_stamp_are_not_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_waits_for_a_lane_that_somebody_is_in, set_up, tear_down),
    };

    stay();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
