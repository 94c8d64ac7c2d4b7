/* The calls that never wait, when a question is put: missing and too long arguments are refused at once, and a good question is
   sent at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/limits.h"
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, both_stop)
    const struct CMUnitTest tests[] = {
        TEST(nothing_comes_of_nothing),
        TEST(arguments_are_looked_at),
        TEST(what_is_too_long_is_refused_at_once),
        TEST(a_question_is_sent_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
