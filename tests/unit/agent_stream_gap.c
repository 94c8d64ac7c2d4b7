/* Of which streams something may have been missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/revocation/stream_gap.h"

static redisReply *text(const char *what)
{
    static redisReply replies[16];
    static unsigned next;
    redisReply *reply = &replies[next++ % 16];

    *reply = (redisReply){.type = REDIS_REPLY_STRING, .str = (char *)what, .len = strlen(what)};
    return reply;
}

/* What is said of a stream of that length; `first` NULL: it has none. */
static const char *gap(const char *id, const char *last, long long length, const char *first)
{
    redisReply count = {.type = REDIS_REPLY_INTEGER, .integer = length}, nil = {.type = REDIS_REPLY_NIL};
    redisReply *entry[] = {text(first != NULL ? first : "0-0"), &nil};
    redisReply begin = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = entry};
    redisReply *facts[] = {
        text("length"), &count, text("last-generated-id"), text(last), text("first-entry"), first != NULL ? &begin : &nil};
    redisReply reply = {.type = REDIS_REPLY_ARRAY, .elements = 6, .element = facts};

    return stream_gap(&reply, id);
}

static void says(const char *found, const char *word)
{
    assert_non_null(found);
    assert_non_null(strstr(found, word));
}

static void nothing_was_missed(void **state)
{
    (void)state;
    assert_null(gap("5-0", "5-0", 0, NULL));  /* emptied of what was read */
    assert_null(gap("5-0", "9-0", 3, "4-0")); /* the entry itself was deleted */
    assert_null(gap("5-7", "5-7", 0, NULL));
    assert_null(gap("5-7", "6-0", 1, "5-6"));
}

static void something_may_have_been(void **state)
{
    (void)state;
    says(gap("5-0", "4-9", 3, "1-0"), "gone back");
    says(gap("5-7", "5-6", 3, "1-0"), "gone back");
    says(gap("5-0", "6-0", 0, NULL), "emptied");
    says(gap("5-0", "5-1", 0, NULL), "emptied");
    says(gap("5-0", "9-0", 3, "6-0"), "trimmed");
    says(gap("5-0", "9-0", 3, "5-1"), "trimmed");
    says(gap("18446744073709551614-0", "18446744073709551615-0", 1, "18446744073709551615-0"), "trimmed");
}

static void what_cannot_be_read_may_be_anything(void **state)
{
    redisReply nothing = {.type = REDIS_REPLY_ARRAY};

    (void)state;
    says(stream_gap(&nothing, "5-0"), "cannot be read");
    says(gap("x", "9-0", 3, "4-0"), "cannot be read");
    says(gap("5-0", "x", 3, "4-0"), "cannot be read");
    says(gap("5-0", "9-0", 3, "x"), "cannot be read");
    says(gap("5-0", "9-0", 3, NULL), "cannot be read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_was_missed),
        cmocka_unit_test(something_may_have_been),
        cmocka_unit_test(what_cannot_be_read_may_be_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
