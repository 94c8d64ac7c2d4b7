/* The calls that never wait, and bad answers: one ends all questions of its connection with ASSAY_E_PROTOCOL, and the next question
   gets a new connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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
    assert_int_equal(both->assay->stream->pending.given_up, 0);
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
    assert_in_range(both->assay->stream->pending.touched, 1, 3); /* and no place is lost */
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
        TEST(one_bad_answer_spoils_the_connection),
        cmocka_unit_test(so_does_one_to_ones_own_question),
        TEST(an_answer_that_comes_again_is_not_the_next_ones),
        TEST(an_answer_without_end_is_none),
        TEST(what_nobody_asked_for_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
