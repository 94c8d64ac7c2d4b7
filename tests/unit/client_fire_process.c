/* The library under fire from the program around it: forks, signals, and descriptors that are closed, reused or used up. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "asking.h"

/* Every number that a kept connection had is another socket's now: of somebody who would like to see a token. */
static void a_token_is_not_written_into_a_strangers_socket(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, 0);
    int status;

    (void)state;
    assert_int_equal(verify(assay), 0);
    pid_t child = fork();

    if (child == 0) {
        struct assay *own = open_at(agent, 0);
        int pair[2], strangers[64];
        char byte;
        bool well = verify(own) == 0;

        close_range(3, ~0U, 0);
        for (int i = 0; i < 64; i += 2) {
            well = well && socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0;
            strangers[i] = pair[0];
            strangers[i + 1] = pair[1];
        }
        well = well && verify(own) == 0 && verify(own) == 0;
        assay_close(own);
        for (int i = 0; i < 64; i++) /* they are open, and empty */
            well = well && recv(strangers[i], &byte, 1, 0) < 0 && errno == EAGAIN;
        _exit(well ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

static void parent_and_child_get_their_own_answers(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, 0);
    int status;

    (void)state;
    assert_int_equal(verify(assay), 0);
    pid_t child = fork();
    int wrong = 0;

    for (int i = 0; i < 500; i++)
        wrong += ask_for(assay, child == 0 ? "child" : "parent", i) != 0;
    if (child == 0)
        _exit(wrong == 0 ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(wrong, 0);
    assert_int_equal(fake_agent_accepted(agent), 2);
    assay_close(assay);
    fake_agent_stop(agent);
}

static atomic_ulong signals;

static void count_signal(int number)
{
    (void)number;
    atomic_fetch_add(&signals, 1);
}

/* Every wait is cut short by a signal, many times. */
static void a_storm_of_signals_changes_nothing(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, 0);
    struct sigaction act = {.sa_handler = count_signal}, old; /* without SA_RESTART */
    const struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};

    (void)state;
    assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    int wrong = 0;

    for (int i = 0; i < 20000 && (i < 2000 || atomic_load(&signals) < 100); i++)
        wrong += ask_for(assay, "storm", i) != 0;
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    assert_int_equal(wrong, 0);
    assert_true(atomic_load(&signals) >= 100);
    assay_close(assay);
    fake_agent_stop(agent);
}

static void an_agent_that_is_gone_raises_no_signal(void **state)
{
    struct sigaction fatal = {.sa_handler = SIG_DFL};
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, 0);

    (void)state;
    sigaction(SIGPIPE, &fatal, NULL);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(verify(assay), 0);
        fake_agent_hang_up(agent);
    }
    fake_agent_stop(agent);
    assert_int_equal(verify(assay), ASSAY_E_UNREACHABLE);
    assay_close(assay);
}

/* All descriptors up to a limit are taken, rather than the limit set to what is open: the agent's poll() fails where it waits for more
   descriptors than the process may have. */
static void without_descriptors_it_is_unreachable_and_then_well_again(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, 0);
    struct rlimit before, none;
    int taken[128], count = 0;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){128, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    while ((taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    for (int i = 0; i < 3; i++)
        assert_int_equal(verify(assay), ASSAY_E_UNREACHABLE);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(verify(assay), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(verify(assay), 0); /* a connection that is there needs no new one */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    while (count > 0)
        close(taken[--count]);
    assay_close(assay);
    fake_agent_stop(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_not_written_into_a_strangers_socket),
        cmocka_unit_test(parent_and_child_get_their_own_answers),
        cmocka_unit_test(a_storm_of_signals_changes_nothing),
        cmocka_unit_test(an_agent_that_is_gone_raises_no_signal),
        cmocka_unit_test(without_descriptors_it_is_unreachable_and_then_well_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
