/* assay_ask(): what a struct assay_question says is what is asked, for as long as it says, and what nobody understands is not. */
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/wire/clock.h"
#include "question_agent.h"

static void each_kind_is_asked_for_by_name(void **state)
{
    static const struct assay_check checks[] = {{"GET", "/a"}, {"PUT", "/b"}};
    const struct assay_question good[] = {
        {QUESTION, .what = ASSAY_ASK_VERIFY},
        {QUESTION, .what = ASSAY_ASK_VERIFY | ASSAY_ASK_CLAIMS, .audience = "orders"},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .action = "GET", .resource = "/"},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE | ASSAY_ASK_CLAIMS, .action = "GET", .resource = "/"},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = 2},
        {.size = sizeof good[0], .what = ASSAY_ASK_AUTHORIZE, .action = "GET", .resource = "/"},
        {.size = sizeof good[0], .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(ask(&good[i]), 0);
    assert_int_equal(fake_agent_requests(agent), sizeof good / sizeof good[0]);
}

/* Above all: what was to be allowed, and lacks what is to be allowed, is not a question whether the token is good. */
static void what_is_not_a_question_is_not_asked(void **state)
{
    static const struct assay_check checks[] = {{"GET", "/a"}, {NULL, "/b"}, {"GET", NULL}};
    const struct assay_question bad[] = {
        {QUESTION},
        {QUESTION, .what = ASSAY_ASK_CLAIMS},
        {QUESTION, .what = ASSAY_ASK_VERIFY | ASSAY_ASK_AUTHORIZE, .action = "GET", .resource = "/"},
        {QUESTION, .what = ASSAY_ASK_VERIFY | 8},
        {QUESTION, .what = UINT_MAX},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .action = "GET"},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .resource = "/"},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .action = "GET", .resource = "/", .checks = checks, .check_count = 1},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .action = "GET", .checks = checks, .check_count = 1},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .resource = "/", .checks = checks, .check_count = 1},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .action = "GET", .resource = "/", .check_count = 1},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .check_count = 1},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = 2},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks + 2, .check_count = 1},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = SIZE_MAX},
        {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = (size_t)1 << 32 | 1},
        {QUESTION, .what = ASSAY_ASK_VERIFY, .action = "GET", .resource = "/"},
        {QUESTION, .what = ASSAY_ASK_VERIFY, .action = "GET"},
        {QUESTION, .what = ASSAY_ASK_VERIFY, .resource = "/"},
        {QUESTION, .what = ASSAY_ASK_VERIFY, .checks = checks, .check_count = 1},
        {QUESTION, .what = ASSAY_ASK_VERIFY, .check_count = 1},
        {.size = sizeof bad[0], .what = ASSAY_ASK_VERIFY},
        {.size = sizeof bad[0], .what = ASSAY_ASK_VERIFY, .token_bytes = 5},
        {.size = sizeof bad[0], .what = ASSAY_ASK_AUTHORIZE, .token_bytes = 5, .action = "GET", .resource = "/"},
        {.size = sizeof bad[0], .what = ASSAY_ASK_AUTHORIZE, .token_bytes = 5, .checks = checks, .check_count = 1},
        {.token = TOKEN, .token_bytes = 5, .what = ASSAY_ASK_VERIFY},
        {.size = sizeof bad[0] - 1, .token = TOKEN, .token_bytes = 5, .what = ASSAY_ASK_VERIFY},
        {.size = SIZE_MAX, .token = TOKEN, .token_bytes = 5, .what = ASSAY_ASK_VERIFY},
    };
    const struct assay_question good = {QUESTION, .what = ASSAY_ASK_VERIFY}, several = {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = 1};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (ask(&bad[i]) != ASSAY_E_ARGUMENT)
            fail_msg("question %zu was asked", i);
        assert_int_equal(assay_send(assay, &bad[i], NULL, NULL), ASSAY_E_ARGUMENT);
    }
    assert_int_equal(ask(NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_send(assay, NULL, NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_ask(NULL, &good, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_ask(NULL, &several, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_send(NULL, &good, NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(fake_agent_requests(agent), 0);
    assert_int_equal(assay_waiting(assay), 0);
}

/* A program for a later version is served as long as it asks for nothing new. */
static void a_larger_question_is_taken_if_the_rest_is_zero(void **state)
{
    struct {
        struct assay_question question;
        unsigned char later[64];
    } given = {.question = {QUESTION, .what = ASSAY_ASK_VERIFY}};

    (void)state;
    given.question.size = sizeof given;
    assert_int_equal(ask(&given.question), 0);
    given.later[0] = 1;
    assert_int_equal(ask(&given.question), ASSAY_E_ARGUMENT);
    given.later[0] = 0;
    given.later[sizeof given.later - 1] = 1;
    assert_int_equal(ask(&given.question), ASSAY_E_ARGUMENT);
    given.question.size--;
    assert_int_equal(ask(&given.question), 0);
}

static int64_t asked_for_ms(struct assay_question question, unsigned timeout_ms, int expected)
{
    int64_t start = monotonic_ns();

    question.timeout_ms = timeout_ms;
    assert_int_equal(ask(&question), expected);
    return (monotonic_ns() - start) / NS_PER_MS;
}

static const struct assay_question verify = {QUESTION, .what = ASSAY_ASK_VERIFY};
static const struct assay_question authorize = {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .action = "GET", .resource = "/"};

/* On a new connection, and on one whose own timeouts are the handle's, 5 s. */
static void a_call_may_have_less_time_than_the_handle(void **state)
{
    (void)state;
    for (int round = 0; round < 2; round++) {
        atomic_store(&manner.holds, true);
        assert_in_range(asked_for_ms(verify, 1, ASSAY_E_TIMEOUT), 0, 1000);
        atomic_store(&manner.holds, false);
        if (round == 1)
            assert_in_range(asked_for_ms(verify, 0, 0), 0, 4000);
        atomic_store(&manner.holds, true);
        assert_in_range(asked_for_ms(round == 0 ? verify : authorize, 80, ASSAY_E_TIMEOUT), 79, 2000);
    }
    atomic_store(&manner.holds, false);
    assert_in_range(asked_for_ms(verify, UINT_MAX, 0), 0, 4000);
}

/* A connection that was made by a call in a hurry serves one that is in none. */
static void a_call_may_have_more_time_than_the_handle(void **state)
{
    (void)state;
    atomic_store(&manner.delay_ms, 2 * SHORT_MS);
    assert_in_range(asked_for_ms(verify, 0, ASSAY_E_TIMEOUT), SHORT_MS - 1, 2 * SHORT_MS - 1);
    assert_in_range(asked_for_ms(verify, 15000, 0), SHORT_MS, 15000);
    atomic_store(&manner.delay_ms, 0);
    assert_in_range(asked_for_ms(verify, 0, 0), 0, SHORT_MS);
    atomic_store(&manner.delay_ms, 2 * SHORT_MS);
    assert_in_range(asked_for_ms(authorize, UINT_MAX, 0), 2 * SHORT_MS - 10, 15000);
    assert_in_range(asked_for_ms(authorize, 0, ASSAY_E_TIMEOUT), SHORT_MS - 1, 2 * SHORT_MS - 1);
}

/* A connection of SHORT_MS, over which a call waits for longer than these, more than once. */
static void a_short_connection_serves_a_long_call(void **state)
{
    (void)state;
    assert_int_equal(ask(&verify), 0);
    atomic_store(&manner.delay_ms, 2 * SHORT_MS);
    for (int i = 0; i < 2; i++)
        assert_in_range(asked_for_ms(verify, 15000, 0), 2 * SHORT_MS - 10, 15000);
    assert_int_equal(fake_agent_accepted(agent), 1);
}

static void claims_come_only_where_they_are_asked_for(void **state)
{
    struct assay_question question = authorize;
    struct assay_verdict *verdict;
    const char *email;

    (void)state;
    assert_int_equal(assay_ask(assay, &question, &verdict), 0);
    assert_int_equal(assay_verdict_claim_string(verdict, "/email", &email), ASSAY_E_NO_CLAIM);
    assay_verdict_free(verdict);
    assert_int_equal(atomic_load(&manner.claims_asked), 0);
    question.what |= ASSAY_ASK_CLAIMS;
    assert_int_equal(assay_ask(assay, &question, &verdict), 0);
    assert_int_equal(assay_verdict_claim_string(verdict, "/email", &email), 0);
    assert_string_equal(email, "a@example.com");
    assay_verdict_free(verdict);
    question.resource = "/no";
    assert_int_equal(assay_ask(assay, &question, &verdict), ASSAY_E_REFUSED); /* 403: the token is good all the same */
    assert_int_equal(assay_verdict_claim_string(verdict, "/email", &email), 0);
    assay_verdict_free(verdict);
    manner.stranger = true;
    assert_int_equal(assay_ask(assay, &question, &verdict), ASSAY_E_REFUSED);
    assert_int_equal(assay_verdict_claim_string(verdict, "/email", &email), ASSAY_E_NO_CLAIM);
    assert_null(assay_verdict_issuer(verdict));
    assay_verdict_free(verdict);
    assert_int_equal(atomic_load(&manner.claims_asked), 3);
    question.what = ASSAY_ASK_VERIFY | ASSAY_ASK_CLAIMS;
    question.action = question.resource = NULL;
    assert_int_equal(ask(&question), 0);
    assert_int_equal(atomic_load(&manner.claims_asked), 3); /* verify has them anyway, and no such parameter */
}

#define ALLOW    "\xa5" "allow\xc3\xa6status\xcc\xc8\xa6reason\xc0\xa4rule\xa1r"
#define HOLDER   "\xa7subject\xa1s\xa5roles\x90\xa6issuer\xa1i\xaa" "expires_at\x07\xa6scopes\x90"
#define STRANGER "\xa7subject\xc0\xa5roles\x90\xa6issuer\xc0\xaa" "expires_at\xc0\xa6scopes\x90"
#define CLAIMS   "\xa6" "claims\x81\xa1x\x01"
#define NOCLAIMS "\xa6" "claims\xc0"

static int answered(const struct assay_question *question, const char *raw, size_t bytes)
{
    manner.raw = raw;
    manner.raw_bytes = bytes;
    int status = ask(question);

    manner.raw = NULL;
    return status;
}
#define ANSWERED(question, text) answered(question, text, sizeof(text) - 1)

static void claims_that_were_not_asked_for_or_are_missing_are_no_answer(void **state)
{
    struct assay_question with = authorize;

    (void)state;
    with.what |= ASSAY_ASK_CLAIMS;
    assert_int_equal(ANSWERED(&authorize, "\x89" ALLOW HOLDER), 0);
    assert_int_equal(ANSWERED(&authorize, "\x8a" ALLOW HOLDER CLAIMS), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&authorize, "\x8a" ALLOW HOLDER NOCLAIMS), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&authorize, "\x8a" ALLOW STRANGER NOCLAIMS), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&with, "\x8a" ALLOW HOLDER CLAIMS), 0);
    assert_int_equal(ANSWERED(&with, "\x8a" ALLOW STRANGER NOCLAIMS), 0);
    assert_int_equal(ANSWERED(&with, "\x89" ALLOW HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&with, "\x89" ALLOW STRANGER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&with, "\x8a" ALLOW HOLDER NOCLAIMS), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&with, "\x8a" ALLOW STRANGER CLAIMS), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&with, "\x8a" ALLOW HOLDER "\xa6" "claims\x90"), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&with, "\x8a" ALLOW HOLDER "\xa6" "claims\xa1x"), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED(&with, "\x8b" ALLOW HOLDER CLAIMS CLAIMS), ASSAY_E_PROTOCOL);
}

static void only_a_yes_is_true(void **state)
{
    (void)state;
    assert_true(assay_is_valid(assay, TOKEN, 5, "orders"));
    assert_true(assay_is_allowed(assay, TOKEN, 5, NULL, "GET", "/"));
    assert_false(assay_is_allowed(assay, TOKEN, 5, NULL, "GET", "/no"));
    assert_false(assay_is_valid(NULL, TOKEN, 5, NULL));
    assert_false(assay_is_valid(assay, NULL, 0, NULL));
    assert_false(assay_is_allowed(NULL, TOKEN, 5, NULL, "GET", "/"));
    assert_false(assay_is_allowed(assay, TOKEN, 5, NULL, NULL, "/"));
    assert_false(assay_is_allowed(assay, TOKEN, 5, NULL, "GET", NULL));
    assert_false(assay_is_allowed(assay, NULL, 5, NULL, "GET", "/"));
    manner.raw = "\x82\xa6" "active\xc2\xa6reason\xa1x";
    manner.raw_bytes = strlen(manner.raw);
    assert_false(assay_is_valid(assay, TOKEN, 5, NULL));
    assert_false(assay_is_allowed(assay, TOKEN, 5, NULL, "GET", "/"));
    fake_agent_hang_up(agent);
    manner.raw = "\xc1";
    manner.raw_bytes = 1;
    assert_false(assay_is_valid(assay, TOKEN, 5, NULL));
    assert_false(assay_is_allowed(assay, TOKEN, 5, NULL, "GET", "/"));
}

static void *ask_checks(void *unused)
{
    static const struct assay_check checks[] = {{"GET", "/a"}};
    const struct assay_question question = {QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = 1, .timeout_ms = 100};

    (void)ask(&question);
    pthread_testcancel();
    return unused;
}

/* It ends after the call, within its own time, and leaves nothing behind (which the sanitizer would tell). */
static void a_cancelled_thread_ends_after_its_call(void **state)
{
    pthread_t thread;
    void *end;

    (void)state;
    atomic_store(&manner.holds, true);
    int64_t start = monotonic_ns();

    assert_int_equal(pthread_create(&thread, NULL, ask_checks, NULL), 0);
    while (atomic_load(&manner.checks_asked) == 0)
        usleep(100);
    pthread_cancel(thread);
    assert_int_equal(pthread_join(thread, &end), 0);
    assert_ptr_equal(end, PTHREAD_CANCELED);
    assert_in_range((monotonic_ns() - start) / NS_PER_MS, 90, 3000);
    atomic_store(&manner.holds, false);
    assert_int_equal(ask(&verify), 0);
}

static void a_child_asks_by_itself(void **state)
{
    int status;

    (void)state;
    assert_int_equal(ask(&verify), 0);
    pid_t child = fork();

    if (child == 0)
        _exit(ask(&authorize) == 0 && ask(&verify) == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(ask(&authorize), 0);
    assert_int_equal(fake_agent_accepted(agent), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(each_kind_is_asked_for_by_name),
        TEST(what_is_not_a_question_is_not_asked),
        TEST(a_larger_question_is_taken_if_the_rest_is_zero),
        TEST(a_call_may_have_less_time_than_the_handle),
        cmocka_unit_test_setup_teardown(a_call_may_have_more_time_than_the_handle, set_up_short, tear_down),
        cmocka_unit_test_setup_teardown(a_short_connection_serves_a_long_call, set_up_short, tear_down),
        TEST(claims_come_only_where_they_are_asked_for),
        TEST(claims_that_were_not_asked_for_or_are_missing_are_no_answer),
        TEST(only_a_yes_is_true),
        TEST(a_cancelled_thread_ends_after_its_call),
        TEST(a_child_asks_by_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
