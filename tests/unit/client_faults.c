/* Every call into the system fails once: whatever fails, the answer may be an error and is never a yes that was not given.
   The linker puts the functions here before libc's (--wrap), for the library and for this file alone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "failing_calls.h"
#include "fake_agent.h"

#define TOKEN "aaaa.bbbb.cccc"

WRAP(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags), -1, ECONNRESET)
WRAP(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size), (fd, level, name, value, size), -1, EINVAL)
WRAP(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size), (fd, level, name, value, size), -1, EINVAL)
WRAP(int, fstat, (int fd, struct stat *found), (fd, found), -1, EBADF)
WRAP(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
WRAP(int, madvise, (void *at, size_t size, int advice), (at, size, advice), -1, EINVAL)

#define DENIED                                                                                                                     \
    "\x89\xa5"                                                                                                                     \
    "allow\xc2\xa6status\xcd\x01\x91\xa6reason\xa7"                                                                                \
    "expired\xa4rule\xc0\xa7subject\xc0\xa5roles\x90\xa6issuer\xc0\xaa"                                                           \
    "expires_at\xc0\xa6scopes\x90"

static enum fake_action refuse(void *context, const struct fake_request *request, struct wire_writer *out)
{
    (void)context;
    fake_answer(out, request->msgid);
    if (wire_is(&request->method, "authorize")) {
        wire_put_raw(out, DENIED, sizeof DENIED - 1);
        return FAKE_SEND;
    }
    wire_put_map(out, 2);
    wire_put_text(out, "active");
    wire_put_bool(out, false);
    wire_put_text(out, "reason");
    wire_put_text(out, "expired");
    return FAKE_SEND;
}

enum method { VERIFY, AUTHORIZE };

static int call(struct assay *assay, enum method method, struct assay_verdict **ret)
{
    if (method == AUTHORIZE)
        return assay_authorize(assay, TOKEN, strlen(TOKEN), NULL, "GET", "/orders", ret);
    return assay_verify(assay, TOKEN, strlen(TOKEN), NULL, ret);
}

/* Opens, asks twice (the second time over the connection of the first), and looks a claim up, with the nth call failing. */
static int ask(const struct fake_agent *agent, enum method method, int nth)
{
    struct assay *assay = NULL;
    struct assay_verdict *verdict = NULL;
    const char *text;

    failed = false;
    calls_left = nth;
    int status = assay_open(&assay, fake_agent_path(agent), &fake_asked_always);

    for (int i = 0; status == 0 && i < 2; i++) {
        assay_verdict_free(verdict);
        status = call(assay, method, &verdict);
        verdict_agrees(verdict, status); /* one failure leaves memory for saying so */
    }
    if (status == 0 && method == VERIFY)
        status = assay_verdict_claim_json(verdict, "", &text);
    calls_left = -1;
    assay_verdict_free(verdict);
    assay_close(assay);
    return status;
}

static void whatever_fails_a_yes_is_the_agents(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);

    (void)state;
    for (enum method method = VERIFY; method <= AUTHORIZE; method++) {
        int nth = 0, errors = 0;

        do {
            int status = ask(agent, method, nth++);

            assert_true(status <= 0 && status != ASSAY_E_REFUSED);
            errors += status != 0;
        } while (failed);
        assert_true(errors > 5 && nth > errors);
    }
    fake_agent_stop(agent);
}

static void whatever_fails_a_no_is_no_yes(void **state)
{
    struct fake_agent *agent = fake_agent_start(refuse, NULL, 0);

    (void)state;
    for (enum method method = VERIFY; method <= AUTHORIZE; method++) {
        int nth = 0, status;

        do
            assert_true((status = ask(agent, method, nth++)) < 0);
        while (failed);
        assert_int_equal(status, ASSAY_E_REFUSED);
    }
    fake_agent_stop(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_a_yes_is_the_agents),
        cmocka_unit_test(whatever_fails_a_no_is_no_yes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
