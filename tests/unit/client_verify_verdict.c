/* The verdict of assay_verify(): of a yes it has the claims, and of a call without a decision the reason, the text and errno. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "scripted_agent.h"

static void a_verdict_has_what_the_agent_said(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay_verdict *verdict;
    const char *text;
    int64_t number;

    (void)state;
    assert_int_equal(verify_at(fake_agent_path(agent), 0, &verdict), 0);
    assert_true(assay_verdict_ok(verdict));
    assert_int_equal(assay_verdict_http_status(verdict), 200);
    assert_null(assay_verdict_reason(verdict));
    assert_string_equal(assay_verdict_subject(verdict), TOKEN);
    assert_string_equal(assay_verdict_issuer(verdict), "https://auth.example.com");
    assert_int_equal(assay_verdict_expires_at(verdict), 1900000000);
    assert_int_equal(assay_verdict_claim_string(verdict, "/sub", &text), 0);
    assert_string_equal(text, TOKEN);
    assert_int_equal(assay_verdict_claim_int(verdict, "/n", &number), 0);
    assert_int_equal(number, 1);
    assert_int_equal(assay_verdict_claim_json(verdict, "", &text), 0);
    assert_string_equal(text, "{\"sub\":\"" TOKEN "\",\"n\":1}");
    assert_int_equal(assay_verdict_claim_string(verdict, "/n", &text), ASSAY_E_CLAIM_TYPE);
    assert_int_equal(assay_verdict_claim_string(verdict, "/m", &text), ASSAY_E_NO_CLAIM);
    assert_int_equal(assay_verdict_claim_string(verdict, "sub", &text), ASSAY_E_ARGUMENT);
    assay_verdict_free(verdict);
    fake_agent_stop(agent);
}

/* What a call without a decision says: the reason, the words, and errno. */
static void says_why(const char *path, int status, const char *reason, const char *text, int error)
{
    struct assay_verdict *verdict = NULL;

    assert_int_equal(verify_at(path, 300, &verdict), status);
    verdict_agrees(verdict, status);
    assert_string_equal(assay_verdict_reason(verdict), reason);
    assert_non_null(strstr(assay_verdict_text(verdict), text));
    assert_null(strpbrk(assay_verdict_text(verdict), "\n\x1b\x7f\xff"));
    assert_int_equal(assay_verdict_errno(verdict), error);
    assay_verdict_free(verdict);
}

static void what_is_undecided_says_why(void **state)
{
    static const struct {
        struct script script;
        int status;
        const char *reason, *text;
    } cases[] = {
#define SCRIPT(text) {text, sizeof(text) - 1, FAKE_SEND, false}
        {SCRIPT("\x94\x01\x00\x92\x07\xaakeys: 3.2s\xc0"), ASSAY_E_KEYS_STALE, "keys_stale", "keys: 3.2s"},
        {SCRIPT("\x94\x01\x00\x92\x04\xa1r\xc0"), ASSAY_E_RATE_LIMITED, "rate_limited", "r"},
        {SCRIPT("\x94\x01\x00\x92\x63\xa6" "newer!\xc0"), ASSAY_E_PROTOCOL, "protocol", "newer!"}, /* not a number that is known here */
        {SCRIPT("\x94\x01\x00\x92\x03\xad" "a\nb\x1b" "c\x7f" "d\xc2\x85" "e\xff" "f\0\xc0"), ASSAY_E_FORBIDDEN, "forbidden", "a?b?c?d??e?f?"},
        {SCRIPT("\x94\x01\x00\x92\x03\xa6" "\xc3\xa9\xe2\x82\xac" "!\xc0"), ASSAY_E_FORBIDDEN, "forbidden", "\xc3\xa9\xe2\x82\xac!"},
        {SCRIPT("\xc1"), ASSAY_E_PROTOCOL, "protocol", "does not speak"},
        {{"", 0, FAKE_HOLD, false}, ASSAY_E_TIMEOUT, "timeout", "in time"},
    };
    const char *nobody = "/nonexistent/agent.sock";

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fake_agent *agent = fake_agent_start(say, (void *)&cases[i].script, 0);

        says_why(fake_agent_path(agent), cases[i].status, cases[i].reason, cases[i].text, 0);
        fake_agent_stop(agent);
    }
    says_why(nobody, ASSAY_E_UNREACHABLE, "unreachable", nobody, ENOENT);
    says_why("/dev/null/s", ASSAY_E_UNREACHABLE, "unreachable", "Not a directory", ENOTDIR);
}

static void nothing_is_no_verdict(void **state)
{
    const char *text;

    (void)state;
    assert_false(assay_verdict_ok(NULL));
    assert_int_equal(assay_verdict_http_status(NULL), 503);
    assert_null(assay_verdict_reason(NULL));
    assert_null(assay_verdict_subject(NULL));
    assert_null(assay_verdict_issuer(NULL));
    assert_null(assay_verdict_decision_id(NULL));
    assert_null(assay_verdict_text(NULL));
    assert_int_equal(assay_verdict_errno(NULL), 0);
    assert_int_equal(assay_verdict_expires_at(NULL), 0);
    assert_int_equal(assay_verdict_claim_string(NULL, "/sub", &text), ASSAY_E_NO_CLAIM);
    assay_verdict_free(NULL);
    assay_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_has_what_the_agent_said),
        cmocka_unit_test(what_is_undecided_says_why),
        cmocka_unit_test(nothing_is_no_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
