/* Replies of a Redis that misbehaves. What a real one answers is in tests/e2e/test_command_publish.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/outbound/redis.h"
#include "agent/outbound/threads.h"
#include "client/wire/clock.h"
#include "redis_fake.h"

static const struct redis_login no_login;

static int64_t in_ms(int64_t milliseconds)
{
    return monotonic_ns() + milliseconds * NS_PER_MS;
}

static struct redis *open_fake(struct redis_fake *fake, int wake_fd, char *why)
{
    struct redis_place place = {.host = "127.0.0.1", .port = redis_fake_port(fake)};

    return redis_open(&place, &no_login, in_ms(5000), wake_fd, why);
}

/* After a good beginning, one command that is answered like that. */
static redisReply *call(const struct redis_script *script, int64_t milliseconds, char *why)
{
    struct redis_fake *fake = redis_fake_start(script);
    const char *words[] = {"GET", "x"};
    struct redis *redis = open_fake(fake, -1, why);

    if (redis == NULL)
        fail_msg("%s", why);
    redisReply *reply = redis_call(redis, in_ms(milliseconds), -1, why, 2, words, NULL);

    redis_close(redis);
    redis_fake_stop(fake);
    return reply;
}

static redisReply *call_text(const char *text, size_t piece, char *why)
{
    return call(&(struct redis_script){.answer = text, .bytes = strlen(text), .piece = piece}, 5000, why);
}

static void replies_in_pieces(void **state)
{
    static const char text[] = "*5\r\n+OK\r\n:-42\r\n$-1\r\n$7\r\na\r\nb\0cd\r\n*3\r\n*-1\r\n*0\r\n-ERR no\r\n";
    char why[REDIS_WHY_BYTES];

    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece += 1 + piece / 4) {
        redisReply *reply = call(&(struct redis_script){.answer = text, .bytes = sizeof text - 1, .piece = piece}, 5000, why);

        assert_non_null(reply);
        assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
        assert_int_equal(reply->elements, 5);
        assert_string_equal(reply->element[0]->str, "OK");
        assert_int_equal(reply->element[1]->integer, -42);
        assert_int_equal(reply->element[2]->type, REDIS_REPLY_NIL);
        assert_int_equal(reply->element[3]->len, 7);
        assert_memory_equal(reply->element[3]->str, "a\r\nb\0cd", 7);
        assert_int_equal(reply->element[4]->element[0]->type, REDIS_REPLY_NIL);
        assert_int_equal(reply->element[4]->element[1]->elements, 0);
        assert_string_equal(reply->element[4]->element[2]->str, "ERR no");
        assert_string_equal(why, "");
        freeReplyObject(reply);
    }
}

static void an_error_is_a_reply(void **state)
{
    char why[REDIS_WHY_BYTES];
    redisReply *reply = call_text("-WRONGTYPE it is none\r\n", 4, why);

    (void)state;
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
}

static void many_calls(void **state)
{
    struct redis_fake *fake = redis_fake_start(&(struct redis_script){.answer = ":7\r\n", .bytes = 4, .again = true});
    char why[REDIS_WHY_BYTES];
    const char *words[] = {"GET", "x"};
    struct redis *redis = open_fake(fake, -1, why);

    (void)state;
    for (int i = 0; i < 1000; i++) {
        redisReply *reply = redis_call(redis, in_ms(5000), -1, why, 2, words, NULL);

        assert_string_equal(why, "");
        assert_int_equal(reply->integer, 7);
        freeReplyObject(reply);
    }
    redis_close(redis);
    redis_fake_stop(fake);
}

static const struct {
    const char *answer, *words;
} bad_answers[] = {
    {"$67108865\r\n", "64 MiB"},
    {"$9999999999\r\n", "64 MiB"},
    {"*2\r\n$67108850\r\n", "64 MiB"},
    {"*1048577\r\n", "64 MiB"},
    {"*9999999999\r\n", "64 MiB"},
    {"*2\r\n*1048575\r\n", "64 MiB"},
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "deep"},
    {"HTTP/1.1 400 Bad Request\r\n\r\n", "not a Redis reply"},
    {"\r\n", "not a Redis reply"},
    {"%1\r\n+a\r\n+b\r\n", "not a Redis reply"}, /* RESP 3, which nobody asked for */
    {"$99999999999\r\n", "not a Redis reply"},
    {"$-2\r\n", "not a Redis reply"},
    {"$\r\n", "not a Redis reply"},
    {"$1a\r\n", "not a Redis reply"},
    {"*+1\r\n", "not a Redis reply"},
    {"$2\r\nabc\r\n", "not a Redis reply"},
    {"$2\r\nab\n\r", "not a Redis reply"},
    {":x\r\n", "cannot be read"},
    {":1\r\n:2\r\n", "more than"},
    {"+OK\r\nx", "more than"},
};

static void answers_that_are_refused(void **state)
{
    char why[REDIS_WHY_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof bad_answers / sizeof *bad_answers; i++)
        for (size_t piece = 4096; piece > 0; piece = piece > 3 ? 3 : 0) {
            if (piece == 3 && strcmp(bad_answers[i].words, "more than") == 0)
                continue; /* what comes later is not seen */
            redisReply *reply = call_text(bad_answers[i].answer, piece, why);

            if (reply != NULL || strstr(why, bad_answers[i].words) == NULL)
                fail_msg("%s: %s", bad_answers[i].answer, why);
        }
}

static void the_deepest(void **state)
{
    char why[REDIS_WHY_BYTES];
    redisReply *reply = call_text("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", 5, why);

    (void)state;
    assert_non_null(reply);
    freeReplyObject(reply);
}

/* At once, and whatever may still come. */
static void a_line_without_end(void **state)
{
    char why[REDIS_WHY_BYTES];
    redisReply *reply = call(&(struct redis_script){.answer = "-aaaaaaaa", .bytes = 9, .fill = 'a'}, 20000, why);

    (void)state;
    assert_null(reply);
    assert_string_equal(why, "a line of its reply does not end");
}

static void endless_elements(void **state)
{
    static const char text[] = "*1048576\r\n";
    char why[REDIS_WHY_BYTES];
    redisReply *reply = call(&(struct redis_script){.answer = text, .bytes = sizeof text - 1}, 100, why);

    (void)state;
    assert_null(reply); /* it fits, and does not come */
    assert_string_equal(why, "it did not answer in time");
}

static void a_large_string(void **state)
{
    size_t bytes = 63 * 1024 * 1024;
    char *text = malloc(bytes + 32), why[REDIS_WHY_BYTES];
    int head = snprintf(text, 32, "$%zu\r\n", bytes);

    (void)state;
    memset(text + head, 'x', bytes);
    memcpy(text + (size_t)head + bytes, "\r\n", 2);
    redisReply *reply = call(&(struct redis_script){.answer = text, .bytes = bytes + (size_t)head + 2}, 60000, why);

    assert_non_null(reply);
    assert_int_equal(reply->len, bytes);
    freeReplyObject(reply);
    free(text);
}

static void an_early_end(void **state)
{
    char why[REDIS_WHY_BYTES];

    (void)state;
    assert_null(call(&(struct redis_script){.answer = "*2\r\n:1\r\n$5\r\nab", .bytes = 14, .close = true}, 5000, why));
    assert_string_equal(why, "it closed the connection");
    assert_null(call(&(struct redis_script){.answer = "", .close = true}, 5000, why));
    assert_string_equal(why, "it closed the connection");
}

static void silence(void **state)
{
    char why[REDIS_WHY_BYTES];
    int64_t begin = monotonic_ns();

    (void)state;
    assert_null(call(&(struct redis_script){.answer = "$5\r\nab", .bytes = 6}, 100, why));
    assert_string_equal(why, "it did not answer in time");
    assert_true(monotonic_ns() - begin >= 100 * NS_PER_MS);
    assert_true(monotonic_ns() - begin < 3000 * NS_PER_MS);
}

/* Bytes that come all the time are no reason to go on. */
static void a_deadline_while_bytes_come(void **state)
{
    char why[REDIS_WHY_BYTES];

    (void)state;
    assert_null(call(&(struct redis_script){.answer = "$60000000\r\n", .bytes = 11, .fill = 'a', .fill_slowly = true}, 200, why));
    assert_string_equal(why, "it did not answer in time");
}

static void *write_later(void *context)
{
    usleep(100000);
    assert_int_equal(write(*(int *)context, "x", 1), 1);
    return NULL;
}

static void woken(void **state)
{
    struct redis_fake *fake = redis_fake_start(&(struct redis_script){.answer = "$5\r\nab", .bytes = 6});
    char why[REDIS_WHY_BYTES];
    const char *words[] = {"GET", "x"};
    int ends[2];
    pthread_t thread;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct redis *redis = open_fake(fake, ends[0], why);

    assert_non_null(redis);
    pthread_create(&thread, NULL, write_later, &ends[1]);
    int64_t begin = monotonic_ns();

    assert_null(redis_call(redis, in_ms(20000), ends[0], why, 2, words, NULL));
    assert_string_equal(why, "");
    assert_true(monotonic_ns() - begin < 5000 * NS_PER_MS);
    pthread_join(thread, NULL);
    assert_null(open_fake(fake, ends[0], why)); /* it is readable still */
    assert_string_equal(why, "");
    redis_close(redis);
    redis_fake_stop(fake);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_in_pieces),
        cmocka_unit_test(an_error_is_a_reply),
        cmocka_unit_test(many_calls),
        cmocka_unit_test(answers_that_are_refused),
        cmocka_unit_test(the_deepest),
        cmocka_unit_test(a_line_without_end),
        cmocka_unit_test(endless_elements),
        cmocka_unit_test(a_large_string),
        cmocka_unit_test(an_early_end),
        cmocka_unit_test(silence),
        cmocka_unit_test(a_deadline_while_bytes_come),
        cmocka_unit_test(woken),
    };

    threads_exit(cmocka_run_group_tests(tests, NULL, NULL));
}
