/* One watched file: when its watcher is told to read it, when it counts as confirmed, and when as lost or late. */
#include "files_around.h"

#define BOUND_MS (FILE_BOUND_SECONDS * 1000)

/* After a change it is read once more when a tick of its file system's clock is over, of a second's or of two; and not again. */
static void a_change_is_read_three_times(void **state)
{
    (void)state;
    watch_clean(0, 0);
    change(0);
    look_after(0);
    assert_int_equal(files[0].changed, 1);
    was_read(0, FILE_READ);
    for (unsigned i = 0; i < 2; i++) {
        look_after(i == 0 ? 1099 : 999);
        assert_int_equal(files[0].changed, 1 + i);
        look_after(1);
        assert_int_equal(files[0].changed, 2 + i);
        look_after(0);
        assert_int_equal(files[0].changed, 2 + i);
        was_read(0, FILE_READ);
    }
    look_after(20000);
    look_after(LOOK_MS);
    assert_int_equal(files[0].changed, 3);
}

static void it_is_confirmed_by_a_look_that_finds_it_as_it_was_read(void **state)
{
    (void)state;
    watch_clean(0, 0);
    int64_t at = watched_confirmed_ns(files[0].watched);

    look_after(LOOK_MS);
    assert_true(watched_confirmed_ns(files[0].watched) > at && watched_confirmed(files[0].watched) > 0);
    at = watched_confirmed_ns(files[0].watched);
    change(0);
    look_after(LOOK_MS);
    look_after(LOOK_MS); /* it is being read */
    assert_true(watched_confirmed_ns(files[0].watched) == at);
    was_read(0, FILE_READ);
    assert_true(watched_confirmed_ns(files[0].watched) > at); /* as it was when it was begun */
}

static void nor_is_one_that_has_changed_and_is_left_alone(void **state)
{
    (void)state;
    watch_clean(0, 2);
    int64_t at = watched_confirmed_ns(files[0].watched);

    change(0);
    look_after(LOOK_MS);
    look_after(LOOK_MS);
    assert_int_equal(files[0].changed, 0);
    assert_true(watched_confirmed_ns(files[0].watched) == at);
}

static void one_that_is_not_usable_is_never_confirmed(void **state)
{
    (void)state;
    watch_one(0, 0);
    pass(2);
    finish_looks();
    was_read(0, FILE_BAD);
    look_after(LOOK_MS);
    finish_looks();
    look_after(100);
    assert_true(watched_confirmed_ns(files[0].watched) == 0 && watched_confirmed(files[0].watched) == 0);
}

static void what_could_not_be_read_is_tried_again_a_second_later(void **state)
{
    (void)state;
    watch_clean(0, 0);
    change(0);
    look_after(0);
    was_read(0, FILE_NOT_READ);
    assert_int_equal(files[0].changed, 1);
    look_after(900);
    assert_int_equal(files[0].changed, 1);
    pass(110);
    assert_int_equal(files[0].changed, 2);
    was_read(0, FILE_READ);
    assert_int_equal(files[0].changed, 2);
}

/* Where its watcher had begun by himself, there is nobody to be told that it was read; but that it could not be is the same. */
static void read_of_the_watcher_s_own_accord(void **state)
{
    (void)state;
    watch_clean(0, 1);
    change(0);
    look_after(LOOK_MS);
    was_read(0, FILE_READ); /* what stood there before the change, perhaps */
    pass(1100);
    assert_int_equal(files[0].changed, 1);
    was_read(0, FILE_READ);
    for (unsigned i = 0; i < 8; i++) {
        look_after(LOOK_MS);
        if (files[0].watched->told)
            was_read(0, FILE_READ);
    }
    files[0].changed = 0;
    was_read(0, FILE_NOT_READ);
    pass(1100);
    assert_int_equal(files[0].changed, 1);
}

static void in_part_it_is_read_again(void **state)
{
    (void)state;
    watch_clean(0, 0);
    change(0);
    look_after(0);
    was_read(0, FILE_READ);
    look_after(1100);
    was_read(0, FILE_READ);
    look_after(1000);
    was_read(0, FILE_UNSURE);
    assert_int_equal(files[0].changed, 3);
    look_after(998);
    assert_int_equal(files[0].changed, 3);
    pass(4);
    assert_int_equal(files[0].changed, 4);
    was_read(0, FILE_READ);
    look_after(5000);
    assert_int_equal(files[0].changed, 4);
}

static void it_is_left_alone_until_it_has_settled(void **state)
{
    (void)state;
    watch_clean(0, 1);
    change(0);
    look_after(0);
    for (unsigned i = 0; i < 3; i++) {
        pass(900);
        change(0);
        look_after(0);
        assert_int_equal(files[0].changed, 0);
    }
    pass(1002);
    assert_int_equal(files[0].changed, 1);
    assert_false(watched_is_restless(files[0].watched));
}

/* Who writes to it all the time does not keep it from being read; that it was not left alone is told. */
static void one_that_never_settles_is_read_all_the_same(void **state)
{
    (void)state;
    watch_clean(0, 1);
    for (unsigned i = 0; i < 8; i++) {
        change(0);
        look_after(LOOK_MS);
    }
    assert_int_equal(files[0].changed, 0);
    for (unsigned i = 0; i < 2; i++) {
        change(0);
        look_after(LOOK_MS);
    }
    assert_int_equal(files[0].changed, 1);
    assert_true(watched_is_restless(files[0].watched));
    was_read(0, FILE_NOT_READ); /* not at once again */
    look_after(LOOK_MS);
    assert_int_equal(files[0].changed, 1);
    pass(LOOK_MS + 2);
    assert_int_equal(files[0].changed, 2);
    assert_false(watched_is_restless(files[0].watched)); /* it has settled meanwhile, however late that is */
}

/* For its second reading it is left alone as for its first. */
static void one_that_settles_slowly_is_read_again_when_it_has(void **state)
{
    (void)state;
    watch_clean(0, 3);
    files[0].watched->rereads = 0; /* as if a look had found it changed */
    files[0].watched->changed_at = now_ms;
    look_after(1200);
    assert_int_equal(files[0].changed, 0);
    pass(1900);
    assert_int_equal(files[0].changed, 1);
}

static void lost_is_told_once_and_back_again_it_has_changed(void **state)
{
    (void)state;
    watch_clean(0, 0);
    files[0].error = EACCES;
    for (unsigned i = 0; i < 3; i++)
        look_after(LOOK_MS);
    assert_int_equal(files[0].lost, 1);
    assert_false(files[0].hangs);
    int64_t at = watched_confirmed_ns(files[0].watched);

    files[0].error = ENOENT;
    look_after(LOOK_MS);
    assert_int_equal(files[0].lost, 2);
    assert_true(watched_confirmed_ns(files[0].watched) == at);
    files[0].error = 0;
    assert_int_equal(files[0].changed, 0);
    look_after(LOOK_MS);
    assert_int_equal(files[0].changed, 1); /* though it is as it was */
}

/* What was to be read when it had settled is not, once it is lost. */
static void what_is_lost_is_not_read(void **state)
{
    (void)state;
    watch_clean(0, 1);
    watch_clean(1, 0);
    change(0);
    look_after(0);
    files[0].error = ENOENT;
    look_after(100);
    now_ms += 2000; /* no alarm, no look */
    watch_go_on(watch);
    assert_int_equal(files[0].changed, 0);
    for (unsigned i = 0; i < 3; i++)
        look_after(LOOK_MS);
    assert_int_equal(files[0].changed + files[0].late, 0); /* nor is it late */
    assert_int_equal(files[0].lost, 1);
}

static void a_change_that_is_not_read_in_time_is_late(void **state)
{
    (void)state;
    watch_clean(0, 0);
    look_after(0);
    change(0);
    look_after(LOOK_MS); /* it may have changed right after the look before */
    assert_int_equal(files[0].changed, 1);
    look_after(BOUND_MS - LOOK_MS);
    assert_int_equal(files[0].late, 0);
    look_after(1);
    assert_int_equal(files[0].late, 1);
    look_after(LOOK_MS);
    assert_int_equal(files[0].late, 1);
    assert_int_equal(files[0].lost, 0); /* it can be looked at */
    while (files[0].watched->told)      /* meanwhile it was time to read it once more */
        was_read(0, FILE_READ);
    for (unsigned i = 0; i < 12; i++) {
        look_after(LOOK_MS);
        if (files[0].watched->told)
            was_read(0, FILE_READ);
    }
    assert_int_equal(files[0].late, 1);
}

static void a_large_one_has_more_time(void **state)
{
    (void)state;
    watch_clean(0, 0);
    files[0].facts.size = 3 * (uint64_t)FILE_BOUND_BYTES_PER_SECOND;
    look_after(0);
    look_after(BOUND_MS + 3000);
    assert_int_equal(files[0].late, 0);
    look_after(LOOK_MS);
    assert_int_equal(files[0].late, 1);
}

/* How it ended does not matter, as long as it was read. */
static void what_is_late_again_is_told_again(void **state)
{
    static const enum file_read hows[] = {FILE_READ, FILE_BAD};

    (void)state;
    watch_clean(0, 0);
    for (unsigned i = 0; i < 2; i++) {
        files[0].late = 0;
        change(0);
        look_after(0);
        look_after(BOUND_MS + LOOK_MS);
        assert_int_equal(files[0].late, 1);
        while (files[0].watched->told)
            was_read(0, hows[i]);
        look_after(0);
        change(0);
        look_after(0);
        look_after(BOUND_MS + LOOK_MS);
        assert_int_equal(files[0].late, 2);
        while (files[0].watched->told)
            was_read(0, FILE_READ);
        look_after(0);
    }
}

/* Since it was begun to be read, for what was there before has been read; and where that was not, since it was noticed. */
static void late_since_when(void **state)
{
    static const enum file_read hows[] = {FILE_READ, FILE_BAD, FILE_NOT_READ};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        watch_clean(i, 0);
        look_after(0);
        change(i);
        look_after(LOOK_MS);
        was_read(i, FILE_NOT_READ);
        look_after(1000);
        assert_int_equal(files[i].changed, 2); /* told once more, a second later */
        change(i);
        look_after(100);
        was_read(i, hows[i]);
        look_after(LOOK_MS);
        assert_int_equal(files[i].late, hows[i] == FILE_NOT_READ);
        look_after(1350);
        assert_int_equal(files[i].late, hows[i] == FILE_NOT_READ);
        look_after(100);
        assert_int_equal(files[i].late, 1);
        was_read(i, FILE_READ);
    }
}

static void what_was_read_is_not_late(void **state)
{
    static const enum file_read hows[] = {FILE_READ, FILE_BAD};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        watch_clean(i, 0);
        change(i);
        look_after(0);
        was_read(i, hows[i]);
        files[i].watched->rereads = 2; /* nothing more is to be read */
        for (unsigned k = 0; k < 8; k++)
            look_after(LOOK_MS);
        assert_int_equal(files[i].late + files[i].lost, 0);
    }
}

/* It went away before its change was read, and came back: the change is as old as it was. */
static void a_change_stays_as_old_as_it_is(void **state)
{
    (void)state;
    watch_clean(0, 0);
    look_after(0);
    change(0);
    look_after(LOOK_MS);
    files[0].error = ENOENT;
    look_after(LOOK_MS);
    files[0].error = 0;
    look_after(LOOK_MS);
    look_after(LOOK_MS + 100);
    assert_int_equal(files[0].late, 1);
}

/* One that was only to be read once more may not have changed: its file system hangs. */
static void a_second_reading_that_does_not_end_hangs(void **state)
{
    (void)state;
    watch_clean(0, 0);
    change(0);
    look_after(0);
    was_read(0, FILE_READ);
    look_after(1100);
    assert_int_equal(files[0].changed, 2);
    look_after(BOUND_MS);
    assert_int_equal(files[0].lost, 0);
    look_after(1);
    assert_int_equal(files[0].lost, 1);
    assert_true(files[0].hangs);
    assert_int_equal(files[0].late, 0);
}

static void a_look_that_does_not_end_hangs(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        files[i].is_local = false;
        watch_clean(i, 0);
    }
    look_after(LOOK_MS);
    finish_looks();
    look_after(LOOK_MS); /* of three, two have a thread and one waits for it */
    look_after(LOOK_MS);
    look_after(WAIT_MS - LOOK_MS);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(files[i].lost, 0);
    look_after(1);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(files[i].lost, 1);
        assert_true(files[i].hangs);
    }
    /* What had to wait so long is read before anybody is answered again. */
    unsigned third = 0;

    while (files[third].watched->looking)
        third++;
    look_after(LOOK_MS);
    assert_false(watch_waits(watch)); /* nobody waits for what hangs */
    finish_looks();
    for (unsigned i = 0; i < 3; i++) {
        if (i != third)
            was_read(i, FILE_READ);
    }
    finish_looks();
    assert_int_equal(files[third].changed, 1);
    look_after(100);
    assert_true(watch_waits(watch));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_watching, end_watching)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_read_three_times),
        TEST(it_is_confirmed_by_a_look_that_finds_it_as_it_was_read),
        TEST(nor_is_one_that_has_changed_and_is_left_alone),
        TEST(one_that_is_not_usable_is_never_confirmed),
        TEST(what_could_not_be_read_is_tried_again_a_second_later),
        TEST(read_of_the_watcher_s_own_accord),
        TEST(in_part_it_is_read_again),
        TEST(it_is_left_alone_until_it_has_settled),
        TEST(one_that_never_settles_is_read_all_the_same),
        TEST(one_that_settles_slowly_is_read_again_when_it_has),
        TEST(lost_is_told_once_and_back_again_it_has_changed),
        TEST(what_is_lost_is_not_read),
        TEST(a_change_that_is_not_read_in_time_is_late),
        TEST(a_large_one_has_more_time),
        TEST(what_is_late_again_is_told_again),
        TEST(late_since_when),
        TEST(what_was_read_is_not_late),
        TEST(a_change_stays_as_old_as_it_is),
        TEST(a_second_reading_that_does_not_end_hangs),
        TEST(a_look_that_does_not_end_hangs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
