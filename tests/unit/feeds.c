/* All feeds together: which go on under another configuration, and what may be decided while one of them is not as it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config/config.h"
#include "agent/feeds/feed_inside.h"
#include "client/wire/clock.h"

static struct config config;
static struct keyring ring = {.config = &config};
static struct core core = {.ring = &ring};
static struct feeds *feeds;
static struct text name_i = {"i", 1}, name_k = {"k", 1};
static const struct issuer issuer_i = {.names = {&name_i, 1}}, issuer_k = {.names = {&name_k, 1}};

static unsigned made, freed, begun, started, ended;
static bool no_memory, cannot_begin, fits;

static void end(struct feed *feed)
{
    (void)feed;
    ended++;
}

static bool do_fit(const struct feed *feed, const struct feed_config *of)
{
    (void)feed;
    (void)of;
    return fits;
}

static const struct feed_kind kind = {.end = end, .fits = do_fit}, simple = {0};

/* --- in the place of feed.c and what reads configurations --- */

struct feed *__wrap_feed_new(struct feeds *all, const struct feed_config *of);
void __wrap_feed_free(struct feed *feed);
void __wrap_feed_begin(struct feed *feed);
void __wrap_feed_start(struct feed *feed);
void __wrap_feed_mark_rights(const struct feed_config *feed, const struct config *whole, struct feed_mark *mark);
struct alarm *__wrap_alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context);
void __wrap_alarm_close(struct alarm *alarm);
double __wrap_unix_now(void);

struct feed *__wrap_feed_new(struct feeds *all, const struct feed_config *of)
{
    struct feed *feed = no_memory ? NULL : calloc(1, sizeof *feed);

    if (feed == NULL)
        return NULL;
    feed->kind = of->path != NULL ? &simple : &kind;
    feed->all = all;
    feed->config = of;
    feed->source = strdup(of->source);
    feed->is_read = true; /* as the tests want it, who do not read */
    made++;
    return feed;
}

void __wrap_feed_free(struct feed *feed)
{
    freed++;
    free(feed->source);
    free(feed);
}

void __wrap_feed_begin(struct feed *feed)
{
    begun++;
    feed->has_stored = !cannot_begin;
}

void __wrap_feed_start(struct feed *feed)
{
    (void)feed;
    started++;
}

void __wrap_feed_mark_rights(const struct feed_config *feed, const struct config *whole, struct feed_mark *mark)
{
    (void)whole;
    *mark = (struct feed_mark){.undo = feed->undo};
}

struct alarm *__wrap_alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context)
{
    (void)loop;
    (void)rings;
    return context;
}

void __wrap_alarm_close(struct alarm *alarm)
{
    (void)alarm;
}

double __wrap_unix_now(void)
{
    return 1000;
}

/* --- */

static void configure(unsigned count)
{
    config.revocation.feed_count = count;
    assert_int_equal(feeds_use_config(feeds), no_memory ? -1 : 0);
}

/* A file; a list over HTTPS; another, for issuer k alone. */
static int set_up(void **state)
{
    struct feed_config *of = config.revocation.feeds;

    (void)state;
    memset(&config, 0, sizeof config);
    of[0] = (struct feed_config){.path = "/a", .source = "file:/a"};
    of[1] = (struct feed_config){.url = "https://b", .source = "https://b"};
    of[2] = (struct feed_config){.url = "https://c", .source = "https://c", .issuers = {&name_k, 1}};
    no_memory = cannot_begin = false;
    fits = true;
    feeds = feeds_new(&core);
    made = freed = begun = started = ended = 0;
    return feeds != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next)
        feed->batch = NULL;
    feeds_stop(feeds);
    feeds_free(feeds);
    return 0;
}

static void a_file_is_read_and_the_others_say_themselves_when(void **state)
{
    (void)state;
    cannot_begin = true;
    configure(2);
    assert_true(begun == 2 && started == 0); /* where a cursor cannot be read nothing is */
    cannot_begin = false;
    feeds_look(feeds);
    assert_true(begun == 4 && started == 1);
    feeds_look(feeds);
    assert_true(begun == 4 && started == 2);
    feeds_stop(feeds);
    feeds_look(feeds);
    assert_true(begun == 4 && started == 2);
}

static void each_goes_on_as_its_own(void **state)
{
    struct feed_config swap;

    (void)state;
    configure(3);
    struct feed *first = feeds->first, *second = first->next;

    swap = config.revocation.feeds[0];
    config.revocation.feeds[0] = config.revocation.feeds[1];
    config.revocation.feeds[1] = swap;
    configure(2);
    assert_true(made == 3 && freed == 1);
    assert_ptr_equal(feeds->first, second);
    assert_ptr_equal(second->next, first);
    assert_ptr_equal(first->config, &config.revocation.feeds[1]);
}

/* What was read under other rights does not count under these, and what was passed over may. */
static void which_goes_on_under_other_rights(void **state)
{
    enum { NOTHING, BUSY, BATCH, PASSED_OVER, NOT_LOADED, DOES_NOT_FIT, CASES };

    (void)state;
    for (unsigned i = 0; i < CASES; i++) {
        tear_down(state);
        set_up(state);
        cannot_begin = i == NOT_LOADED;
        config.revocation.feeds[0] = config.revocation.feeds[1]; /* its kind may not fit */
        configure(1);
        struct feed *feed = feeds->first;

        feed->busy = i == BUSY;
        feed->batch = i == BATCH ? (struct batch *)&core : NULL;
        feed->mark.passed_over = i == PASSED_OVER;
        fits = i != DOES_NOT_FIT;
        config.revocation.feeds[0].undo = i != DOES_NOT_FIT;
        configure(1);
        assert_int_equal(made, i == NOTHING || i == NOT_LOADED ? 1 : 2);
        assert_int_equal(ended, made - 1);
        assert_int_equal(freed, i == BUSY ? 0 : made - 1); /* the thread that reads it still has it */
        if (i == NOTHING)
            assert_int_equal(feed->mark.undo, 1);
        if (i == BUSY) {
            assert_true(feed->dropped && feed->enough);
            __wrap_feed_free(feed);
        }
    }
}

static void under_the_same_rights_it_goes_on_whatever_it_does(void **state)
{
    (void)state;
    configure(1);
    feeds->first->busy = true;
    feeds->first->mark.passed_over = 1;
    configure(1);
    assert_int_equal(made, 1);
}

static void one_that_begins_anew_goes_on_counting(void **state)
{
    (void)state;
    configure(3);
    feeds->first->next->records = 7;
    feeds->first->next->unreadable = 8;
    feeds->first->next->excluded = 9;
    feeds->first->next->gaps = 10;
    fits = false; /* both lists begin anew */
    configure(3);
    struct feed *file = feeds->first, *list = file->next, *last = list->next;

    assert_int_equal(made, 5);
    assert_true(list->records == 7 && list->unreadable == 8 && list->excluded == 9 && list->gaps == 10);
    assert_true(file->records == 0 && last->records == 0 && last->gaps == 0);
}

static bool fresh(const struct issuer *issuer, const char *word)
{
    char why[256] = "";
    bool is = feeds_are_fresh(feeds, issuer, 1000, why);

    assert_true(is || word == NULL || strstr(why, word) != NULL);
    return is;
}

static void without_memory_for_one_nothing_is_decided(void **state)
{
    (void)state;
    no_memory = true;
    configure(2);
    assert_false(fresh(&issuer_i, "out of memory"));
    assert_false(feeds_are_read(feeds));
    no_memory = false;
    configure(1);
    assert_true(fresh(&issuer_i, NULL) && feeds_are_read(feeds));
}

struct facts {
    bool is_read, incomplete, late, starts_without, failed;
    double good;
};

static void make(struct feed *feed, const struct facts *facts)
{
    config.revocation.feeds[feed_is_remote(feed->config)].start_without = facts->starts_without;
    feed->is_read = facts->is_read;
    feed->is_incomplete = facts->incomplete;
    feed->is_late = facts->late;
    feed->good = facts->good;
    feed->good_ns = 0;
    strcpy(feed->error, facts->failed ? "it is broken" : "");
    feeds_count(feeds);
}

static void what_may_be_decided(void **state)
{
    static const struct {
        struct facts facts;
        double max_age;
        bool file, list; /* may it be, where it is the one or the other */
    } cases[] = {
        {{.is_read = true, .good = 990}, 100, true, true},
        {{.is_read = true, .good = 890}, 100, false, false},
        {{.is_read = true, .good = 890}, 0, true, true},
        {{.is_read = true}, 100, true, false}, /* a file that was read is confirmed by each look */
        {{.good = 990}, 100, false, true},     /* a list, by an earlier run */
        {{0}, 100, false, false},
        {{.starts_without = true}, 100, false, true},
        {{.is_read = true, .good = 990, .incomplete = true}, 100, false, false},
        {{.is_read = true, .good = 990, .incomplete = true, .starts_without = true}, 0, false, false},
        {{.is_read = true, .good = 990, .late = true}, 100, false, false},
        {{.is_read = true, .good = 990, .failed = true}, 100, true, true},
        {{.is_read = true, .good = 890, .failed = true}, 100, false, false},
        {{.is_read = true, .good = 890, .failed = true}, 0, true, true},
    };
    const struct facts fine = {.is_read = true, .good = 1000};

    (void)state;
    configure(2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct feed *file = feeds->first, *list = file->next;

        config.revocation.max_age = cases[i].max_age;
        make(list, &fine);
        make(file, &cases[i].facts);
        assert_int_equal(fresh(&issuer_i, "file:/a"), cases[i].file);
        make(file, &fine);
        make(list, &cases[i].facts);
        assert_int_equal(fresh(&issuer_i, "https://b"), cases[i].list);
    }
}

/* Both clocks are asked: one of them may have been set back. */
static void how_old_it_is(void **state)
{
    (void)state;
    configure(3);
    config.revocation.max_age = 100;
    struct feed *file = feeds->first, *list = file->next, *last = list->next;

    make(file, &(struct facts){.is_read = true, .good = 980});
    make(list, &(struct facts){.is_read = true, .good = 970});
    make(last, &(struct facts){.is_read = true, .good = 950});
    assert_int_equal(feeds_age(feeds, &issuer_i), 30);
    assert_int_equal(feeds_age(feeds, &issuer_k), 50); /* for whom one more speaks */
    make(list, &(struct facts){.is_read = true, .good = 990});
    assert_int_equal(feeds_age(feeds, &issuer_i), 20);
    list->good_ns = monotonic_ns() - 200 * NS_PER_S;
    assert_int_equal(feeds_age(feeds, &issuer_i), 200);
    assert_false(fresh(&issuer_i, "200 seconds ago"));
    make(list, &(struct facts){.is_read = true, .good = 990});
    make(last, &(struct facts){.is_read = true, .good = 800});
    assert_true(fresh(&issuer_i, NULL));
    assert_false(fresh(&issuer_k, "https://c"));
}

/* When a yes has to be asked for again, whatever happens: a list grows old, and a file once it cannot be looked at. */
static void until_when_it_may_be_repeated(void **state)
{
    (void)state;
    configure(3);
    struct feed *file = feeds->first, *list = file->next, *last = list->next;

    make(file, &(struct facts){.is_read = true, .good = 910});
    make(list, &(struct facts){.is_read = true, .good = 990});
    make(last, &(struct facts){.is_read = true, .good = 950});
    strcpy(list->error, "it is broken");
    feeds_count(feeds);
    assert_true(isinf(feeds_until(feeds, &issuer_i))); /* of any age */
    list->error[0] = '\0';
    config.revocation.max_age = 100;
    feeds_count(feeds);
    assert_true(feeds_until(feeds, &issuer_i) < 1091 && feeds_until(feeds, &issuer_i) > 1089);
    assert_true(feeds_until(feeds, &issuer_k) < 1051 && feeds_until(feeds, &issuer_k) > 1049);
    strcpy(file->error, "it is broken");
    feeds_count(feeds);
    assert_true(feeds_until(feeds, &issuer_i) < 1011 && feeds_until(feeds, &issuer_i) > 1009);
    file->error[0] = '\0';
    list->good = last->good = 0;
    feeds_count(feeds);
    assert_true(isinf(feeds_until(feeds, &issuer_i)));
    configure(1);
    strcpy(feeds->first->error, "it is broken");
    feeds_count(feeds);
    assert_true(feeds_until(feeds, &issuer_i) < 1011); /* files alone */
}

static void being_ready_waits_for_those_that_are_to_be_waited_for(void **state)
{
    static const struct {
        struct facts facts;
        bool ready;
    } cases[] = {{{.is_read = true}, true},
                 {{0}, false},
                 {{.starts_without = true}, true},
                 {{.starts_without = true, .incomplete = true}, false},
                 {{.is_read = true, .incomplete = true}, true}};

    (void)state;
    configure(2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(feeds->first->next, &cases[i].facts);
        assert_int_equal(feeds_are_read(feeds), cases[i].ready);
    }
}

static unsigned incomplete, broken;

static void count(void *context, const struct feed_facts *facts)
{
    (void)context;
    incomplete += facts->is_incomplete;
    broken += facts->error != NULL;
}

static void whoever_asks_is_told_what_is_not_in_force(void **state)
{
    (void)state;
    configure(3);
    feeds->first->is_late = true;
    feeds->first->next->is_incomplete = true;
    strcpy(feeds->first->next->error, "it is broken");
    incomplete = broken = 0;
    feeds_each(feeds, count, NULL);
    assert_true(incomplete == 2 && broken == 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_read_and_the_others_say_themselves_when),
        TEST(each_goes_on_as_its_own),
        TEST(which_goes_on_under_other_rights),
        TEST(under_the_same_rights_it_goes_on_whatever_it_does),
        TEST(one_that_begins_anew_goes_on_counting),
        TEST(without_memory_for_one_nothing_is_decided),
        TEST(what_may_be_decided),
        TEST(how_old_it_is),
        TEST(until_when_it_may_be_repeated),
        TEST(being_ready_waits_for_those_that_are_to_be_waited_for),
        TEST(whoever_asks_is_told_what_is_not_in_force),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
