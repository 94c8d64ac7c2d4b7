/* When feeds from elsewhere are read, what of them is noted, and when they are asked again: the kinds alone, with the connection,
   the way round (feed.c) and the clock moved by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/feeds/feed_inside.h"
#include "agent/feeds/redis_link.h"
#include "agent/outbound/https.h"

/* What stands at the beginning of a stored cursor of Redis. */
struct redis_cursor {
    uint64_t good;
    struct stream_position position;
};

static struct core core;
static struct feeds feeds = {.core = &core};
static struct feed_config config = {.interval = 10};
static struct feed *feed;
static double now, alarm_seconds, answer_age;
static uint8_t random_byte;
static unsigned alarms, starts, read_ends, alive, incomplete, unreadable;

static void (*link_news)(void *context);
static struct redis_news pending;
static struct stream_position went_on;
static unsigned going_on, looks_again, entries;
static int take_status, each_status;
static bool more, queue_fails, no_link;
static uv_work_cb work_run;
static uv_after_work_cb work_done;
static uv_work_t *work;

/* --- around the kinds --- */

double __wrap_unix_now(void);
struct alarm *__wrap_alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context);
void __wrap_alarm_set(struct alarm *alarm, double seconds);
void __wrap_alarm_close(struct alarm *alarm);
void __wrap_feed_was_read(struct feed *it);
void __wrap_feed_start(struct feed *it);
void __wrap_feed_is_alive(struct feed *it);
void __wrap_feed_is_incomplete(struct feed *it, const char *why);
void __wrap_feed_cannot_be_read(struct feed *it, const char *why);
int __wrap_feed_reader_open(struct feed_reader *reader, struct feed *it);
void __wrap_feed_reader_close(struct feed_reader *reader);
int __wrap_feed_take(void *context, uint64_t number, const char *text, size_t bytes);
int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *it, uv_work_cb run, uv_after_work_cb done);
double __wrap_https_answer_age(const struct https_request *request);
int __wrap_RAND_bytes(unsigned char *bytes, int count);
struct redis_link *__wrap_redis_link_new(uv_loop_t *loop, const struct feed_config *of, const struct stream_position *position,
                                         void (*news)(void *context), void *context);
bool __wrap_redis_link_fits(const struct redis_link *link, const struct feed_config *of);
void __wrap_redis_link_news(struct redis_link *link, struct redis_news *ret);
void __wrap_redis_link_look_again(struct redis_link *link);
int __wrap_redis_link_each(struct redis_link *link,
                           int (*each)(void *context, const struct stream_position *position, const char *text, size_t bytes),
                           void *context, bool *ret_more);
void __wrap_redis_link_go_on(struct redis_link *link, const struct stream_position *position);
void __wrap_redis_link_close(struct redis_link *link);

double __wrap_unix_now(void)
{
    return now;
}

struct alarm *__wrap_alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context)
{
    (void)loop;
    (void)rings;
    return context;
}

void __wrap_alarm_set(struct alarm *alarm, double seconds)
{
    (void)alarm;
    alarm_seconds = seconds;
    alarms++;
}

void __wrap_alarm_close(struct alarm *alarm)
{
    (void)alarm;
}

void __wrap_feed_was_read(struct feed *it)
{
    (void)it;
    read_ends++;
}

void __wrap_feed_start(struct feed *it)
{
    it->busy = true;
    it->status = READ_FAILED;
    starts++;
}

void __wrap_feed_is_alive(struct feed *it)
{
    (void)it;
    alive++;
}

void __wrap_feed_is_incomplete(struct feed *it, const char *why)
{
    (void)it;
    assert_non_null(strstr(why, "the agent reads it from its start"));
    incomplete++;
}

void __wrap_feed_cannot_be_read(struct feed *it, const char *why)
{
    (void)it;
    assert_true(why[0] != '\0');
    unreadable++;
}

int __wrap_feed_reader_open(struct feed_reader *reader, struct feed *it)
{
    (void)reader;
    (void)it;
    return 0;
}

void __wrap_feed_reader_close(struct feed_reader *reader)
{
    (void)reader;
}

int __wrap_feed_take(void *context, uint64_t number, const char *text, size_t bytes)
{
    (void)context;
    (void)number;
    (void)text;
    (void)bytes;
    return take_status;
}

int __wrap_uv_queue_work(uv_loop_t *loop, uv_work_t *it, uv_work_cb run, uv_after_work_cb done)
{
    (void)loop;
    work = it;
    work_run = run;
    work_done = done;
    return queue_fails ? UV_ENOMEM : 0;
}

double __wrap_https_answer_age(const struct https_request *request)
{
    (void)request;
    return answer_age;
}

int __wrap_RAND_bytes(unsigned char *bytes, int count)
{
    memset(bytes, random_byte, (size_t)count);
    return 1;
}

struct redis_link *__wrap_redis_link_new(uv_loop_t *loop, const struct feed_config *of, const struct stream_position *position,
                                         void (*news)(void *context), void *context)
{
    (void)loop;
    (void)of;
    (void)position;
    link_news = news;
    return no_link ? NULL : context;
}

bool __wrap_redis_link_fits(const struct redis_link *link, const struct feed_config *of)
{
    (void)link;
    return of == &config;
}

void __wrap_redis_link_news(struct redis_link *link, struct redis_news *ret)
{
    (void)link;
    *ret = pending;
    memset(&pending, 0, sizeof pending);
}

void __wrap_redis_link_look_again(struct redis_link *link)
{
    (void)link;
    looks_again++;
}

/* Entries 1-0, 2-0, … */
int __wrap_redis_link_each(struct redis_link *link,
                           int (*each)(void *context, const struct stream_position *position, const char *text, size_t bytes),
                           void *context, bool *ret_more)
{
    int status = each_status;

    (void)link;
    *ret_more = more;
    for (unsigned i = 0; status == 1 && i < entries; i++) {
        struct stream_position position = {.id = {(char)('1' + i), '-', '0'}};

        status = each(context, &position, "{}", 2);
    }
    return status;
}

void __wrap_redis_link_go_on(struct redis_link *link, const struct stream_position *position)
{
    (void)link;
    going_on++;
    went_on = *position;
}

void __wrap_redis_link_close(struct redis_link *link)
{
    (void)link;
}

/* --- what the tests do --- */

static void make(const struct feed_kind *kind)
{
    free(feed);
    feed = calloc(1, kind->bytes);
    assert_non_null(feed);
    feed->kind = kind;
    feed->all = &feeds;
    feed->config = feed->use = &config;
    now = 1000;
    alarm_seconds = answer_age = 0;
    random_byte = 0xff;
    alarms = starts = read_ends = alive = incomplete = unreadable = going_on = looks_again = 0;
    entries = 1;
    take_status = each_status = 1;
    more = queue_fails = no_link = false;
    memset(&pending, 0, sizeof pending);
    assert_int_equal(kind->open(feed), 0);
}

static int tear_down(void **state)
{
    (void)state;
    feed->kind->close(feed);
    free(feed);
    feed = NULL;
    return 0;
}

static int make_redis(void **state)
{
    (void)state;
    make(&feed_kind_redis);
    feed->kind->begin(feed);
    return 0;
}

static int make_https(void **state)
{
    (void)state;
    make(&feed_kind_https);
    return 0;
}

static struct redis_cursor *cursor(void)
{
    return feed->cursor;
}

static void reply_has_come(void)
{
    pending.has_reply = true;
    link_news(feed);
}

static void nothing_new_has_come(void)
{
    pending.alive = true;
    link_news(feed);
}

static void read_it(void)
{
    feed->kind->read(feed);
    work_run(work);
    work_done(work, 0);
}

static void rest(bool lost)
{
    feed->busy = false;
    feed->kind->rest(feed, lost);
}

static void a_reply_moves_the_cursor_as_far_as_it_was_taken(void **state)
{
    (void)state;
    entries = 3;
    reply_has_come();
    assert_int_equal(starts, 1);
    read_it();
    assert_int_equal(feed->status, READ_ALL);
    assert_string_equal(cursor()->position.id, "3-0");
    assert_int_equal(cursor()->good, 1000);
    rest(false);
    assert_int_equal(going_on, 1);
    assert_string_equal(went_on.id, "3-0");
    assert_int_equal(alarms, 0);
}

static void what_was_not_taken_comes_again(void **state)
{
    (void)state;
    for (int status = -1; status < 1; status++) {
        take_status = status;
        reply_has_come();
        read_it();
        assert_int_equal(feed->status, status == 0 ? READ_PART : READ_FAILED);
        assert_string_equal(cursor()->position.id, "");
        assert_int_equal(cursor()->good, 0); /* nor is it all that there is */
        rest(false);
    }
    each_status = -2;
    reply_has_come();
    read_it();
    assert_int_equal(feed->status, READ_FAILED);
    assert_string_equal(feed->why, "its answer is not a stream");
}

/* How old what was said is outlives a restart: it is noted when all has been read, not before. */
static void a_part_is_not_all(void **state)
{
    (void)state;
    more = true;
    reply_has_come();
    read_it();
    assert_int_equal(feed->status, READ_PART);
    assert_string_equal(cursor()->position.id, "1-0");
    assert_int_equal(cursor()->good, 0);
}

static void without_a_thread_nothing_was_read(void **state)
{
    (void)state;
    queue_fails = true;
    reply_has_come();
    feed->kind->read(feed);
    assert_int_equal(read_ends, 1);
    assert_int_equal(feed->status, READ_FAILED);
}

static void what_could_not_be_written_is_asked_for_later(void **state)
{
    (void)state;
    reply_has_come();
    read_it();
    rest(true);
    assert_int_equal(going_on, 0);
    assert_true(alarms == 1 && alarm_seconds > 4.9 && alarm_seconds < 5.1);
    reply_has_come(); /* the same reply, which still lies there */
    nothing_new_has_come();
    assert_int_equal(starts, 1);
    assert_int_equal(alive, 0);
}

static void only_what_was_read_can_be_lost(void **state)
{
    (void)state;
    nothing_new_has_come();
    assert_int_equal(starts, 1);
    feed->kind->read(feed);
    assert_int_equal(feed->status, READ_PART);
    assert_int_equal(read_ends, 1);
    rest(true);
    assert_int_equal(alarms + going_on, 0);
    assert_int_equal(looks_again, 1);
}

static void that_nothing_new_came_is_noted_once_a_minute(void **state)
{
    (void)state;
    nothing_new_has_come();
    assert_true(alive == 1 && starts == 1);
    assert_int_equal(cursor()->good, 1000);
    rest(false);
    now += FEED_NOTED_EVERY_SECONDS;
    nothing_new_has_come();
    assert_true(alive == 2 && starts == 1);
    now += 1;
    nothing_new_has_come();
    assert_true(alive == 3 && starts == 2);
    assert_int_equal(cursor()->good, 1000 + FEED_NOTED_EVERY_SECONDS + 1);
}

/* A reading of which more might have come ends when nothing has: then what it takes back counts. */
static void that_nothing_new_came_ends_a_reading(void **state)
{
    (void)state;
    nothing_new_has_come();
    rest(false);
    feed->batch = (struct batch *)&feeds;
    nothing_new_has_come();
    assert_int_equal(starts, 2);
    feed->kind->read(feed);
    assert_int_equal(feed->status, READ_UNSURE);
    feed->batch = NULL;
}

static void while_it_is_busy_nothing_begins(void **state)
{
    (void)state;
    feed->busy = true;
    reply_has_come();
    nothing_new_has_come();
    assert_int_equal(starts + alive, 0);
    feed->busy = false;
    link_news(feed);
    assert_int_equal(alive, 1); /* it is looked at again */
}

/* What was well before it went wrong is well no more, whenever that is looked at. */
static void well_until_it_went_wrong(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        feed->busy = true;
        nothing_new_has_come();
        strcpy(i == 0 ? pending.error : pending.gap, "it broke");
        link_news(feed);
        assert_true(unreadable == 1 && incomplete == i);
        rest(false);
        starts = 0;
        link_news(feed);
        assert_int_equal(alive, 0);
        assert_int_equal(starts, i); /* a gap goes to the disk at once */
        rest(false);
        link_news(feed);
        assert_int_equal(alive, 0);
    }
    assert_string_equal(cursor()->position.id, STREAM_START);
    assert_int_equal(cursor()->good, 0);
}

static void without_a_connection_no_configuration_fits(void **state)
{
    struct feed_config other = config;

    (void)state;
    assert_true(feed->kind->fits(feed, &config));
    assert_false(feed->kind->fits(feed, &other));
    feed->kind->close(feed);
    no_link = true;
    feed->kind->begin(feed);
    assert_int_equal(unreadable, 1);
    assert_false(feed->kind->fits(feed, &config));
}

/* How long it rests, in the longest case, after so many failures one after the other. */
static double rests_after(unsigned failures, double interval)
{
    tear_down(NULL);
    make(&feed_kind_https);
    config.interval = interval;
    for (unsigned i = 0; i < failures; i++)
        rest(true);
    if (failures == 0)
        rest(false);
    config.interval = 10;
    return alarm_seconds;
}

static void a_list_that_fails_is_asked_for_less_and_less(void **state)
{
    static const struct {
        double interval, longest;
        unsigned failures;
    } cases[] = {{10, 10, 0}, {10, 10, 1}, {10, 20, 2}, {10, 40, 3}, {10, 80, 4}, {10, 80, 5}, {10, 80, 50}, {3600, 3600, 50}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double seconds = rests_after(cases[i].failures, cases[i].interval);

        assert_true(seconds > cases[i].longest * 0.99 && seconds <= cases[i].longest);
    }
    rest(true);
    rest(false);
    rest(true); /* they are counted from the last that was good */
    assert_true(alarm_seconds <= 10);
}

/* What a cache had kept is as old as it says; what was lost confirms nothing. */
static void what_was_read_is_as_old_as_the_answer(void **state)
{
    (void)state;
    answer_age = 7;
    feed->good = 1000;
    feed->good_ns = 1000000000000;
    feed->status = READ_ALL;
    rest(true);
    assert_true(feed->good > 999.9);
    feed->status = READ_FAILED;
    rest(false);
    assert_true(feed->good > 999.9);
    feed->status = READ_ALL;
    rest(false);
    assert_true(feed->good > 992.9 && feed->good < 993.1);
    assert_true(feed->good_ns == 993000000000);
}

#define REDIS(name) cmocka_unit_test_setup_teardown(name, make_redis, tear_down)
#define HTTPS(name) cmocka_unit_test_setup_teardown(name, make_https, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REDIS(a_reply_moves_the_cursor_as_far_as_it_was_taken),
        REDIS(what_was_not_taken_comes_again),
        REDIS(a_part_is_not_all),
        REDIS(without_a_thread_nothing_was_read),
        REDIS(what_could_not_be_written_is_asked_for_later),
        REDIS(only_what_was_read_can_be_lost),
        REDIS(that_nothing_new_came_is_noted_once_a_minute),
        REDIS(that_nothing_new_came_ends_a_reading),
        REDIS(while_it_is_busy_nothing_begins),
        REDIS(well_until_it_went_wrong),
        REDIS(without_a_connection_no_configuration_fits),
        HTTPS(a_list_that_fails_is_asked_for_less_and_less),
        HTTPS(what_was_read_is_as_old_as_the_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
