/* assay_verify() takes only a whole and exact answer for a yes: malformed, truncated, late and too long ones are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "scripted_agent.h"

static int verify_scripted(const struct script *script)
{
    struct fake_agent *agent = fake_agent_start(say, (void *)script, 0);
    struct assay_verdict *verdict = (struct assay_verdict *)1;
    int status = verify_at(fake_agent_path(agent), 5000, &verdict);

    verdict_agrees(verdict, status);
    assay_verdict_free(verdict);
    fake_agent_stop(agent);
    return status;
}

#define SAYS(text) verify_scripted(&(struct script){text, sizeof(text) - 1, FAKE_SEND, false})

#define HEAD   "\x94\x01\x00\xc0"
#define ISSUER "\xa6issuer\xa1i"
#define EXPIRES                                                                                                                    \
    "\xaa"                                                                                                                         \
    "expires_at\x07"
#define CLAIMS                                                                                                                     \
    "\xa6"                                                                                                                         \
    "claims\x80"
#define ACTIVE                                                                                                                     \
    "\xa6"                                                                                                                         \
    "active\xc3"
#define INACTIVE                                                                                                                   \
    "\xa6"                                                                                                                         \
    "active\xc2"
#define REASON                                                                                                                     \
    "\xa6reason\xa7"                                                                                                               \
    "expired"

static void only_a_whole_and_exact_yes_is_one(void **state)
{
    (void)state;
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE CLAIMS ISSUER EXPIRES), 0);
    assert_int_equal(SAYS(HEAD "\x85" ACTIVE CLAIMS ISSUER EXPIRES "\xa6reason\xc0"), 0);
    assert_int_equal(SAYS(HEAD "\x85" ACTIVE CLAIMS ISSUER EXPIRES "\xa5later\x93\x01\x02\x03"), 0); /* later versions say more */
    assert_int_equal(SAYS(HEAD "\x82" INACTIVE REASON), ASSAY_E_REFUSED);
}

static void what_is_nearly_a_yes_is_none(void **state)
{
    (void)state;
    assert_int_equal(SAYS(HEAD "\x84\xa6"
                               "active\x01" CLAIMS ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84\xa6"
                               "active\xa4true" CLAIMS ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84\xa6"
                               "active\xc0" CLAIMS ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84\xa6"
                               "active\x91\xc3" CLAIMS ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x83" CLAIMS ISSUER EXPIRES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x83" ACTIVE ISSUER EXPIRES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x83" ACTIVE CLAIMS EXPIRES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x83" ACTIVE CLAIMS ISSUER), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE "\xa6"
                               "claims\xc0" ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE "\xa6"
                               "claims\x90" ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE CLAIMS ISSUER "\xaa"
                               "expires_at\xff"),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x85" ACTIVE CLAIMS ISSUER EXPIRES REASON), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x85" INACTIVE ACTIVE CLAIMS ISSUER EXPIRES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x85" ACTIVE INACTIVE CLAIMS ISSUER EXPIRES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\xc3"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\xc0"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x91\xc3"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x80"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x81" INACTIVE), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x82" INACTIVE "\xa6reason\xc0"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x82" INACTIVE "\xa6reason\xa0"), ASSAY_E_PROTOCOL);
}

static void claims_that_a_c_string_would_misread_are_refused(void **state)
{
    (void)state;
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE "\xa6"
                               "claims\x81\xa3sub\xa7"
                               "admin\0x" ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE "\xa6"
                               "claims\x81\xa5sub\0x\xa1"
                               "a" ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE "\xa6"
                               "claims\x81\xa3sub\xa1\xff" ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE "\xa6"
                               "claims\x81\x01\xa1x" ISSUER EXPIRES),
                     ASSAY_E_PROTOCOL);
}

static void an_answer_has_one_shape(void **state)
{
    (void)state;
    assert_int_equal(SAYS("\x93\x01\x00\xc0"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x95\x01\x00\xc0\x80\x80"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x94\x00\x00\xc0\x84" ACTIVE CLAIMS ISSUER EXPIRES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x94\x01\x00\xc2\x84" ACTIVE CLAIMS ISSUER EXPIRES), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS(HEAD "\x84" ACTIVE CLAIMS ISSUER EXPIRES HEAD), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\xc1\xc1\xc1\xc1"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("HTTP/1.1 200 OK\r\n\r\n"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x94\x01\x00\xdd\xff\xff\xff\xff"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x94\x01\x00\xc0\xdf\xff\xff\xff\xff"), ASSAY_E_PROTOCOL);
}

static void an_answer_to_another_request_is_none(void **state)
{
    static const char yes[] = HEAD "\x84" ACTIVE CLAIMS ISSUER EXPIRES;

    (void)state;
    assert_int_equal(verify_scripted(&(struct script){yes, sizeof yes - 1, FAKE_SEND, true}), ASSAY_E_PROTOCOL);
}

static void the_agents_errors_are_neither_yes_nor_no(void **state)
{
    (void)state;
    assert_int_equal(SAYS("\x94\x01\x00\x92\x01\xa1x\xc0"), ASSAY_E_BAD_REQUEST);
    assert_int_equal(SAYS("\x94\x01\x00\x92\x07\xa1x\xc0"), ASSAY_E_KEYS_STALE);
    assert_int_equal(SAYS("\x94\x01\x00\x92\x0a\xa1x\xc0"), ASSAY_E_INTERNAL);
    assert_int_equal(SAYS("\x94\x01\x00\x92\x0b\xa1x\xc0"), ASSAY_E_PROTOCOL); /* not known */
    assert_int_equal(SAYS("\x94\x01\x00\x92\x00\xa1x\xc0"), ASSAY_E_PROTOCOL); /* not nil, and 0 */
    assert_int_equal(SAYS("\x94\x01\x00\x92\xff\xa1x\xc0"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x94\x01\x00\x91\x01\xc0"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x94\x01\x00\x92\x01\x01\xc0"), ASSAY_E_PROTOCOL);
    assert_int_equal(SAYS("\x94\x01\x00\x92\x01\xa1x\x84" ACTIVE CLAIMS ISSUER EXPIRES), ASSAY_E_PROTOCOL); /* and a result */
}

static void an_answer_cut_anywhere_is_no_yes(void **state)
{
    static const char yes[] = HEAD "\x84" ACTIVE CLAIMS ISSUER EXPIRES;

    (void)state;
    for (size_t size = 0; size < sizeof yes - 1; size++)
        assert_int_equal(verify_scripted(&(struct script){yes, size, FAKE_SEND_AND_CLOSE, false}),
                         size == 0 ? ASSAY_E_UNREACHABLE : ASSAY_E_PROTOCOL);
    assert_int_equal(verify_scripted(&(struct script){yes, sizeof yes - 1, FAKE_SEND_AND_CLOSE, false}), 0);
    assert_int_equal(verify_scripted(&(struct script){yes, sizeof yes - 1, FAKE_SEND_BY_BYTES, false}), 0);
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void the_timeout_is_the_whole_calls(void **state)
{
    static const char half[] = HEAD "\x84" ACTIVE;
    const struct script scripts[] = {{half, 0, FAKE_HOLD, false}, {half, sizeof half - 1, FAKE_SEND, false}};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fake_agent *agent = fake_agent_start(say, (void *)&scripts[i], 0);
        struct assay_verdict *verdict;
        int64_t start = now_ms();

        assert_int_equal(verify_at(fake_agent_path(agent), 100, &verdict), ASSAY_E_TIMEOUT);
        verdict_agrees(verdict, ASSAY_E_TIMEOUT);
        assay_verdict_free(verdict);
        assert_in_range(now_ms() - start, 99, 3000);
        fake_agent_stop(agent);
    }
}

/* A claim of so many bytes, so that the whole answer has exactly `whole` of them. */
static enum fake_action say_long(void *context, const struct fake_request *request, struct wire_writer *out)
{
    size_t whole = *(size_t *)context;
    static char filler[300000];

    memset(filler, 'x', sizeof filler);
    fake_answer(out, request->msgid);
    wire_put_map(out, 4);
    wire_put_raw(out, ACTIVE ISSUER EXPIRES, sizeof(ACTIVE ISSUER EXPIRES) - 1);
    wire_put_raw(out,
                 "\xa6"
                 "claims\x81\xa1l",
                 10);
    size_t rest = whole - wire_written(out);

    wire_put_str(out, filler, rest - (rest > UINT16_MAX + 3 ? 5 : 3));
    return FAKE_SEND;
}

static void answers_up_to_the_limit_are_read_and_longer_ones_refused(void **state)
{
    const struct {
        size_t size;
        int status;
    } cases[] = {{4095, 0}, {4096, 0}, {4097, 0}, {66560, 0}, {66561, ASSAY_E_PROTOCOL}, {200000, ASSAY_E_PROTOCOL}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size;
        struct fake_agent *agent = fake_agent_start(say_long, &size, 0);

        assert_int_equal(verify_at(fake_agent_path(agent), 5000, NULL), cases[i].status);
        fake_agent_stop(agent);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_and_exact_yes_is_one),
        cmocka_unit_test(what_is_nearly_a_yes_is_none),
        cmocka_unit_test(claims_that_a_c_string_would_misread_are_refused),
        cmocka_unit_test(an_answer_has_one_shape),
        cmocka_unit_test(an_answer_to_another_request_is_none),
        cmocka_unit_test(the_agents_errors_are_neither_yes_nor_no),
        cmocka_unit_test(an_answer_cut_anywhere_is_no_yes),
        cmocka_unit_test(the_timeout_is_the_whole_calls),
        cmocka_unit_test(answers_up_to_the_limit_are_read_and_longer_ones_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
