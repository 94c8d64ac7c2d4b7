/* The arguments of assay_open() and assay_verify(): missing and too long ones are refused, options have a size. The versions of the
   header and of the library agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "client/sized.h"
#include "fake_agent.h"

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
        cmocka_unit_test(arguments_that_are_missing_are_told),
        cmocka_unit_test(options_have_a_size),
        cmocka_unit_test(the_versions_agree),
        cmocka_unit_test(a_token_that_cannot_be_sent_is_a_no),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
