/* The calls that never wait: how much may be on its way, and what is nobody's any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/limits.h"
#include "hand_agent.h"

static int set_up(void **state)
{
    return both_start(state, 20000); /* no test waits for it */
}

static int set_up_short(void **state)
{
    return both_start(state, 60);
}

static int fill(struct both *both, const char *token)
{
    int count = 0, status;

    while ((status = assay_send_verify(both->assay, token, strlen(token), NULL, &both->tags[count], NULL)) == ASSAY_E_PENDING)
        assert_true(++count <= (int)sizeof both->tags);
    assert_int_equal(status, ASSAY_E_BUSY);
    assert_int_equal(assay_waiting(both->assay), count);
    return count;
}

static void there_are_so_many_at_most(void **state)
{
    struct both *both = *state;
    struct hand_request request;

    assert_int_equal(fill(both, "t"), PENDING_MAX);
    for (int i = 0; i < PENDING_MAX; i++) {
        request = read_one(both);
        hand_say_yes(both->agent, &request);
        assert_int_equal(end_of(both->assay, &both->tags[i], "t"), 0);
    }
    is_quiet(both);
    works(both);
}

static void and_so_many_bytes(void **state)
{
    struct both *both = *state;
    size_t size = 60000;
    char *token = malloc(size + 1);

    memset(token, 't', size);
    token[size] = '\0';
    int count = fill(both, token);

    assert_in_range(count, (PENDING_BYTES_MAX - REQUEST_BYTES_MAX) / 61000, PENDING_BYTES_MAX / size);
    for (int i = 0; i < count; i++) {
        struct hand_request request = read_one(both);

        hand_say_no(both->agent, &request);
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_REFUSED);
    }
    assert_int_equal(fill(both, token), count);
    free(token);
}

/* More than the socket holds: the rest goes out when there is room, as the descriptor tells, on whichever connection. */
static int ask_more_than_fits(struct both *both)
{
    static char token[50001];
    int count = 20;

    memset(token, 't', sizeof token - 1);
    for (int i = 0; i < count; i++)
        ask_about(both->assay, token, &both->tags[i]);
    return count;
}

static void requests_go_out_as_there_is_room(void **state)
{
    struct both *both = *state;
    struct hand_request requests[32];
    int count = ask_more_than_fits(both), read = 0;
    void *tag;

    for (int connection = 0; connection < 2; connection++) {
        hand_hang_up(both->agent); /* of the first, nothing was read */
        assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
        assert_true(hand_accept(both->agent));
        assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
        assert_false(is_ready(both->assay, 0));
    }
    while (read < count) {
        while (hand_read(both->agent, &requests[read]))
            read++;
        assert_true(read == count || is_ready(both->assay, 1000)); /* there is room */
        assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    }
    for (int i = 0; i < count; i++)
        hand_say_no(both->agent, &requests[i]);
    for (int i = 0; i < count; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_REFUSED);
    is_quiet(both);
}

/* Nothing of them was seen by who has answered badly. */
static void what_was_not_sent_is_not_spoilt(void **state)
{
    struct both *both = *state;
    struct hand_request request;
    int count = ask_more_than_fits(both), bad = 0, good = 0, status;
    void *tag;

    assert_true(hand_accept(both->agent));
    hand_say(both->agent, "\xc1", 1);
    while ((status = assay_process(both->assay, &tag, NULL)) != ASSAY_E_PENDING) {
        assert_int_equal(status, ASSAY_E_PROTOCOL);
        bad++;
    }
    assert_true(hand_accept(both->agent));
    while (assay_waiting(both->assay) > 0) {
        while (hand_read(both->agent, &request))
            hand_say_no(both->agent, &request);
        assert_true(is_ready(both->assay, 1000));
        while ((status = assay_process(both->assay, &tag, NULL)) != ASSAY_E_PENDING)
            good += status == ASSAY_E_REFUSED;
    }
    assert_in_range(bad, 1, count - 1);
    assert_int_equal(bad + good, count);
}

/* All places are held by answers that nobody waits for any more. */
static void an_agent_that_never_answers_does_not_clog_it_for_ever(void **state)
{
    struct both *both = *state;
    struct hand_request request;
    void *tag;
    int status, ends = 0;

    for (int i = 0; i < PENDING_MAX; i++) {
        ask_about(both->assay, "t", both);
        while ((status = assay_process(both->assay, &tag, NULL)) != ASSAY_E_PENDING) {
            assert_int_equal(status, ASSAY_E_TIMEOUT);
            ends++;
        }
        if (both->agent->fd < 0)
            hand_accept(both->agent);
        while (hand_read(both->agent, &request))
            ;
    }
    while (ends < PENDING_MAX) {
        assert_int_equal(end_of(both->assay, both, NULL), ASSAY_E_TIMEOUT);
        ends++;
    }
    assert_int_equal(assay_waiting(both->assay), 0);
    ask_about(both->assay, "t", both);
    assert_true(hand_is_alone(both->agent));
    hand_hang_up(both->agent);
    request = read_one(both);
    hand_say_yes(both->agent, &request);
    assert_int_equal(end_of(both->assay, both, "t"), 0);
    works(both);
}

static void a_cancelled_question_is_nobodys(void **state)
{
    struct both *both = *state;
    struct hand_request request[3];
    char *tags = both->tags;

    for (int i = 0; i < 3; i++)
        ask_about(both->assay, "t", &tags[i]);
    for (int i = 0; i < 3; i++)
        request[i] = read_one(both);
    assert_int_equal(assay_cancel(both->assay, &tags[1]), 1);
    assert_int_equal(assay_cancel(both->assay, &tags[1]), 0);
    assert_int_equal(assay_waiting(both->assay), 2);
    for (int i = 0; i < 3; i++)
        hand_say_yes(both->agent, &request[i]);
    assert_int_equal(end_of(both->assay, &tags[0], "t"), 0);
    assert_int_equal(end_of(both->assay, &tags[2], "t"), 0);
    is_quiet(both);

    for (int i = 0; i < 3; i++) /* on a connection that ends, and after it has ended */
        ask_about(both->assay, "t", &tags[i]);
    assert_int_equal(assay_cancel(both->assay, &tags[0]), 1);
    hand_say(both->agent, "\xc1", 1);
    assert_int_equal(end_of(both->assay, &tags[1], NULL), ASSAY_E_PROTOCOL);
    assert_int_equal(assay_cancel(both->assay, &tags[2]), 1);
    is_quiet(both);
}

int main(void)
{
#define TEST(name)  cmocka_unit_test_setup_teardown(name, set_up, both_stop)
#define SHORT(name) cmocka_unit_test_setup_teardown(name, set_up_short, both_stop)
    const struct CMUnitTest tests[] = {
        TEST(there_are_so_many_at_most),
        TEST(and_so_many_bytes),
        TEST(requests_go_out_as_there_is_room),
        TEST(what_was_not_sent_is_not_spoilt),
        SHORT(an_agent_that_never_answers_does_not_clog_it_for_ever),
        TEST(a_cancelled_question_is_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
