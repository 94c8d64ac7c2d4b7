/* The calls that never wait, when no answer comes: time runs out, and connections end. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/stream.h"
#include "client/wire/clock.h"
#include "fake_agent.h"
#include "hand_agent.h"

#define SHORT_MS 60

static int set_up(void **state)
{
    return both_start(state, 20000); /* no test waits for it */
}

static int set_up_short(void **state)
{
    return both_start(state, SHORT_MS);
}

/* Long enough for the second one not to end with the first on a busy machine. */
#define APART_MS 2000

static int set_up_apart(void **state)
{
    return both_start(state, APART_MS);
}

static void time_runs_out_for_each_by_itself(void **state)
{
    struct both *both = *state;
    int64_t begin = monotonic_ns();

    ask_about(both->assay, "one", &both->tags[0]);
    struct hand_request one = read_one(both);

    usleep(APART_MS * 1000 / 2);
    ask_about(both->assay, "two", &both->tags[1]);
    struct hand_request two = read_one(both);

    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), ASSAY_E_TIMEOUT);
    assert_in_range(monotonic_ns() - begin, APART_MS * NS_PER_MS, APART_MS * NS_PER_MS * 3 / 2);
    hand_say_yes(both->agent, &one); /* too late, and nobody's */
    hand_say_yes(both->agent, &two);
    assert_int_equal(end_of(both->assay, &both->tags[1], "two"), 0);
    is_quiet(both);
    works(both);
    assert_false(hand_accept(both->agent)); /* all over one connection */
}

static void a_late_answer_that_comes_again_is_none(void **state)
{
    struct both *both = *state;

    ask_about(both->assay, "one", &both->tags[0]);
    struct hand_request one = read_one(both);

    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), ASSAY_E_TIMEOUT);
    hand_say_yes(both->agent, &one);
    ask_about(both->assay, "two", &both->tags[1]);
    hand_say_yes(both->agent, &one);
    assert_int_equal(end_of(both->assay, &both->tags[1], NULL), ASSAY_E_PROTOCOL);
}

/* A place that waits for a late answer is nobody else's. */
static void a_late_answer_is_not_the_next_ones(void **state)
{
    struct both *both = *state;
    struct hand_request late[50], next;

    for (int i = 0; i < 50; i++)
        ask_about(both->assay, "late", &both->tags[i]);
    for (int i = 0; i < 50; i++)
        late[i] = read_one(both);
    for (int i = 0; i < 50; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_TIMEOUT);
    assert_int_equal(both->assay->stream->pending.given_up, 50);
    ask_about(both->assay, "next", both);
    next = read_one(both);
    for (int i = 0; i < 50; i++) {
        assert_int_not_equal(late[i].msgid, next.msgid);
        hand_say_yes(both->agent, &late[i]);
    }
    hand_say_yes(both->agent, &next);
    assert_int_equal(end_of(both->assay, both, "next"), 0);
    is_quiet(both);
    assert_int_equal(both->assay->stream->pending.given_up, 0);
}

/* The loop was busy with other things: what came meanwhile counts, also where its time is up. */
static void a_program_that_comes_late_gets_its_answers(void **state)
{
    struct both *both = *state;
    struct hand_request one, two;
    void *tag;

    ask_about(both->assay, "one", &both->tags[0]);
    ask_about(both->assay, "two", &both->tags[1]);
    one = read_one(both);
    two = read_one(both);
    hand_say_yes(both->agent, &two);
    usleep(SHORT_MS * 1000 * 2);
    assert_true(is_ready(both->assay, 0));
    assert_int_equal(end_of(both->assay, &both->tags[1], "two"), 0);
    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), ASSAY_E_TIMEOUT);
    hand_say_yes(both->agent, &one);
    assert_true(is_ready(both->assay, 1000));
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    is_quiet(both);
}

/* Also where it is more than one read takes. */
static void however_many_they_are(void **state)
{
    struct both *both = *state;
    enum { COUNT = 5, SUBJECT = 30000 };
    static char subject[SUBJECT];
    static uint8_t bytes[SUBJECT + 512];
    struct hand_request requests[COUNT];
    struct wire_writer out;

    memset(subject, 's', SUBJECT);
    for (int i = 0; i < COUNT; i++)
        ask_about(both->assay, "t", &both->tags[i]);
    for (int i = 0; i < COUNT; i++)
        requests[i] = read_one(both);
    for (int i = 0; i < COUNT; i++) {
        wire_writer_init(&out, bytes, sizeof bytes);
        fake_answer(&out, requests[i].msgid);
        fake_yes(&out, subject, SUBJECT);
        hand_say(both->agent, bytes, wire_written(&out));
    }
    usleep(SHORT_MS * 1000 * 2);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), 0);
    is_quiet(both);
}

/* Whenever the program looks there is an answer, and never the one. */
static void others_answers_do_not_put_it_off(void **state)
{
    struct both *both = *state;
    int64_t begin = monotonic_ns();
    int status = 0;

    ask_about(both->assay, "one", &both->tags[0]);
    read_one(both);
    while (status == 0 && monotonic_ns() - begin < 5 * SHORT_MS * NS_PER_MS) {
        void *tag;

        ask_about(both->assay, "two", &both->tags[1]);
        struct hand_request two = read_one(both);

        hand_say_yes(both->agent, &two);
        do
            status = assay_process(both->assay, &tag, NULL);
        while (status == ASSAY_E_PENDING);
    }
    assert_int_equal(status, ASSAY_E_TIMEOUT);
}

/* The descriptor gets readable for an answer that nobody fetches, and by itself not for ever after. */
static void with_nothing_to_do_it_wakes_up_once_at_most(void **state)
{
    struct both *both = *state;
    void *tag;
    int wakes = 0;

    works(both);
    for (int i = 0; i < 3 && is_ready(both->assay, SHORT_MS * 2); i++) {
        assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
        wakes++;
    }
    assert_in_range(wakes, 0, 1);
}

/* An agent that does not read: a request is half out when its time is up, and the next ones must not be understood as its end. */
static void a_half_sent_request_goes_with_its_connection(void **state)
{
    struct both *both = *state;
    size_t size = 50000;
    char *token = malloc(size + 1);
    int count = 12;

    memset(token, 't', size);
    token[size] = '\0';
    for (int i = 0; i < count; i++)
        ask_about(both->assay, token, &both->tags[i]);
    for (int i = 0; i < count; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_TIMEOUT);
    assert_true(hand_accept(both->agent));
    assert_true(hand_is_alone(both->agent));
    while (hand_accept(both->agent)) /* the last ones may have been sent over another */
        ;
    hand_hang_up(both->agent);
    works(both);
    free(token);
}

static void an_agent_that_was_restarted_is_asked_once_more(void **state)
{
    struct both *both = *state;
    char *tags = both->tags;

    for (int i = 0; i < 3; i++)
        ask_about(both->assay, i == 0 ? "zero" : i == 1 ? "one" : "two", &tags[i]);
    struct hand_request request = read_one(both);

    hand_say_yes(both->agent, &request); /* and then it ends, with two to answer, and one not even read */
    hand_hang_up(both->agent);
    assert_int_equal(end_of(both->assay, &tags[0], "zero"), 0);
    for (int i = 1; i < 3; i++) {
        request = read_one(both);
        hand_say_yes(both->agent, &request);
        assert_int_equal(end_of(both->assay, &tags[i], i == 1 ? "one" : "two"), 0);
    }
    is_quiet(both);
    works(both);
}

static void and_not_twice(void **state)
{
    struct both *both = *state;

    ask_about(both->assay, "one", &both->tags[0]);
    read_one(both);
    hand_hang_up(both->agent);
    read_one(both);
    ask_about(both->assay, "two", &both->tags[1]);
    read_one(both);
    hand_hang_up(both->agent);
    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), ASSAY_E_UNREACHABLE);
    struct hand_request two = read_one(both); /* which has seen one end only */

    hand_say_yes(both->agent, &two);
    assert_int_equal(end_of(both->assay, &both->tags[1], "two"), 0);
    is_quiet(both);
}

static void half_an_answer_is_no_answer(void **state)
{
    struct both *both = *state;

    ask_about(both->assay, "one", &both->tags[0]);
    struct hand_request request = read_one(both);
    uint8_t bytes[512];
    size_t size = hand_write_yes(&request, bytes, sizeof bytes);

    hand_say(both->agent, bytes, size - 1);
    hand_hang_up(both->agent);
    request = read_one(both);
    size = hand_write_yes(&request, bytes, sizeof bytes);
    hand_say(both->agent, bytes, size - 1);
    hand_hang_up(both->agent);
    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), ASSAY_E_PROTOCOL);
    is_quiet(both);
    works(both);
}

/* Nothing is ever sent over them, and it must come to an end all the same: of an agent that has answered, which may be being begun anew, after
   two seconds and some 400 connections; of one that has not, after the second. */
static void closes_every_connection(struct both *both, int connections_min, int connections_max)
{
    void *tag;
    int status, connections = 0;

    ask_about(both->assay, "t", both);
    while ((status = assay_process(both->assay, &tag, NULL)) == ASSAY_E_PENDING && connections <= connections_max)
        while (hand_accept(both->agent)) {
            hand_hang_up(both->agent);
            connections++;
        }
    assert_int_equal(status, ASSAY_E_UNREACHABLE);
    assert_ptr_equal(tag, both);
    assert_in_range(connections, connections_min, connections_max);
    is_quiet(both);
}

static void an_agent_that_closes_every_connection_is_unreachable(void **state)
{
    closes_every_connection(*state, 2, 2);
}

static void and_so_is_one_that_has_answered_before(void **state)
{
    works(*state);
    hand_hang_up(((struct both *)*state)->agent);
    closes_every_connection(*state, 3, 401);
}

/* It is gone for a moment, with its socket; what was asked meanwhile is answered by the next. */
static void an_agent_that_is_begun_anew_is_waited_for(void **state)
{
    struct both *both = *state;
    char away[128];
    void *tag;

    works(both);
    snprintf(away, sizeof away, "%s.away", both->agent->path);
    assert_int_equal(rename(both->agent->path, away), 0);
    hand_hang_up(both->agent);
    ask_about(both->assay, "meanwhile", &both->tags[0]);
    for (int i = 0; i < 30; i++) { /* 300 ms */
        usleep(10000);
        assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    }
    assert_int_equal(rename(away, both->agent->path), 0);
    usleep(10000);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    struct hand_request request = read_one(both);

    hand_say_yes(both->agent, &request);
    assert_int_equal(end_of(both->assay, &both->tags[0], "meanwhile"), 0);
    is_quiet(both);
}

static void without_an_agent_it_is_told_at_once(void **state)
{
    struct both *both = *state;
    struct assay_verdict *verdict;
    char away[128];

    for (int i = 0; i < 3; i++)
        ask_about(both->assay, "t", &both->tags[i]);
    read_one(both);
    snprintf(away, sizeof away, "%s.away", both->agent->path);
    assert_int_equal(rename(both->agent->path, away), 0);
    hand_hang_up(both->agent);
    for (int i = 0; i < 3; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_UNREACHABLE);
    is_quiet(both);
    verdict = (struct assay_verdict *)1;
    assert_int_equal(assay_send_verify(both->assay, "t", 1, NULL, both, &verdict), ASSAY_E_UNREACHABLE);
    verdict_agrees(verdict, ASSAY_E_UNREACHABLE);
    assert_int_equal(assay_verdict_errno(verdict), ENOENT);
    assay_verdict_free(verdict);
    is_quiet(both);
    assert_int_equal(rename(away, both->agent->path), 0);
    works(both);
}

static void a_connection_that_idles_may_be_closed(void **state)
{
    struct both *both = *state;
    void *tag;

    works(both);
    hand_hang_up(both->agent);
    assert_true(is_ready(both->assay, 1000));
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    is_quiet(both);
    works(both);
}

int main(void)
{
#define TEST(name)  cmocka_unit_test_setup_teardown(name, set_up, both_stop)
#define SHORT(name) cmocka_unit_test_setup_teardown(name, set_up_short, both_stop)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(time_runs_out_for_each_by_itself, set_up_apart, both_stop),
        SHORT(a_late_answer_that_comes_again_is_none),
        SHORT(a_late_answer_is_not_the_next_ones),
        SHORT(a_program_that_comes_late_gets_its_answers),
        SHORT(however_many_they_are),
        SHORT(others_answers_do_not_put_it_off),
        SHORT(with_nothing_to_do_it_wakes_up_once_at_most),
        SHORT(a_half_sent_request_goes_with_its_connection),
        TEST(an_agent_that_was_restarted_is_asked_once_more),
        TEST(and_not_twice),
        TEST(half_an_answer_is_no_answer),
        TEST(an_agent_that_closes_every_connection_is_unreachable),
        TEST(and_so_is_one_that_has_answered_before),
        TEST(an_agent_that_is_begun_anew_is_waited_for),
        TEST(without_an_agent_it_is_told_at_once),
        TEST(a_connection_that_idles_may_be_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
