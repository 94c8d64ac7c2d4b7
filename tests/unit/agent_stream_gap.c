/* Of which streams something may have been missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/feeds/stream_gap.h"

static redisReply *text(const char *what)
{
    static redisReply replies[16];
    static unsigned next;
    redisReply *reply = &replies[next++ % 16];

    *reply = (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)what, .len = strlen(what)};
    return reply;
}

struct said {
    const char *last, *first,
        *deleted; /* first NULL: it has no entry; deleted NULL: an older Redis, which says neither that nor `added` */
    long long length, added;
};

static redisReply *number(long long what)
{
    redisReply *reply = text("");

    *reply = (redisReply){.type = REDIS_REPLY_INTEGER, .integer = what};
    return reply;
}

static const char *judge(const struct stream_position *position, struct said said, struct stream_part part)
{
    redisReply nil = {.type = REDIS_REPLY_NIL};
    redisReply *entry[] = {text(said.first != NULL ? said.first : "0-0"), &nil};
    redisReply begin = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = entry};
    redisReply *facts[] = {text("length"),
                           number(said.length),
                           text("last-generated-id"),
                           text(said.last),
                           text("first-entry"),
                           said.first ? &begin : &nil,
                           text("entries-added"),
                           number(said.added),
                           text("max-deleted-entry-id"),
                           text(said.deleted != NULL ? said.deleted : "")};
    redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = said.deleted != NULL ? 10 : 6, .element = facts};

    return stream_gap(&reply, position, &part);
}

/* The entry `id` was read, and is not there; nothing came behind it, and nothing was counted. */
static const char *gap(const char *id, const char *last, long long length, const char *first, const char *deleted)
{
    struct stream_position position = {.has_entry = 1};

    snprintf(position.id, sizeof position.id, "%s", id);
    return judge(&position, (struct said){last, first, deleted, length, 0}, (struct stream_part){0});
}

static void says(const char *found, const char *word)
{
    assert_non_null(found);
    assert_non_null(strstr(found, word));
}

static void nothing_was_missed(void **state)
{
    (void)state;
    assert_null(gap("5-0", "5-0", 0, NULL, "0-0"));  /* emptied of what was read */
    assert_null(gap("5-0", "5-0", 0, NULL, NULL));   /* also where nothing more is said */
    assert_null(gap("5-7", "5-7", 0, NULL, "0-0"));
}

static void something_may_have_been(void **state)
{
    (void)state;
    says(gap("5-0", "4-9", 3, "1-0", "0-0"), "went back");
    says(gap("5-7", "5-6", 3, "1-0", "0-0"), "went back");
    says(gap("5-0", "6-0", 0, NULL, "6-0"), "emptied");
    says(gap("5-0", "5-1", 0, NULL, "0-0"), "emptied");
    says(gap("5-0", "9-0", 3, "6-0", "5-0"), "trimmed");
    says(gap("5-0", "9-0", 3, "5-1", "9-0"), "trimmed");
    says(gap("18446744073709551614-0", "18446744073709551615-0", 1, "18446744073709551615-0", "0-0"), "trimmed");
    says(gap("5-0", "9-0", 3, "4-0", "4-9"), "lacks"); /* never had it */
    says(gap("5-0", "9-0", 3, "4-0", "5-0"), "lacks"); /* deleted, or another stream's */
    says(gap("5-0", "9-0", 3, "4-0", "6-0"), "lacks");
    says(gap("5-0", "9-0", 3, "4-0", NULL), "lacks");
    says(gap("5-0", "9-0", 3, "5-0", "0-0"), "lacks"); /* it came back meanwhile */
}

/* Of a stream that had `added` entries when 5-0 was its last, which is not there now. */
static const char *counted(uint64_t added, struct said said, unsigned came, const char *last, bool counts)
{
    struct stream_position position = {.id = "5-0", .has_entry = 1, .added = added, .knows_added = 1};
    struct stream_part part = {.entries = came, .counts = counts};

    snprintf(part.last.id, sizeof part.last.id, "%s", last);
    return judge(&position, said, part);
}

static void what_was_counted_was_not_missed(void **state)
{
    (void)state;
    assert_null(counted(7, (struct said){"6-0", "6-0", "0-0", 1, 8}, 1, "6-0", true));
    assert_null(counted(7, (struct said){"6-0", NULL, "0-0", 0, 8}, 1, "6-0", true));
    assert_null(counted(7, (struct said){"9-0", "6-0", "0-0", 3, 10}, 1, "6-0", true)); /* the rest is still there */
    assert_null(counted(7, (struct said){"9-0", "6-0", "0-0", 3, 10}, 0, "", true));
    says(counted(7, (struct said){"6-0", "6-0", "0-0", 1, 9}, 1, "6-0", true), "trimmed"); /* one came and went */
    says(counted(7, (struct said){"7-0", "7-0", "0-0", 1, 9}, 1, "6-0", true), "trimmed");
    says(counted(7, (struct said){"7-0", NULL, "0-0", 0, 9}, 1, "6-0", true), "emptied");
    says(counted(7, (struct said){"6-0", "6-0", "0-0", 1, 6}, 1, "6-0", true), "trimmed"); /* fewer than before */
    says(counted(7, (struct said){"9-0", "4-0", "0-0", 3, 10}, 1, "6-0", true), "lacks");
    says(counted(7, (struct said){"6-0", "6-0", "0-0", 1, 8}, 1, "6-0", false), "trimmed"); /* perhaps another server's count */
    says(counted(7, (struct said){"6-0", "6-0", NULL, 1, 8}, 1, "6-0", true), "trimmed");
    says(counted(7, (struct said){"5-0", NULL, "0-0", 0, 8}, 0, "", false), "replaced");
}

/* XDEL has taken the entry that was read last, and none before it; or the stream is another one, with an XDEL of its own. */
static void a_deleted_entry_is_explained_by_the_count(void **state)
{
    (void)state;
    assert_null(counted(7, (struct said){"6-0", "4-0", "5-0", 3, 8}, 1, "6-0", true));
    assert_null(counted(7, (struct said){"5-0", "4-0", "5-0", 2, 7}, 0, "", true));
    says(counted(7, (struct said){"6-0", "4-0", "5-0", 3, 9}, 1, "6-0", true), "lacks");
    says(counted(7, (struct said){"9-0", "4-0", "9-0", 3, 8}, 0, "", true), "lacks");
    says(counted(7, (struct said){"6-0", "4-0", "6-0", 3, 8}, 1, "6-0", false), "lacks");
    says(counted(7, (struct said){"5-0", "4-0", "5-0", 2, 8}, 0, "", true), "replaced");
}

static void what_should_have_been_added(void **state)
{
    struct stream_position known = {.id = "5-0", .added = 7, .knows_added = 1}, unknown = {.id = "5-0"};
    struct stream_part part = {.entries = 2, .last = {.id = "9-0", .added = 1}};

    (void)state;
    stream_expect(&known, &part);
    assert_true(part.last.knows_added && part.last.added == 9);
    stream_expect(&unknown, &part);
    assert_true(!part.last.knows_added && part.last.added == 0);
}

static void a_stream_that_was_empty(void **state)
{
    struct stream_position start = {.id = STREAM_START, .knows_added = 1};
    struct stream_part one = {.entries = 1, .last.id = "6-0"}, nothing = {0};

    (void)state;
    assert_null(stream_gap(NULL, &start, &nothing));
    assert_null(judge(&start, (struct said){"6-0", "6-0", "0-0", 1, 1}, one));
    assert_null(judge(&start, (struct said){"6-0", NULL, "6-0", 0, 1}, one));
    says(judge(&start, (struct said){"6-0", "6-0", "0-0", 1, 2}, one), "trimmed");
    says(stream_gap(NULL, &start, &one), "no longer exists");
    struct stream_position later = {.id = "4-0", .added = 3, .knows_added = 1};

    assert_null(judge(&later, (struct said){"4-0", NULL, "0-0", 0, 3}, nothing));
    says(judge(&later, (struct said){"4-0", NULL, "0-0", 0, 4}, nothing), "replaced");
    says(judge(&later, (struct said){"5-0", "3-0", "9-0", 1, 3}, nothing), "lacks");
    says(stream_gap(NULL, &later, &nothing), "no longer exists");
}

static void what_cannot_be_read_may_be_anything(void **state)
{
    redisReply empty = {.type = REDIS_REPLY_ARRAY};
    struct stream_position position = {.id = "5-0"};
    struct stream_part part = {0};

    (void)state;
    says(stream_gap(&empty, &position, &part), "cannot be read");
    for (unsigned i = 0; i < 2; i++) { /* what should be a text is a number, what should be a number a text */
        redisReply *entry[] = {i == 0 ? number(4) : text("4-0"), &empty};
        redisReply begin = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = entry};
        redisReply *facts[] = {text("length"), i == 1 ? text("3") : number(3), text("last-generated-id"), text("9-0"), text("first-entry"), &begin};
        redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 6, .element = facts};

        says(stream_gap(&reply, &position, &part), "cannot be read");
    }
    says(gap("x", "9-0", 3, "4-0", "0-0"), "cannot be read");
    says(gap("5-0", "x", 3, "4-0", "0-0"), "cannot be read");
    says(gap("5-0", "9-0", 3, "x", "0-0"), "cannot be read");
    says(gap("5-0", "9-0", 3, NULL, "0-0"), "cannot be read");
    says(gap("5-0", "9-0", -1, "4-0", "0-0"), "cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_missed),
        cmocka_unit_test(something_may_have_been),
        cmocka_unit_test(what_was_counted_was_not_missed),
        cmocka_unit_test(a_deleted_entry_is_explained_by_the_count),
        cmocka_unit_test(what_should_have_been_added),
        cmocka_unit_test(a_stream_that_was_empty),
        cmocka_unit_test(what_cannot_be_read_may_be_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
