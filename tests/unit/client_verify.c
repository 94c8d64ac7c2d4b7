/* assay_verify() against an agent that answers well, badly, half, late and not at all. Only one of these is a yes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "client/sized.h"
#include "fake_agent.h"

#define TOKEN "aaaa.bbbb.cccc"

/* What the agent says to a request: whole messages in MessagePack, with the byte after "\x94\x01" replaced by the msgid. */
struct script {
    const char *bytes;
    size_t size;
    enum fake_action action;
    bool other_msgid;
};

static enum fake_action say(void *context, const struct fake_request *request, struct wire_writer *out)
{
    const struct script *script = context;

    for (size_t i = 0; i < script->size; i++) {
        uint8_t byte = (uint8_t)script->bytes[i];

        if (i == 2)
            byte = (uint8_t)(request->msgid + (script->other_msgid ? 1 : 0));
        wire_put_raw(out, &byte, 1);
    }
    return script->action;
}

static int verify_at(const char *path, unsigned timeout_ms, struct assay_verdict **ret)
{
    struct assay_options options = {.size = sizeof options, .timeout_ms = timeout_ms, .cache_bytes = ASSAY_NO_CACHE};
    struct assay *assay;

    assert_int_equal(assay_open(&assay, path, &options), 0);
    int status = assay_verify(assay, TOKEN, strlen(TOKEN), "orders", ret);

    assay_close(assay);
    return status;
}

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
    assert_null(assay_verdict_text(NULL));
    assert_int_equal(assay_verdict_errno(NULL), 0);
    assert_int_equal(assay_verdict_expires_at(NULL), 0);
    assert_int_equal(assay_verdict_claim_string(NULL, "/sub", &text), ASSAY_E_NO_CLAIM);
    assay_verdict_free(NULL);
    assay_close(NULL);
}

static void arguments_that_are_missing_are_told(void **state)
{
    char long_path[200];
    char audience[5000];
    struct assay *assay;

    (void)state;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    memset(audience, 'a', sizeof audience - 1);
    audience[sizeof audience - 1] = '\0';
    assert_int_equal(assay_open(NULL, NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_open(&assay, long_path, NULL), ASSAY_E_ARGUMENT);
    assert_null(assay);
    long_path[108] = '\0'; /* one too many: the kernel's field has 108, with the NUL */
    assert_int_equal(assay_open(&assay, long_path, NULL), ASSAY_E_ARGUMENT);
    long_path[107] = '\0';
    assert_int_equal(assay_open(&assay, long_path, NULL), 0);
    assert_int_equal(assay_verify(NULL, "t", 1, NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verify(assay, NULL, 0, NULL, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verify(assay, "t", 1, audience, NULL), ASSAY_E_ARGUMENT);
    assert_int_equal(assay_verify(assay, "t", 1, NULL, NULL), ASSAY_E_UNREACHABLE);
    assay_close(assay);
}

/* One of a later version is taken where it asks for nothing that is not known here. */
static void options_have_a_size(void **state)
{
    struct {
        struct assay_options options;
        unsigned char later[SIZED_BYTES_MAX];
    } given = {.options = {.size = sizeof(struct assay_options), .timeout_ms = 50}};
    struct assay_options forgotten = {.timeout_ms = 50};
    struct assay *assay;

    (void)state;
    assert_int_equal(assay_open(&assay, "/nonexistent/s", &forgotten), ASSAY_E_ARGUMENT);
    assert_null(assay);
    const size_t wrong[] = {1, sizeof given.options - 1, SIZED_BYTES_MAX + 1, SIZE_MAX};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        given.options.size = wrong[i];
        assert_int_equal(assay_open(&assay, "/nonexistent/s", &given.options), ASSAY_E_ARGUMENT);
    }
    const size_t right[] = {sizeof given.options, sizeof given.options + 1, SIZED_BYTES_MAX};

    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        given.options.size = right[i];
        assert_int_equal(assay_open(&assay, "/nonexistent/s", &given.options), 0);
        assay_close(assay);
    }
    given.later[sizeof given.later - sizeof given.options - 1] = 1; /* the last one of those that are looked at */
    assert_int_equal(assay_open(&assay, "/nonexistent/s", &given.options), ASSAY_E_ARGUMENT);
    given.options.size--;
    assert_int_equal(assay_open(&assay, "/nonexistent/s", &given.options), 0);
    assay_close(assay);
}

static void the_versions_agree(void **state)
{
    char text[32];

    (void)state;
    snprintf(text, sizeof text, "%d.%d.%d", ASSAY_VERSION_NUMBER >> 16, ASSAY_VERSION_NUMBER >> 8 & 0xff, ASSAY_VERSION_NUMBER & 0xff);
    assert_string_equal(text, ASSAY_VERSION);
    assert_string_equal(assay_version(), ASSAY_VERSION);
    assert_int_equal(assay_version_number(), ASSAY_VERSION_NUMBER);
}

static void a_token_that_cannot_be_sent_is_a_no(void **state)
{
    static char token[70000];
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay_verdict *verdict;
    struct assay *assay;

    (void)state;
    memset(token, 't', sizeof token);
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    assert_int_equal(assay_verify(assay, token, 61184, NULL, &verdict), 0); /* the agent says what is too large */
    assay_verdict_free(verdict);
    assert_int_equal(assay_verify(assay, token, 61185, NULL, &verdict), ASSAY_E_REFUSED);
    assert_string_equal(assay_verdict_reason(verdict), "too_large");
    assert_int_equal(assay_verdict_http_status(verdict), 401);
    assay_verdict_free(verdict);
    assert_int_equal(fake_agent_requests(agent), 1);
    assay_close(assay);
    fake_agent_stop(agent);
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
        cmocka_unit_test(a_verdict_has_what_the_agent_said),
        cmocka_unit_test(what_is_undecided_says_why),
        cmocka_unit_test(nothing_is_no_verdict),
        cmocka_unit_test(arguments_that_are_missing_are_told),
        cmocka_unit_test(options_have_a_size),
        cmocka_unit_test(the_versions_agree),
        cmocka_unit_test(a_token_that_cannot_be_sent_is_a_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
