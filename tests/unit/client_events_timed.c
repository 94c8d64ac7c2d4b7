/* The calls that never wait, each with a time of its own: whose time is up first ends first, whatever the order of asking, and nobody
   else loses anything by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/stream.h"
#include "fake_agent.h"
#include "hand_agent.h"

static void send_for(struct assay *assay, const char *token, size_t bytes, unsigned timeout_ms, void *tag)
{
    const struct assay_question question = {
        .size = sizeof question, .token = token, .token_bytes = bytes, .what = ASSAY_ASK_VERIFY, .timeout_ms = timeout_ms};

    assert_int_equal(assay_send(assay, &question, tag, NULL), ASSAY_E_PENDING);
}

static void the_soonest_ends_first(void **state)
{
    struct both *both = *state;
    const unsigned times[] = {0, 160, 0, 40, UINT_MAX, 80, 1, 120};
    const int order[] = {6, 3, 5, 7, 1};
    struct hand_request request[8];

    for (int i = 0; i < 8; i++)
        send_for(both->assay, "t", 1, times[i], &both->tags[i]);
    for (int i = 0; i < 8; i++)
        request[i] = read_one(both);
    int64_t start = monotonic_ns();

    for (int i = 0; i < 5; i++) {
        assert_int_equal(end_of(both->assay, &both->tags[order[i]], NULL), ASSAY_E_TIMEOUT);
        assert_true((monotonic_ns() - start) / NS_PER_MS + 50 >= times[order[i]]);
    }
    assert_int_equal(assay_waiting(both->assay), 3);
    hand_say_yes(both->agent, &request[3]); /* nobody waits for this one any more */
    hand_say_yes(both->agent, &request[4]);
    assert_int_equal(end_of(both->assay, &both->tags[4], NULL), 0);
    hand_say_yes(both->agent, &request[0]);
    hand_say_yes(both->agent, &request[2]);
    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), 0);
    assert_int_equal(end_of(both->assay, &both->tags[2], NULL), 0);
    is_quiet(both);
    works(both);
}

/* The descriptor wakes for a question that has less time than those before it. */
static void the_descriptor_wakes_for_the_soonest(void **state)
{
    struct both *both = *state;

    send_for(both->assay, "t", 1, 0, &both->tags[0]);
    struct hand_request request = read_one(both);
    void *tag;

    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(is_ready(both->assay, 20));
    send_for(both->assay, "t", 1, 60, &both->tags[1]);
    assert_true(is_ready(both->assay, 1000));
    assert_int_equal(end_of(both->assay, &both->tags[1], NULL), ASSAY_E_TIMEOUT);
    hand_say_yes(both->agent, &request);
    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), 0);
    (void)read_one(both);
    is_quiet(both);
}

#define LARGE   60000
#define PATIENT 2

/* Of a request that is half sent nothing is left: those that have time are asked again, over a connection of their own. */
static void one_that_ends_half_sent_takes_nobody_along(void **state)
{
    struct both *both = *state;
    char *token = malloc(LARGE);
    int asked = 0;

    assert_non_null(token);
    memset(token, 't', LARGE);
    do {
        assert_true(asked < 100);
        send_for(both->assay, token, LARGE, asked < PATIENT ? 10000 : 150, &both->tags[asked]);
        asked++;
    } while (both->assay->stream->unsent == NULL); /* until the socket is full, in the middle of the last one */
    assert_true(asked > PATIENT && both->assay->stream->sent_bytes > 0);
    for (int i = PATIENT; i < asked; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_TIMEOUT);
    assert_int_equal(assay_waiting(both->assay), PATIENT);
    assert_true(hand_accept(both->agent)); /* the first connection, of which the client has let go */
    assert_true(hand_is_alone(both->agent));
    hand_hang_up(both->agent);
    for (int i = 0; i < PATIENT; i++) {
        struct hand_request request = read_one(both);

        hand_say_yes(both->agent, &request);
    }
    for (int i = 0; i < PATIENT; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), 0);
    is_quiet(both);
    free(token);
}

/* As many as may be on their way, with times in no order: each ends once, no later one before a sooner one. */
static void thousands_end_in_their_order(void **state)
{
    static unsigned times[PENDING_MAX];
    struct both *both = *state;
    unsigned random = 1;
    unsigned last = 0;

    for (int i = 0; i < PENDING_MAX; i++) {
        random = random * 1103515245 + 12345;
        times[i] = 300 + (random >> 16) % 64 * 10;
        send_for(both->assay, "t", 1, times[i], (void *)(uintptr_t)(i + 1));
    }
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        struct assay_verdict *verdict;
        void *tag;

        assert_int_equal(next_end(both->assay, &tag, &verdict), ASSAY_E_TIMEOUT);
        assay_verdict_free(verdict);
        unsigned which = (unsigned)(uintptr_t)tag - 1;

        assert_true(which < PENDING_MAX && times[which] != 0);
        assert_true(times[which] + 250 >= last); /* they were not all asked at once */
        if (times[which] > last)
            last = times[which];
        times[which] = 0;
    }
    assert_int_equal(assay_waiting(both->assay), 0);
}

static int start(void **state)
{
    return both_start(state, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_soonest_ends_first, start, both_stop),
        cmocka_unit_test_setup_teardown(the_descriptor_wakes_for_the_soonest, start, both_stop),
        cmocka_unit_test_setup_teardown(one_that_ends_half_sent_takes_nobody_along, start, both_stop),
        cmocka_unit_test_setup_teardown(thousands_end_in_their_order, start, both_stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
