/* How long a cached result is valid: until its time is over, something that it rests on changes, the agent's heartbeat stops, or
   the agent hands over a new page. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache_around.h"
#include "client/wire/clock.h"

/* Each change makes it hold no more; and once it did not hold it is forgotten. */
static void it_holds_only_while_nothing_has_changed(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL), policy = authorize("t", NULL, "a", "/r");
    _Atomic uint64_t *words[] = {&page->keys, &page->counter[5], &page->counter[6], &page->counter[4095], &page->closed};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        keep(question, &it);
        assert_true(is_known(question));
        atomic_fetch_add(words[i], 1);
        assert_false(is_known(question));
        atomic_fetch_sub(words[i], 1);
        assert_false(is_known(question));
    }
    keep(question, &it);
    keep(policy, &it);
    atomic_fetch_add(&page->counter[7], 1); /* of something else */
    atomic_fetch_add(&page->policy, 1);
    assert_true(is_known(question)); /* does not rest on the policy */
    assert_false(is_known(policy));
    atomic_fetch_sub(&page->policy, 1);
    page->instance[15]++;
    assert_false(is_known(question));
    page->instance[15]--;
}

static void nobody_is_believed_whose_heart_does_not_beat(void **state)
{
    const struct told it = told();
    struct question question = verify("t", NULL);
    const struct {
        int64_t age;
        bool holds;
    } beats[] = {{0, true},
                 {1500 * NS_PER_MS, true},
                 {1901 * NS_PER_MS, false},
                 {3600 * NS_PER_S, false},
                 {-5 * NS_PER_MS, true},
                 {-5000 * NS_PER_MS, false},
                 {-3600 * NS_PER_S, false}};

    (void)state;
    for (size_t i = 0; i < sizeof beats / sizeof *beats; i++) {
        beat();
        keep(question, &it);
        atomic_store(&page->heartbeat, (uint64_t)(monotonic_ns() - beats[i].age));
        assert_int_equal(cache_has_page(&cache), beats[i].holds);
        assert_int_equal(is_known(question), beats[i].holds);
    }
}

static void it_has_its_time(void **state)
{
    struct told early = told(), late = told(), short_lived = told();
    struct clocks now = clocks_read(), ticks = clocks_ticks();
    struct stamp stamp;
    struct assay_verdict *verdict = verdict_of(&short_lived);

    (void)state;
    early.from = 5;
    late.until = 0;
    keep(verify("early", NULL), &early);
    keep(verify("late", NULL), &late);
    assert_false(is_known(verify("early", NULL)));
    assert_false(is_known(verify("late", NULL)));

    assert_true(stamp_read(verdict_result(verdict), &stamp));
    assay_verdict_free(verdict);
    assert_true(stamp.deadline > now.monotonic + 98 * NS_PER_S && stamp.deadline <= monotonic_ns() + 100 * NS_PER_S);
    assert_true(stamp_holds(&stamp, page, true, &now, &ticks));
    struct clocks at = now;

    at.wall = stamp.until - ticks.wall; /* it may be the end already */
    assert_false(stamp_holds(&stamp, page, true, &at, &ticks));
    at.wall = stamp.until - ticks.wall - 1;
    assert_true(stamp_holds(&stamp, page, true, &at, &ticks));
    at.wall = stamp.from - 1;
    assert_false(stamp_holds(&stamp, page, true, &at, &ticks));
    at.wall = stamp.from;
    assert_true(stamp_holds(&stamp, page, true, &at, &ticks));
    stamp.deadline = now.monotonic + ticks.monotonic; /* the wall clock was set back, and time has passed all the same */
    assert_false(stamp_holds(&stamp, page, true, &now, &ticks));
}

static void a_new_page_empties_it(void **state)
{
    const struct told it = told();
    struct question question = verify("the token itself", NULL);
    int fd = memfd_create("page", MFD_CLOEXEC);

    (void)state;
    keep(question, &it);
    assert_true(ftruncate(fd, sizeof *page) == 0);
    assert_int_equal(cache_use_page(&cache, fd), 0);
    close(fd);
    assert_null(memmem(cache.shards.at, cache.shards.count * cache.shards.shard_bytes, "the token itself", 16));
    assert_false(is_known(question));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_holds_only_while_nothing_has_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_is_believed_whose_heart_does_not_beat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_has_its_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_page_empties_it, set_up, tear_down),
    };

    stay();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
