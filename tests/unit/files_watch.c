/* When watched files are looked at, by whom, and who waits for that. */
#include "files_around.h"

/* Nobody has looked for long; then somebody asks. */
static bool asked_after_a_pause(void)
{
    now_ms += 10000;
    return watch_sees(watch);
}

static void whoever_asks_looks_twice_a_second(void **state)
{
    (void)state;
    watch_one(0, 0);
    assert_true(watch_sees(watch)); /* the first time, whatever the clock says */
    assert_int_equal(threads_busy, 1);
    watch_clean(1, 0);
    look_after(0);
    looks_at_once = 0;
    now_ms += LOOK_MS - 1;
    assert_true(watch_sees(watch));
    assert_int_equal(looks_at_once, 0);
    now_ms += 1;
    assert_true(watch_sees(watch));
    assert_int_equal(looks_at_once, 2);
    assert_true(watch_sees(watch));
    assert_int_equal(looks_at_once, 2);
}

static void where_nothing_is_watched_nobody_waits(void **state)
{
    (void)state;
    watch_look(NULL);
    watched_drop(NULL);
    assert_true(watch_sees(NULL));
    assert_false(watch_waits(NULL));
    assert_true(watch_sees(watch));
    assert_false(watch_waits(watch));
}

static void the_alarm_rings_for_whoever_wants_it_first(void **state)
{
    (void)state;
    watch_look_in(watch, 100);
    watch_look_in(watch, 200);
    watch_look_in(watch, 100);
    assert_int_equal(alarms_set, 1);
    watch_look_in(watch, 50);
    assert_int_equal(alarms_set, 2);
    pass(200);
    watch_look_in(watch, 200);
    assert_int_equal(alarms_set, 3);
}

static void after_a_pause_a_change_is_read_before_anybody_is_answered(void **state)
{
    (void)state;
    watch_clean(0, 0);
    assert_true(asked_after_a_pause()); /* it has not changed */
    assert_int_equal(files[0].changed, 0);
    change(0);
    assert_false(asked_after_a_pause());
    assert_int_equal(files[0].changed, 1);
    assert_true(watch_waits(watch));
    looks_at_once = 0;
    now_ms += LOOK_MS;
    assert_false(watch_sees(watch)); /* who waits looks no more */
    assert_int_equal(looks_at_once, 0);
    look_after(0); /* the heartbeat does */
    assert_true(watch_waits(watch));
    assert_int_equal(seen, 0);
    was_read(0, FILE_READ);
    assert_int_equal(seen, 1);
    assert_true(watch_sees(watch));
    look_after(LOOK_MS);
    assert_int_equal(seen, 1);
}

static void nobody_waits_longer_than_the_bound(void **state)
{
    (void)state;
    watch_clean(0, 0);
    change(0);
    assert_false(asked_after_a_pause());
    look_after(LOOK_MS); /* begins no new wait */
    pass(WAIT_MS - LOOK_MS - 1);
    assert_int_equal(seen, 0);
    assert_false(watch_sees(watch));
    pass(2);
    assert_int_equal(seen, 1);
    assert_true(watch_sees(watch));
    look_after(LOOK_MS); /* it is still to be read; nobody waits for it again */
    assert_true(watch_sees(watch));
    assert_int_equal(seen, 1);
}

static void a_change_while_somebody_asks_keeps_nobody_waiting(void **state)
{
    (void)state;
    watch_clean(0, 0);
    change(0);
    look_after(LOOK_MS);
    assert_int_equal(files[0].changed, 1);
    for (unsigned i = 0; i < 4; i++) { /* nor does a reading that takes long */
        assert_true(watch_sees(watch));
        look_after(LOOK_MS);
    }
    assert_true(watch_sees(watch));
    assert_int_equal(seen, 0);
}

static void a_file_that_is_left_alone_first_is_waited_for_as_well(void **state)
{
    (void)state;
    watch_clean(0, 0.5);
    change(0);
    now_ms += 2000;
    assert_false(watch_sees(watch));
    assert_int_equal(files[0].changed, 0);
    look_after(100);
    assert_true(watch_waits(watch));
    pass(401);
    assert_int_equal(files[0].changed, 1);
    assert_true(watch_waits(watch));
    was_read(0, FILE_READ);
    assert_false(watch_waits(watch));
}

static void a_change_during_the_reading_is_waited_for_too(void **state)
{
    (void)state;
    watch_clean(0, 0);
    change(0);
    assert_false(asked_after_a_pause());
    change(0);
    look_after(100);
    assert_int_equal(files[0].changed, 1); /* one reading at a time */
    was_read(0, FILE_READ);
    assert_int_equal(files[0].changed, 2);
    assert_true(watch_waits(watch));
    was_read(0, FILE_NOT_READ);
    assert_true(watch_waits(watch));
    pass(500);
    look_after(0);
    assert_true(watch_waits(watch));
}

/* Read or not usable, it is dealt with: its next change finds somebody asking. */
static void what_was_waited_for_once_is_not_waited_for_again(void **state)
{
    static const enum file_read hows[] = {FILE_READ, FILE_BAD};

    (void)state;
    watch_clean(0, 0);
    for (unsigned i = 0; i < 2; i++) {
        change(0);
        assert_false(asked_after_a_pause());
        was_read(0, hows[i]);
        assert_true(watch_sees(watch));
        files[0].late = 0;
        change(0);
        look_after(LOOK_MS);
        assert_true(watch_sees(watch));
        assert_int_equal(files[0].late, 0); /* it has changed since it was read, not since before the pause */
        was_read(0, FILE_READ);
        look_after(LOOK_MS);
    }
}

static void a_file_that_has_come_back_is_waited_for(void **state)
{
    (void)state;
    watch_clean(0, 0.5);
    change(0);
    look_after(LOOK_MS);
    files[0].error = ENOENT;
    look_after(100);
    assert_int_equal(files[0].lost, 1);
    now_ms += 10000;
    files[0].error = 0;
    assert_false(watch_sees(watch));
}

static void a_look_that_may_hang_is_a_thread_s(void **state)
{
    (void)state;
    files[0].is_local = false;
    watch_clean(0, 0);
    watch_clean(1, 0);
    look_after(0);
    finish_looks();
    looks_at_once = 0;
    now_ms += 10000;
    assert_false(watch_sees(watch)); /* it waits for the look */
    assert_int_equal(looks_at_once, 1);
    assert_int_equal(threads_busy, 1);
    look_after(100);
    assert_int_equal(threads_busy, 1); /* one at a time */
    assert_true(watch_waits(watch));
    finish_look();
    assert_false(watch_waits(watch));
    assert_int_equal(seen, 1);
    files[1].far = true; /* the kernel does not know the way to it any more */
    look_after(LOOK_MS);
    assert_int_equal(threads_busy, 2);
    finish_looks();
}

/* It may have been replaced by one of another file system. */
static void on_another_device_it_may_hang(void **state)
{
    (void)state;
    watch_clean(0, 0);
    files[0].facts.device = 2;
    files[0].is_local = false;
    look_after(LOOK_MS);
    was_read(0, FILE_READ);
    look_after(LOOK_MS);
    assert_int_equal(threads_busy, 1);
    finish_looks();
}

static void two_threads_look_and_the_others_wait_their_turn(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FILES; i++) {
        files[i].is_local = i == FILES - 1;
        watch_clean(i, 0);
    }
    look_after(LOOK_MS);
    finish_looks();
    now_ms += 10000;
    assert_false(watch_sees(watch));
    assert_int_equal(threads_busy, THREADS_MAX);
    finish_look(); /* the third one begins; the first does not look again, nor does the local one */
    assert_int_equal(threads_busy, THREADS_MAX);
    assert_true(watch_waits(watch));
    finish_look();
    assert_int_equal(threads_busy, 1);
    assert_true(watch_waits(watch)); /* for the one that has only begun */
    finish_look();
    assert_int_equal(threads_busy, 0);
    assert_false(watch_waits(watch));
}

/* That it waits for a thread is waiting, too. */
static void one_that_waits_for_a_thread_is_waited_for(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        files[i].is_local = false;
        watch_clean(i, 0);
    }
    look_after(LOOK_MS);
    finish_looks();
    look_after(LOOK_MS);
    assert_int_equal(threads_busy, THREADS_MAX);
    unsigned third = 0;

    while (files[third].watched->looking)
        third++;
    files[third].watched->after_pause = true; /* of the three it alone */
    look_after(100);
    assert_true(watch_waits(watch));
    finish_looks();
    assert_false(watch_waits(watch));
}

static void two_threads_read_and_the_others_wait_their_turn(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        files[i].is_local = false;
        watch_clean(i, i == 0 ? 0.2 : 0);
    }
    look_after(LOOK_MS);
    finish_looks();
    change(0);
    look_after(LOOK_MS);
    finish_looks();
    assert_int_equal(files[0].changed, 0); /* it is left alone until it has settled */
    now_ms += 300;
    change(1);
    change(2);
    watch_look(watch);
    finish_look();
    finish_look();
    assert_true(files[0].changed == 0 && files[1].changed == 1 && files[2].changed == 1);
    was_read(1, FILE_READ);
    finish_looks();
    assert_int_equal(files[0].changed, 1);
}

/* Files of this machine are read without counting: no reading of theirs hangs. */
static void any_number_of_local_files_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FILES; i++)
        watch_clean(i, 0);
    for (unsigned i = 0; i < FILES; i++)
        change(i);
    look_after(LOOK_MS);
    for (unsigned i = 0; i < FILES; i++)
        assert_int_equal(files[i].changed, 1);
}

/* A hint of the kernel counts a few milliseconds later, also where nothing else tells of a change; and it is about one file, or
   about a whole folder. */
static void the_kernel_says_that_something_happened(void **state)
{
    (void)state;
    watch_clean(0, 0);
    watch_clean(1, 0);
    watch_clean(3, 0);
    for (unsigned i = 0; i < FILES; i++)
        files[i].changed = 0;
    pass(2000);
    tell_happened("/a", "0");
    pass(25);
    assert_true(files[0].changed == 1 && files[1].changed == 0 && files[3].changed == 0);
    was_read(0, FILE_READ);
    tell_happened("/a", NULL);
    pass(25);
    assert_true(files[0].changed == 2 && files[1].changed == 1 && files[3].changed == 0);
}

static void a_dropped_file_is_told_of_no_more(void **state)
{
    (void)state;
    files[0].is_local = false;
    watch_clean(0, 0);
    watch_clean(1, 0);
    look_after(LOOK_MS);
    assert_int_equal(threads_busy, 1);
    change(0);
    watched_drop(files[0].watched);
    files[0].watched = NULL;
    assert_int_equal(folders_forgotten, 0);
    finish_looks();
    assert_int_equal(files[0].changed, 0);
    watched_drop(files[1].watched);
    files[1].watched = NULL;
    assert_int_equal(folders_forgotten, 1);
    assert_false(watch_was_freed);
}

static void it_ends_with_the_last_file_and_the_last_look(void **state)
{
    (void)state;
    files[0].is_local = false;
    watch_clean(0, 0);
    watch_clean(1, 0);
    look_after(LOOK_MS);
    assert_int_equal(threads_busy, 1);
    alarms_set = looks_at_once = 0;
    watch_close(watch);
    watch_look(watch);
    watch_look_in(watch, 1);
    assert_int_equal(alarms_set + looks_at_once, 0);
    watched_drop(files[1].watched);
    watched_drop(files[0].watched);
    files[0].watched = files[1].watched = NULL;
    assert_int_equal(folders_forgotten, 0);
    assert_false(watch_was_freed);
    finish_looks();
    assert_true(watch_was_freed);
}

static void without_a_look_it_ends_with_the_last_file(void **state)
{
    (void)state;
    watch_clean(0, 0);
    watch_close(watch);
    assert_false(watch_was_freed);
    watched_drop(files[0].watched);
    files[0].watched = NULL;
    assert_true(watch_was_freed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_watching, end_watching)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whoever_asks_looks_twice_a_second),
        TEST(where_nothing_is_watched_nobody_waits),
        TEST(the_alarm_rings_for_whoever_wants_it_first),
        TEST(after_a_pause_a_change_is_read_before_anybody_is_answered),
        TEST(nobody_waits_longer_than_the_bound),
        TEST(a_change_while_somebody_asks_keeps_nobody_waiting),
        TEST(a_file_that_is_left_alone_first_is_waited_for_as_well),
        TEST(a_change_during_the_reading_is_waited_for_too),
        TEST(what_was_waited_for_once_is_not_waited_for_again),
        TEST(a_file_that_has_come_back_is_waited_for),
        TEST(a_look_that_may_hang_is_a_thread_s),
        TEST(on_another_device_it_may_hang),
        TEST(two_threads_look_and_the_others_wait_their_turn),
        TEST(one_that_waits_for_a_thread_is_waited_for),
        TEST(two_threads_read_and_the_others_wait_their_turn),
        TEST(any_number_of_local_files_is_read),
        TEST(the_kernel_says_that_something_happened),
        TEST(a_dropped_file_is_told_of_no_more),
        TEST(it_ends_with_the_last_file_and_the_last_look),
        TEST(without_a_look_it_ends_with_the_last_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
