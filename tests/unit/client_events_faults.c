/* Every call into the system fails once under the calls that never wait: each question has one end all the same, which may be an
   error and is never a yes that was not given. The linker puts the functions here before libc's (--wrap). */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "failing_calls.h"
#include "fake_agent.h"

#define TOKEN "aaaa.bbbb.cccc"

static _Thread_local int reads, settings;
static bool no_life, no_fstat;

WRAP(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags + 0 * reads++), -1, ECONNRESET)
WRAP(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size), (fd, level, name, value, size), -1, EINVAL)
WRAP(int, fstat, (int fd, struct stat *found), (no_fstat ? -1 : fd, found), -1, EBADF)
WRAP(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
WRAP(int, madvise, (void *at, size_t size, int advice), (at, size, no_life ? -1 : advice), -1, EINVAL)
WRAP(int, epoll_create1, (int flags), (flags), -1, EMFILE)
WRAP(int, epoll_ctl, (int fd, int operation, int other, struct epoll_event *event), (fd, operation, other + 0 * settings++, event),
     -1, ENOSPC)
WRAP(int, timerfd_create, (int clock, int flags), (clock, flags), -1, EMFILE)
WRAP(int, timerfd_settime, (int fd, int flags, const struct itimerspec *when, struct itimerspec *before),
     (fd + 0 * settings++, flags, when, before), -1, EINVAL)

static bool is_ready(struct assay *assay)
{
    struct pollfd waiting = {.fd = descriptor_of(assay), .events = POLLIN};

    return waiting.fd >= 0 && poll(&waiting, 1, 2000) == 1;
}

/* Asks, and waits for what comes of it; 1: for nothing. */
static int ask(struct assay *assay, int round)
{
    struct assay_verdict *verdict = NULL;
    const char *token = round == 1 ? "another.token" : TOKEN;
    void *tag = NULL;
    int status = round == 2 ? assay_send_authorize(assay, token, strlen(token), NULL, "GET", "/", &round, &verdict)
                            : assay_send_verify(assay, token, strlen(token), NULL, &round, &verdict);

    if (status != ASSAY_E_PENDING) {
        verdict_agrees(verdict, status);
        assert_true(status != 0 && status != ASSAY_E_REFUSED);
        assay_verdict_free(verdict);
        assert_int_equal(assay_waiting(assay), 0);
        return status;
    }
    while ((status = assay_process(assay, &tag, &verdict)) == ASSAY_E_PENDING)
        if (!is_ready(assay))
            return 1;
    assert_ptr_equal(tag, &round);
    verdict_agrees(verdict, status);
    assert_int_not_equal(status, ASSAY_E_REFUSED);
    if (status == 0)
        assert_string_equal(assay_verdict_subject(verdict), token);
    assay_verdict_free(verdict);
    assert_int_equal(assay_process(assay, &tag, NULL), ASSAY_E_PENDING);
    assert_int_equal(assay_waiting(assay), 0);
    return status;
}

/* Three questions, the second after the agent was restarted, with the nth call failing; and a last one when all is well again. */
static int ask_often(struct fake_agent *agent, int nth)
{
    struct assay *assay = NULL;
    int errors = 0;

    failed = false;
    calls_left = nth;
    int opened = assay_open(&assay, fake_agent_path(agent), &fake_asked_always);

    for (int round = 0; opened == 0 && round < 3; round++) {
        int status = ask(assay, round);

        assert_true(status <= 0);
        errors += status != 0;
        if (round == 0)
            fake_agent_hang_up(agent);
    }
    calls_left = -1;
    bool has_life = opened == 0 && descriptor_of(assay) != ASSAY_E_NO_MEMORY;

    if (has_life)
        assert_int_equal(ask(assay, 0), 0);
    assay_close(assay);
    return errors + (opened != 0);
}

static void whatever_fails_each_question_has_its_end(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    int nth = 0, errors = 0;

    (void)state;
    do
        errors += ask_often(agent, nth++);
    while (failed);
    assert_true(nth > 40 && errors > 20);
    assert_int_equal(ask_often(agent, -1), 0);
    fake_agent_stop(agent);
}

/* One question is one read, and neither the timer nor what is watched is set for it. */
static void nothing_is_done_in_vain(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay;
    void *tag;

    (void)state;
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    assert_int_equal(ask(assay, 0), 0);
    reads = settings = 0;
    assert_int_equal(assay_send_verify(assay, TOKEN, strlen(TOKEN), NULL, NULL, NULL), ASSAY_E_PENDING);
    assert_true(is_ready(assay));
    assert_int_equal(assay_process(assay, &tag, NULL), 0);
    assert_int_equal(assay_process(assay, &tag, NULL), ASSAY_E_PENDING);
    assert_int_equal(reads, 1);
    assert_int_equal(settings, 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

/* Of a fork nobody would know. The calls that wait keep no connection then, and work. */
static void without_the_kernels_word_there_is_no_stream(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay;

    (void)state;
    no_life = true;
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    no_life = false;
    assert_int_equal(descriptor_of(assay), ASSAY_E_NO_MEMORY);
    assert_int_equal(assay_send_verify(assay, TOKEN, strlen(TOKEN), NULL, NULL, NULL), ASSAY_E_NO_MEMORY);
    assert_int_equal(assay_verify(assay, TOKEN, strlen(TOKEN), NULL, NULL), 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

/* A socket that could not be known again is not kept, and not lost either. */
static void no_descriptor_is_lost(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay;

    (void)state;
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    int next = dup(0);

    close(next);
    no_fstat = true;
    assert_int_equal(assay_verify(assay, TOKEN, strlen(TOKEN), NULL, NULL), ASSAY_E_UNREACHABLE);
    assert_int_equal(descriptor_of(assay), ASSAY_E_UNREACHABLE);
    no_fstat = false;
    int after = dup(0);

    close(after);
    assert_int_equal(after, next);
    assay_close(assay);
    fake_agent_stop(agent);
}

/* What could not be asked for want of memory holds no place. */
static void no_place_is_lost(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay;

    (void)state;
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    assert_int_equal(ask(assay, 0), 0);
    for (int i = 0; i < 5000; i++) {
        calls_left = 0;
        assert_int_equal(assay_send_verify(assay, TOKEN, strlen(TOKEN), NULL, NULL, NULL), ASSAY_E_NO_MEMORY);
        calls_left = -1;
    }
    assert_int_equal(ask(assay, 0), 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_fails_each_question_has_its_end),
        cmocka_unit_test(nothing_is_done_in_vain),
        cmocka_unit_test(without_the_kernels_word_there_is_no_stream),
        cmocka_unit_test(no_descriptor_is_lost),
        cmocka_unit_test(no_place_is_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
