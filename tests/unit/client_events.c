/* The calls that never wait, against an agent that answers well and badly: each question has one end, and it is its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/stream.h"
#include "fake_agent.h"
#include "hand_agent.h"

static int set_up(void **state)
{
    return both_start(state, 20000); /* no test waits for it */
}

static void nothing_comes_of_nothing(void **state)
{
    struct both *both = *state;
    void *tag = both;

    assert_int_equal(assay_waiting(both->assay), 0);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_null(tag);
    assert_int_equal(assay_cancel(both->assay, both), 0);
    int fd = descriptor_of(both->assay);

    assert_true(fd >= 0);
    is_quiet(both);
    works(both);
    hand_hang_up(both->agent);
    works(both);
    assert_int_equal(descriptor_of(both->assay), fd);
}

static void arguments_are_looked_at(void **state)
{
    struct both *both = *state;
    struct assay *assay = both->assay;
    struct assay_verdict *verdict = (struct assay_verdict *)1;
    char long_text[AUDIENCE_BYTES_MAX + 2];
    void *tag = both;

    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    int fd = 7;

    assert_int_equal(assay_fd(NULL, &fd), ASSAY_E_ARGUMENT);
    assert_int_equal(fd, -1);
    assert_int_equal(assay_fd(assay, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_process(NULL, &tag, NULL), ASSAY_E_ARGUMENT);
    assert_null(tag);
    assert_int_equal(assay_process(assay, NULL, &verdict), ASSAY_E_ARGUMENT);
    verdict_agrees(verdict, ASSAY_E_ARGUMENT);
    assay_verdict_free(verdict);
    assert_int_equal(assay_waiting(NULL), 0);
    assert_int_equal(assay_cancel(NULL, NULL), 0);
    verdict = (struct assay_verdict *)1;
    assert_int_equal(assay_send_verify(NULL, "t", 1, NULL, NULL, &verdict), ASSAY_E_ARGUMENT);
    verdict_agrees(verdict, ASSAY_E_ARGUMENT);
    assay_verdict_free(verdict);
    assert_int_equal(assay_send_verify(assay, NULL, 0, NULL, NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_send_verify(assay, "t", 1, long_text, NULL, NULL), ASSAY_E_ARGUMENT);
    verdict = (struct assay_verdict *)1;
    assert_int_equal(assay_send_authorize(NULL, "t", 1, NULL, "GET", "/", NULL, &verdict), ASSAY_E_ARGUMENT);
    verdict_agrees(verdict, ASSAY_E_ARGUMENT);
    assay_verdict_free(verdict);
    assert_int_equal(assay_send_authorize(assay, NULL, 1, NULL, "GET", "/", NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_send_authorize(assay, "t", 1, NULL, NULL, "/", NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_send_authorize(assay, "t", 1, NULL, "GET", NULL, NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_send_authorize(assay, "t", 1, NULL, long_text, "/", NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_send_authorize(assay, "t", 1, long_text, "GET", "/", NULL, NULL), ASSAY_E_ARGUMENT);
    is_quiet(both);
}

static void what_is_too_long_is_refused_at_once(void **state)
{
    struct both *both = *state;
    size_t size = TOKEN_SENT_BYTES_MAX + 1;
    char *text = malloc(size + 1);
    struct assay_verdict *verdict;

    memset(text, 'a', size);
    text[size] = '\0';
    assert_int_equal(assay_send_verify(both->assay, text, size, NULL, both, &verdict), ASSAY_E_REFUSED);
    assert_string_equal(assay_verdict_reason(verdict), "too_large");
    assay_verdict_free(verdict);
    assert_int_equal(assay_send_verify(both->assay, text, size, NULL, both, NULL), ASSAY_E_REFUSED);
    assert_int_equal(assay_send_authorize(both->assay, "t", 1, NULL, "GET", text, both, &verdict), ASSAY_E_REFUSED);
    assert_string_equal(assay_verdict_reason(verdict), "bad_resource");
    assay_verdict_free(verdict);
    is_quiet(both);
    assert_false(hand_accept(both->agent)); /* it was not even connected */

    assert_int_equal(assay_send_verify(both->assay, text, size - 1, NULL, both, &verdict), ASSAY_E_PENDING);
    struct hand_request request = read_one(both);

    hand_say_no(both->agent, &request);
    assert_int_equal(end_of(both->assay, both, NULL), ASSAY_E_REFUSED);
    free(text);
}

static void every_answer_is_told_as_it_is(void **state)
{
    struct both *both = *state;
    char *tags = both->tags;
    struct assay_verdict *verdict;
    struct hand_request request[6];
    void *tag;

    for (int i = 0; i < 5; i++)
        ask_about(both->assay, "aaaa.bbbb.cccc", &tags[i]);
    assert_int_equal(assay_send_authorize(both->assay, NULL, 0, "orders", "GET", "/orders", &tags[5], &verdict), ASSAY_E_PENDING);
    assert_null(verdict);
    assert_int_equal(assay_waiting(both->assay), 6);
    for (int i = 0; i < 6; i++)
        request[i] = read_one(both);
    hand_say_yes(both->agent, &request[0]);
    hand_say_no(both->agent, &request[1]);
    hand_say_error(both->agent, &request[2], 6);
    hand_say_error(both->agent, &request[3], 999); /* a newer agent's: it is no yes, and nobody else's affair */
    hand_say_yes(both->agent, &(struct hand_request){request[4].msgid, true, ""}); /* to another question */
    hand_say_yes(both->agent, &request[5]);
    assert_int_equal(next_end(both->assay, &tag, &verdict), 0);
    assert_ptr_equal(tag, &tags[0]);
    assert_string_equal(assay_verdict_issuer(verdict), "https://auth.example.com");
    assay_verdict_free(verdict);
    assert_int_equal(next_end(both->assay, &tag, &verdict), ASSAY_E_REFUSED);
    assert_ptr_equal(tag, &tags[1]);
    assert_string_equal(assay_verdict_reason(verdict), "expired");
    assay_verdict_free(verdict);
    assert_int_equal(end_of(both->assay, &tags[2], NULL), ASSAY_E_KEYS_UNAVAILABLE);
    assert_int_equal(end_of(both->assay, &tags[3], NULL), ASSAY_E_PROTOCOL);
    assert_int_equal(end_of(both->assay, &tags[4], NULL), ASSAY_E_PROTOCOL);
    assert_int_equal(assay_waiting(both->assay), 1);
    assert_int_equal(next_end(both->assay, &tag, &verdict), 0);
    assert_ptr_equal(tag, &tags[5]);
    assert_string_equal(assay_verdict_role(verdict, 1), "buyer");
    assay_verdict_free(verdict);
    is_quiet(both);
    assert_false(hand_is_alone(both->agent)); /* the connection is as good as before */
}

static void a_question_is_sent_at_once(void **state)
{
    struct both *both = *state;
    struct hand_request request;

    for (int i = 0; i < 2; i++) { /* also over a connection that is there */
        ask_about(both->assay, "t", both);
        assert_int_equal(hand_accept(both->agent), i == 0);
        assert_true(hand_read(both->agent, &request));
    }
}

static void the_verdict_may_be_left(void **state)
{
    struct both *both = *state;
    void *tag;

    ask_about(both->assay, "t", both);
    struct hand_request request = read_one(both);

    hand_say_yes(both->agent, &request);
    assert_true(is_ready(both->assay, 1000));
    assert_int_equal(assay_process(both->assay, &tag, NULL), 0);
    assert_ptr_equal(tag, both);
    is_quiet(both);
}

#define MANY 300

static void ask_many(struct both *both, struct hand_request *requests)
{
    for (int i = 0; i < MANY; i++) {
        char token[32];

        snprintf(token, sizeof token, "token.%d", i);
        ask_about(both->assay, token, &both->tags[i]);
    }
    for (int i = 0; i < MANY; i++)
        requests[i] = read_one(both);
    assert_int_equal(assay_waiting(both->assay), MANY);
}

/* Answer i was to question i, whoever was told first. */
static void all_are_answered(struct both *both)
{
    bool told[MANY] = {false};

    for (int i = 0; i < MANY; i++) {
        struct assay_verdict *verdict;
        char token[32];
        void *tag;

        assert_int_equal(next_end(both->assay, &tag, &verdict), 0);
        ptrdiff_t which = (char *)tag - both->tags;

        assert_true(which >= 0 && which < MANY && !told[which]);
        told[which] = true;
        snprintf(token, sizeof token, "token.%d", (int)which);
        assert_string_equal(assay_verdict_subject(verdict), token);
        assay_verdict_free(verdict);
    }
    is_quiet(both);
}

static void answers_come_in_any_order(void **state)
{
    struct both *both = *state;
    struct hand_request requests[MANY];
    uint8_t *bytes = malloc(MANY * 512);

    for (int round = 0; round < 3; round++) {
        size_t size = 0;

        ask_many(both, requests);
        for (int i = 0; i < MANY; i++)
            size += hand_write_yes(&requests[(i * 7 + round) % MANY], bytes + size, 512);
        hand_say(both->agent, bytes, size);
        all_are_answered(both);
    }
    assert_false(hand_accept(both->agent)); /* all over one connection */
    free(bytes);
}

static void answers_come_byte_by_byte(void **state)
{
    struct both *both = *state;
    struct hand_request requests[MANY];
    struct assay_verdict *verdict;
    void *tag;

    ask_many(both, requests);
    for (int i = 0; i < MANY; i++) {
        uint8_t bytes[512];
        size_t size = hand_write_yes(&requests[i], bytes, sizeof bytes);

        for (size_t at = 0; at < size; at++) {
            assert_int_equal(assay_process(both->assay, &tag, &verdict), ASSAY_E_PENDING);
            assert_null(tag);
            hand_say(both->agent, bytes + at, 1);
            assert_true(is_ready(both->assay, 0));
        }
        assert_int_equal(end_of(both->assay, &both->tags[i], requests[i].token), 0);
    }
    is_quiet(both);
}

/* More than the buffer holds, and an answer that fills it. */
static void answers_may_be_as_long_as_they_may(void **state)
{
    struct both *both = *state;
    size_t subject = ANSWER_BYTES_MAX - 2048;
    uint8_t *bytes = calloc(1, ANSWER_BYTES_MAX);
    char *text = malloc(subject);

    memset(text, 's', subject);
    for (int i = 0; i < 3; i++)
        ask_about(both->assay, "t", &both->tags[i]);
    for (int i = 0; i < 3; i++) {
        struct hand_request request = read_one(both);
        struct wire_writer out;

        wire_writer_init(&out, bytes, ANSWER_BYTES_MAX);
        fake_answer(&out, request.msgid);
        fake_yes(&out, text, subject);
        hand_say(both->agent, bytes, wire_written(&out));
        if (i == 1)
            assert_int_equal(end_of(both->assay, &both->tags[0], NULL), 0);
    }
    assert_int_equal(end_of(both->assay, &both->tags[1], NULL), 0);
    assert_int_equal(end_of(both->assay, &both->tags[2], NULL), 0);
    free(bytes);
    free(text);
    is_quiet(both);
}

/* One yes that is right, and then something that is none: all that wait get ASSAY_E_PROTOCOL, and the next are asked anew. */
static void spoils(struct both *both, const void *bytes, size_t size)
{
    struct hand_request request[3];

    hand_hang_up(both->agent);
    for (int i = 0; i < 3; i++)
        ask_about(both->assay, "t", &both->tags[i]);
    for (int i = 0; i < 3; i++)
        request[i] = read_one(both);
    hand_say_yes(both->agent, &request[0]);
    if (size > 0)
        hand_say(both->agent, bytes, size);
    else
        hand_say_yes(both->agent, &request[0]); /* again */
    hand_say_yes(both->agent, &request[1]);
    assert_int_equal(end_of(both->assay, &both->tags[0], "t"), 0);
    assert_int_equal(end_of(both->assay, &both->tags[1], NULL), ASSAY_E_PROTOCOL);
    assert_int_equal(end_of(both->assay, &both->tags[2], NULL), ASSAY_E_PROTOCOL);
    assert_true(hand_is_alone(both->agent));
    assert_int_equal(both->assay->stream->asked.given_up, 0);
    is_quiet(both);
    works(both);
}

#define SPOILS(text) spoils(both, text, sizeof(text) - 1)

static void one_bad_answer_spoils_the_connection(void **state)
{
    struct both *both = *state;

    SPOILS("\xc1");                                 /* no MessagePack */
    SPOILS("\xc7\x01\x01\x01");                     /* an extension type */
    SPOILS("\x94\x00\x01\xc0\x80");                 /* no answer */
    SPOILS("\x93\x01\x01\xc0");                     /* one of three */
    SPOILS("\x94\x01\xa1\x31\xc0\x80");             /* a msgid in words */
    SPOILS("\x94\x01\xce\x7f\x00\x00\x01\xc0\x80"); /* nobody's msgid */
    SPOILS("\x94\x01\x01\xc0\xdb\x00\x02\x00\x00"); /* a string above all bounds */
    SPOILS("220 mail.example.com ESMTP ready\r\n");
    spoils(both, NULL, 0);                                     /* the same answer twice */
    assert_in_range(both->assay->stream->asked.touched, 1, 3); /* and no place is lost */
}

/* It says to which question it is, and then it is none: the first questions of a handle have the numbers from 0. */
static void so_does_one_to_ones_own_question(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } all[] = {
        {"\x94\x01\x01\x01\x80", 5},                                  /* an error that is a number */
        {"\x94\x01\x01\x93\x01\xa1x\xc0\xc0", 9},                     /* of three parts */
        {"\x94\x01\x01\x92\x00\xa1x\xc0", 8},                         /* number 0 */
        {"\x94\x01\x01\x92\x01\x01\xc0", 7},                          /* words that are a number */
        {"\x94\x01\x01\x92\x01\xa1x\x80", 8},                         /* an error, and a result */
        {"\x94\x01\x01\x92\xcd\x03\xe8\xa1x\x80", 10},                /* also of an error that is not known here */
        {"\x94\x01\xcf\x00\x00\x00\x01\x00\x00\x00\x01\xc0\x80", 13}, /* its number, and 2^32 */
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        void *fresh;

        assert_int_equal(set_up(&fresh), 0);
        struct both *both = fresh;

        for (int question = 0; question < 3; question++)
            ask_about(both->assay, "t", &both->tags[question]);
        for (int question = 0; question < 3; question++)
            assert_int_equal(read_one(both).msgid, question);
        hand_say(both->agent, all[i].bytes, all[i].size);
        for (int question = 0; question < 3; question++)
            assert_int_equal(end_of(both->assay, &both->tags[question], NULL), ASSAY_E_PROTOCOL);
        assert_true(hand_is_alone(both->agent));
        both_stop(&fresh);
    }
    (void)state;
}

/* Its place is another question's now. */
static void an_answer_that_comes_again_is_not_the_next_ones(void **state)
{
    struct both *both = *state;

    ask_about(both->assay, "one", &both->tags[0]);
    struct hand_request one = read_one(both);

    hand_say_yes(both->agent, &one);
    assert_int_equal(end_of(both->assay, &both->tags[0], "one"), 0);
    ask_about(both->assay, "two", &both->tags[1]);
    read_one(both);
    hand_say_yes(both->agent, &one);
    assert_int_equal(end_of(both->assay, &both->tags[1], NULL), ASSAY_E_PROTOCOL);
    is_quiet(both);
}

/* Each string is short enough, and together they are too much; the end never comes. */
static void an_answer_without_end_is_none(void **state)
{
    struct both *both = *state;
    size_t size = ANSWER_BYTES_MAX + 4096;
    uint8_t *bytes = calloc(1, size);
    struct wire_writer out;

    ask_about(both->assay, "t", both);
    struct hand_request request = read_one(both);

    wire_writer_init(&out, bytes, size);
    fake_answer(&out, request.msgid);
    wire_put_array(&out, 1000);
    while (!out.full)
        wire_put_str(&out, "0123456789012345678901234567890123456789", 40);
    hand_say(both->agent, bytes, wire_written(&out));
    assert_int_equal(end_of(both->assay, both, NULL), ASSAY_E_PROTOCOL);
    free(bytes);
    is_quiet(both);
    works(both);
}

static void what_nobody_asked_for_is_no_answer(void **state)
{
    struct both *both = *state;
    void *tag;

    works(both);
    hand_say(both->agent, "\x94\x01\x01\xc0\x80", 5);
    assert_true(is_ready(both->assay, 1000));
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_true(hand_is_alone(both->agent));
    works(both);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, both_stop)
    const struct CMUnitTest tests[] = {
        TEST(nothing_comes_of_nothing),
        TEST(arguments_are_looked_at),
        TEST(what_is_too_long_is_refused_at_once),
        TEST(every_answer_is_told_as_it_is),
        TEST(a_question_is_sent_at_once),
        TEST(the_verdict_may_be_left),
        TEST(answers_come_in_any_order),
        TEST(answers_come_byte_by_byte),
        TEST(answers_may_be_as_long_as_they_may),
        TEST(one_bad_answer_spoils_the_connection),
        cmocka_unit_test(so_does_one_to_ones_own_question),
        TEST(an_answer_that_comes_again_is_not_the_next_ones),
        TEST(an_answer_without_end_is_none),
        TEST(what_nobody_asked_for_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
