/* The calls that never wait, and good answers: each question gets its own, in whatever order, pieces and lengths they come. */
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, both_stop)
    const struct CMUnitTest tests[] = {
        TEST(every_answer_is_told_as_it_is),
        TEST(the_verdict_may_be_left),
        TEST(answers_come_in_any_order),
        TEST(answers_come_byte_by_byte),
        TEST(answers_may_be_as_long_as_they_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
