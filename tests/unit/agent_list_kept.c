/* What the list keeps, and for how long: entries that are damaged, records that run out, and lines that could not be read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/base/hex.h"
#include "agent/config/config.h"
#include "agent/feeds/feeds.h"
#include "agent/feeds/unreadable.h"
#include "agent/revocation/expiry.h"
#include "list_around.h"

static void put(enum table table, const void *key, size_t key_bytes, const void *value, size_t bytes)
{
    struct view *view = store_begin(store, false);

    assert_int_equal(view_put(view, table, (struct bytes){key, key_bytes}, (struct bytes){value, bytes}), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

/* So is what the list knows of itself: which kinds there are, and whose word a number is. */
static void what_it_knows_of_itself_must_make_sense(void **state)
{
    static const char number[3] = {'n', 0x7f, 0x7f};
    uint8_t value[400] = {0}, kinds[4];
    struct slot slot;
    unsigned all;

    (void)state;
    assert_int_equal(list_kinds(store_view(store), &all), 0);
    store_number(kinds, all, 4);
    for (size_t size = 1; size < 4; size++) {
        put(TABLE_META, "kinds", 5, kinds, size);
        assert_int_equal(list_kinds(store_view(store), &all), -1);
        store_let_go(store);
    }
    put(TABLE_META, "kinds", 5, kinds, 4);
    for (unsigned i = 0; i < 4; i++) {
        static const struct {
            unsigned source;
            size_t bytes;
            int status;
        } cases[] = {{255, 300, 0}, {256, 300, -1}, {100, 110, -1}, {0, 10, -1}};

        store_number(value + 9, cases[i].source, 2);
        put(TABLE_SLOTS, number, 3, value, cases[i].bytes);
        assert_int_equal(slot_read(store_view(store), 0x7f7f, &slot), cases[i].status);
        store_let_go(store);
    }
    struct view *view = store_begin(store, false);
    struct record record = record_of(RECORD_JTI, "nobody yet", "x", SECONDS_NONE);
    int put_status = view_put(view, TABLE_META, (struct bytes){"slots", 5}, (struct bytes){value, 3});
    int status = list_apply(hasher, view, &record, "operators");

    store_abort(view);
    assert_int_equal(put_status, 0);
    assert_int_equal(status, -1);
    view = store_begin(store, false);
    assert_int_equal(view_delete(view, TABLE_SLOTS, (struct bytes){number, 3}), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

/* Tokens run out, and a session's tokens until `before` with them; a key does not, nor a session without an end. */
static void what_does_not_run_out_gets_no_exp(void **state)
{
    static const enum record_kind kinds[] = {RECORD_KID, RECORD_JKT, RECORD_SID};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct record record = record_of(kinds[i], "i", "x", SECONDS_NONE);

        record_set_exp(&record, 1000, 60);
        assert_int_equal(record.exp, SECONDS_NONE);
    }
    struct record until = record_of(RECORD_SID, "i", "x", 2000), jti = record_of(RECORD_JTI, "i", "x", SECONDS_NONE), own = jti, none = jti;

    record_set_exp(&until, 1000, 60);
    assert_int_equal(until.exp, 2061);
    record_set_exp(&jti, 1000, 60);
    assert_int_equal(jti.exp, 1061);
    own.exp = 5;
    record_set_exp(&own, 1000, 60);
    assert_int_equal(own.exp, 5);
    record_set_exp(&none, 1000, 0);
    assert_int_equal(none.exp, SECONDS_NONE);
}

/* A configuration in which this issuer's tokens live for so long; 0: for any time. */
static struct keyring limited;
static struct {
    struct issuer issuer;
    const struct issuer *issuers[1];
    struct text name;
} limits = {.name = {"i", 1}};

static void limit(double lifetime)
{
    limits.issuer = (struct issuer){.names = {&limits.name, 1}, .lifetime_max = lifetime};
    limits.issuers[0] = &limits.issuer;
    limited = (struct keyring){.count = 1, .issuers = limits.issuers};
}

static uint64_t forgotten_by(const struct forget_rules *rules)
{
    uint8_t at[ENTRY_KEY_BYTES] = {0};
    uint64_t all = 0, some;

    for (bool end = false; !end; all += some) {
        struct view *view = store_begin(store, false);

        assert_int_equal(forget_some(view, rules, at, &some, &end), 0);
        assert_int_equal(store_commit(view), 0);
        store_let_go(store);
    }
    return all;
}

static uint64_t forgotten_at(int64_t now)
{
    limit(60);
    return forgotten_by(&(struct forget_rules){.now = now, .ring = &limited});
}

/* An `exp` that was made of the limit on how long tokens live goes by the limit that is in force, and by a clock that may have been
   behind. */
static void an_exp_of_ours_goes_by_the_limit_in_force(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "ours", SECONDS_NONE);
    const int64_t end = 1061 + 60 + FORGET_GRACE_SECONDS;

    (void)state;
    record_set_exp(&record, 1000, 60);
    assert_true(record.exp_is_ours);
    change(&record, false, "operators");
    assert_int_equal(forgotten_at(end), 0);
    limit(0);
    assert_int_equal(forgotten_by(&(struct forget_rules){.now = end + 1000000, .ring = &limited}), 0);
    limit(500);
    assert_int_equal(forgotten_by(&(struct forget_rules){.now = end + 440, .ring = &limited}), 0);
    limit(60);
    assert_int_equal(forgotten_by(&(struct forget_rules){.now = end + 100, .leap = 100, .ring = &limited}), 0);
    assert_int_equal(holders(&record), 1);
    limits.name = (struct text){"j", 1};
    assert_int_equal(forgotten_at(end + 1000000), 0); /* whose tokens nobody knows how long they live */
    limits.name = (struct text){"i", 1};
    assert_int_equal(forgotten_at(end + 1), 1);
}

/* Clocks differ, and a token's leeway is the issuer's: a day more. */
static void forgotten_a_day_after_its_exp(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "short", SECONDS_NONE);

    (void)state;
    record.exp = 1000;
    change(&record, false, "operators");
    assert_int_equal(forgotten_at(1000 + FORGET_GRACE_SECONDS), 0);
    assert_int_equal(holders(&record), 1);
    assert_int_equal(forgotten_at(1000 + FORGET_GRACE_SECONDS + 1), 1);
    assert_int_equal(holders(&record), 0);
}

static void a_given_up_job_leaves_nothing(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "J", SECONDS_NONE);
    struct view *view = store_begin(store, false);

    (void)state;
    make_token("J", "S", "I", 100);
    assert_int_equal(list_apply(hasher, view, &record, "operators"), 0);
    assert_int_equal(judge(), OUTCOME_ACCEPTED); /* not before it is on the disk */
    store_abort(view);
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
    assert_int_equal(holders(&record), 0);
}

/* A view sees one moment: what was committed behind it is seen after it was let go. */
static void a_view_sees_one_moment(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "J", SECONDS_NONE);
    struct view *view = store_view(store), *write;
    unsigned kinds;

    (void)state;
    make_token("J", "S", "I", 100);
    assert_int_equal(list_kinds(view, &kinds), 0);
    write = store_begin(store, false);
    assert_int_equal(list_apply(hasher, write, &record, "operators"), 0);
    assert_int_equal(store_commit(write), 0);
    assert_int_equal(list_judge(hasher, store_view(store), kinds | LIST_KIND(RECORD_JTI), &its.token), OUTCOME_ACCEPTED);
    store_let_go(store);
    assert_int_equal(judge(), OUTCOME_REFUSED);
    change(&record, true, NULL);
}

/* What a value of the table cannot be is damage, and damage is no yes. */
static void damage_is_undecided(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "damaged", SECONDS_NONE);
    uint8_t key[RECORD_KEY_BYTES];

    (void)state;
    make_token("damaged", "S", "I", 100);
    change(&record, false, "operators");
    assert_int_equal(record_key(hasher, RECORD_JTI, record.issuer, record.name, key), 0);
    for (size_t size = 0; size < 18; size++) {
        struct view *view = store_begin(store, false);

        assert_int_equal(view_put(view, TABLE_RECORDS, (struct bytes){key, sizeof key}, (struct bytes){"garbage that is no word", size}), 0);
        assert_int_equal(store_commit(view), 0);
        store_let_go(store);
        assert_int_equal(judge(), OUTCOME_UNDECIDED);
        assert_int_equal(holders(&record), -1);
    }
    struct view *view = store_begin(store, false);

    assert_int_equal(view_delete(view, TABLE_RECORDS, (struct bytes){key, sizeof key}), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

/* Lines that could not be read are tried again at each start. What takes back is not, for later lines may have revoked it again; nor is
   what a feed said that is configured no more. */
static void what_could_not_be_read_is_tried_again(void **state)
{
    static const struct {
        const char *source, *text;
    } lines[] = {{"feed a", "{\"iss\":\"i\",\"jti\":\"kept\"}"},
                 {"feed a", "{\"iss\":\"i\",\"jti\":5.5}"},
                 {"feed a", "{\"undo\":{\"iss\":\"i\",\"jti\":\"held\"}}"},
                 {"feed gone", "{\"iss\":\"i\",\"jti\":\"gone\"}"}};
    struct record kept = record_of(RECORD_JTI, "i", "kept", SECONDS_NONE), held = record_of(RECORD_JTI, "i", "held", SECONDS_NONE),
                  gone = record_of(RECORD_JTI, "i", "gone", SECONDS_NONE);
    static struct config config = {.revocation = {.feed_count = 2, .feeds = {{.source = "feed b"}, {.source = "feed a", .undo = true}}}};
    struct keyring ring = {.config = &config};
    struct core core = {.ring = &ring};
    uint64_t left = 0;

    (void)state;
    change(&held, false, "feed a");
    struct view *view = store_begin(store, false);
    int status = 0;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        status |= unreadable_write(view, lines[i].source, i, lines[i].text, strlen(lines[i].text));
    status |= feeds_retry_unreadable(&core, hasher, view);
    status |= unreadable_count(view, &left);
    assert_int_equal(store_commit(view), 0); /* before anything may fail: one writes at a time */
    store_let_go(store);
    assert_int_equal(status, 0);
    assert_int_equal(left, 3);
    assert_int_equal(holders(&kept), 1);
    assert_int_equal(holders(&held), 1);
    assert_int_equal(holders(&gone), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_could_not_be_read_is_tried_again),
        cmocka_unit_test(a_given_up_job_leaves_nothing),
        cmocka_unit_test(a_view_sees_one_moment),
        cmocka_unit_test(damage_is_undecided),
        cmocka_unit_test(what_it_knows_of_itself_must_make_sense),
        cmocka_unit_test(what_does_not_run_out_gets_no_exp),
        cmocka_unit_test(forgotten_a_day_after_its_exp),
        cmocka_unit_test(an_exp_of_ours_goes_by_the_limit_in_force),
    };

    return cmocka_run_group_tests(tests, open_store, close_store);
}
