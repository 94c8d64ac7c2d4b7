/* Many checks in one question: 0 only if every one of them is a yes, each has its own verdict, and none has another's. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/limits.h"
#include "question_agent.h"

static struct assay_question several(const struct assay_check *checks, size_t count)
{
    return (struct assay_question){QUESTION, .what = ASSAY_ASK_AUTHORIZE, .checks = checks, .check_count = count};
}

/* Every check has what it should, and what the token says; and there is none behind the last. */
static void verdicts_are(const struct assay_verdict *verdict, const char *wanted)
{
    size_t count = strlen(wanted);

    for (size_t i = 0; i < count; i++) {
        const struct assay_verdict *one = assay_verdict_check(verdict, i);
        bool yes = wanted[i] == 'y';

        assert_non_null(one);
        verdict_agrees(one, yes ? 0 : ASSAY_E_REFUSED);
        assert_true((assay_verdict_rule(one) != NULL) == yes);
        assert_string_equal(assay_verdict_subject(one), "alice");
        assert_string_equal(assay_verdict_role(one, 0), "user");
        assert_string_equal(assay_verdict_issuer(one), "i");
        assert_int_equal(assay_verdict_expires_at(one), 7);
        assert_null(assay_verdict_check(one, 0));
    }
    assert_null(assay_verdict_check(verdict, count));
    assert_null(assay_verdict_check(verdict, SIZE_MAX));
}

static void zero_means_that_all_are_allowed(void **state)
{
    static const struct assay_check checks[] = {{"GET", "/a"}, {"GET", "/no/1"}, {"PUT", "/b"}, {"GET", "/no/2"}};
    static const struct {
        size_t from, count;
        const char *wanted;
    } cases[] = {{0, 1, "y"}, {1, 1, "n"}, {0, 2, "yn"}, {1, 2, "ny"}, {2, 1, "y"}, {0, 4, "ynyn"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct assay_question question = several(checks + cases[i].from, cases[i].count);
        int expected = strchr(cases[i].wanted, 'n') != NULL ? ASSAY_E_REFUSED : 0;
        struct assay_verdict *verdict;

        assert_int_equal(assay_ask(assay, &question, &verdict), expected);
        verdict_agrees(verdict, expected);
        verdicts_are(verdict, cases[i].wanted);
        assert_null(assay_verdict_rule(verdict));
        assay_verdict_free(verdict);
        assert_int_equal(assay_ask(assay, &question, NULL), expected);
    }
}

/* A part of a verdict is not freed by itself, and what it gives lives as long as the whole. */
static void a_part_belongs_to_its_whole(void **state)
{
    static const struct assay_check checks[] = {{"GET", "/a"}, {"GET", "/b"}};
    struct assay_question question = several(checks, 2);
    struct assay_verdict *verdict;
    const char *first, *second, *email;

    (void)state;
    question.what |= ASSAY_ASK_CLAIMS;
    assert_int_equal(assay_ask(assay, &question, &verdict), 0);
    assert_int_equal(assay_verdict_claim_json(assay_verdict_check(verdict, 0), "", &first), 0);
    assert_int_equal(assay_verdict_claim_json(verdict, "", &second), 0);
    assert_ptr_equal(first, second);
    assay_verdict_free((struct assay_verdict *)assay_verdict_check(verdict, 1));
    assert_int_equal(assay_verdict_claim_string(assay_verdict_check(verdict, 1), "/email", &email), 0);
    assert_string_equal(email, "a@example.com");
    assay_verdict_free(verdict);
    assert_null(assay_verdict_check(NULL, 0));
}

static void there_are_1_to_256(void **state)
{
    static struct assay_check checks[CHECKS_MAX + 1];
    struct assay_question question = several(checks, 0);
    struct assay_verdict *verdict;
    char wanted[CHECKS_MAX + 1];

    (void)state;
    for (size_t i = 0; i <= CHECKS_MAX; i++)
        checks[i] = (struct assay_check){"GET", i % 3 == 2 ? "/no" : "/yes"};
    for (size_t i = 0; i < CHECKS_MAX; i++)
        wanted[i] = i % 3 == 2 ? 'n' : 'y';
    wanted[CHECKS_MAX] = '\0';
    assert_int_equal(ask(&question), ASSAY_E_ARGUMENT);
    question.check_count = CHECKS_MAX;
    assert_int_equal(assay_ask(assay, &question, &verdict), ASSAY_E_REFUSED);
    verdicts_are(verdict, wanted);
    assay_verdict_free(verdict);
    question.check_count = CHECKS_MAX + 1;
    assert_int_equal(ask(&question), ASSAY_E_ARGUMENT);
    assert_int_equal(fake_agent_requests(agent), 1);
}

/* The largest that fits into one request is sent, and one byte more is told before it is. */
static void what_does_not_fit_into_a_request_is_told(void **state)
{
    static char token[100000], action[ACTION_BYTES_MAX + 2], audience[AUDIENCE_BYTES_MAX + 2], resource[60000];
    struct assay_check checks[] = {{action, "/a"}, {"GET", resource}};
    struct assay_question question = several(checks, 2);
    size_t most = 0;

    (void)state;
    memset(token, 't', sizeof token);
    memset(action, 'a', ACTION_BYTES_MAX);
    memset(audience, 'a', AUDIENCE_BYTES_MAX);
    question.token = token;
    question.token_bytes = sizeof token; /* it is cut, beyond what an agent accepts */
    question.audience = audience;
    for (size_t bytes = sizeof resource - 1; bytes > 0 && most == 0; bytes -= 97) {
        memset(resource, 'x', bytes);
        resource[bytes] = '\0';
        resource[0] = '/';
        if (ask(&question) == 0)
            most = bytes;
    }
    assert_in_range(most, 1000, 40000);
    assert_in_range(manner.longest, 40000, REQUEST_BYTES_MAX);
    assert_int_equal(fake_agent_requests(agent), 1);
    question.token_bytes = 5;
    struct assay_check many[64];

    for (size_t i = 0; i < 64; i++)
        many[i] = checks[1];
    resource[1100] = '\0';
    question.checks = many;
    question.check_count = 64; /* 70 KiB */
    assert_int_equal(ask(&question), ASSAY_E_ARGUMENT);
    question.check_count = 50;
    assert_int_equal(ask(&question), 0);
    question.check_count = 1;
    audience[AUDIENCE_BYTES_MAX] = 'a';
    assert_int_equal(ask(&question), ASSAY_E_ARGUMENT);
    assert_int_equal(fake_agent_requests(agent), 2);
    assert_in_range(manner.longest, 40000, REQUEST_BYTES_MAX);
}

#define ALLOW    "\x84\xa5" "allow\xc3\xa6status\xcc\xc8\xa6reason\xc0\xa4rule\xa1r"
#define DENY     "\x84\xa5" "allow\xc2\xa6status\xcd\x01\x93\xa6reason\xa1x\xa4rule\xc0"
#define HOLDER   "\xa7subject\xa1s\xa5roles\x90\xa6issuer\xa1i\xaa" "expires_at\x07\xa6scopes\x90"
#define HOLDER_4 "\xa7subject\xa1s\xa5roles\x90\xa6issuer\xa1i\xa6scopes\x90"
#define TWO(a, b) "\xa9" "decisions\x92" a b

static int answered(const char *raw, size_t bytes)
{
    static const struct assay_check checks[] = {{"GET", "/a"}, {"GET", "/b"}};
    const struct assay_question question = several(checks, 2);

    manner.raw = raw;
    manner.raw_bytes = bytes;
    return ask(&question);
}
#define ANSWERED(text) answered(text, sizeof(text) - 1)

static void what_is_nearly_an_answer_is_none(void **state)
{
    (void)state;
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, ALLOW) HOLDER), 0);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, DENY) HOLDER), ASSAY_E_REFUSED);
    assert_int_equal(ANSWERED("\x86" TWO(DENY, ALLOW) HOLDER), ASSAY_E_REFUSED);
    assert_int_equal(ANSWERED("\x86\xa9" "decisions\x90" HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86\xa9" "decisions\x91" ALLOW HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86\xa9" "decisions\x93" ALLOW ALLOW ALLOW HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\xc3") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\x80") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\xa3" "abc") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\x92\x01\x02") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\x91" ALLOW) HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(DENY, "\x80") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\x85\xa5" "allow\xc3\xa5" "allow\xc3\xa6status\xcc\xc8\xa6reason\xc0\xa4rule\xa1r") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\x84\xa5" "allow\xc3\xa6status\xcc\xc8\xa6reason\xc0\xa4rule\xc0") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86" TWO(ALLOW, "\x84\xa5" "allow\xc3\xa6status\xcd\x01\x93\xa6reason\xc0\xa4rule\xa1r") HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x87\xa5" "allow\xc3" TWO(ALLOW, ALLOW) HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x85" TWO(ALLOW, ALLOW) HOLDER_4), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x85" HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x86\xa9" "decisions\x81" ALLOW ALLOW HOLDER), ASSAY_E_PROTOCOL);
    assert_int_equal(ANSWERED("\x89\xa5" "allow\xc3\xa6status\xcc\xc8\xa6reason\xc0\xa4rule\xa1r" HOLDER), ASSAY_E_PROTOCOL); /* to one question */
}

/* Without waiting: the same, and the checks need not live on. */
static void they_are_asked_without_waiting_too(void **state)
{
    struct assay_check *checks = calloc(2, sizeof *checks);
    struct assay_question question = several(checks, 2);
    struct assay_verdict *verdict;
    char resource[] = "/no";
    void *tag;
    int status;

    (void)state;
    assert_non_null(checks);
    checks[0] = (struct assay_check){"GET", "/yes"};
    checks[1] = (struct assay_check){"GET", resource};
    question.what |= ASSAY_ASK_CLAIMS;
    assert_int_equal(assay_send(assay, &question, &question, &verdict), ASSAY_E_PENDING);
    assert_null(verdict);
    memset(resource, 'x', sizeof resource - 1);
    memset(checks, 0, 2 * sizeof *checks);
    free(checks);
    while ((status = assay_process(assay, &tag, &verdict)) == ASSAY_E_PENDING)
        continue;
    assert_int_equal(status, ASSAY_E_REFUSED);
    assert_ptr_equal(tag, &question);
    verdicts_are(verdict, "yn");
    assay_verdict_free(verdict);
    assert_int_equal(atomic_load(&manner.claims_asked), 1);
    manner.less = 1;
    checks = calloc(1, 2 * sizeof *checks);
    assert_non_null(checks);
    checks[0] = checks[1] = (struct assay_check){"GET", "/yes"};
    question.checks = checks;
    assert_int_equal(assay_send(assay, &question, &question, NULL), ASSAY_E_PENDING);
    free(checks);
    while ((status = assay_process(assay, &tag, &verdict)) == ASSAY_E_PENDING)
        continue;
    assert_int_equal(status, ASSAY_E_PROTOCOL);
    verdict_agrees(verdict, status);
    assay_verdict_free(verdict);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(zero_means_that_all_are_allowed),
        TEST(a_part_belongs_to_its_whole),
        TEST(there_are_1_to_256),
        TEST(what_does_not_fit_into_a_request_is_told),
        TEST(what_is_nearly_an_answer_is_none),
        TEST(they_are_asked_without_waiting_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
