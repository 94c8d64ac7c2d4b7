/* The calls that never wait, and the process around them: forks, descriptors, threads. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/stream.h"
#include "fake_agent.h"
#include "hand_agent.h"

static int set_up(void **state)
{
    return both_start(state, 5000);
}

/* --- forks ------------------------------------------------------------------------------------------------------------------- */

static unsigned open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void child_ends_well(pid_t child)
{
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static int ask_and_wait(struct assay *assay, const char *token)
{
    struct assay_verdict *verdict;
    char tag;
    void *found;

    ask_about(assay, token, &tag);
    int status = next_end(assay, &found, &verdict);
    bool well = status == 0 && found == &tag && strcmp(assay_verdict_subject(verdict), token) == 0;

    assay_verdict_free(verdict);
    return well ? 0 : status != 0 ? status : 1;
}

/* The child has the agent to itself while the parent waits, and the parent's question is answered afterwards. */
static void a_child_has_questions_of_its_own(void **state)
{
    struct both *both = *state;
    struct hand_request request;
    void *tag;

    ask_about(both->assay, "parents", &both->tags[0]);
    request = read_one(both);
    pid_t child = fork();

    if (child == 0) {
        alarm(20);
        unsigned before = open_descriptors();
        bool well = assay_waiting(both->assay) == 0 && open_descriptors() == before - 4; /* the parent's are closed here */

        well = well && assay_process(both->assay, &tag, NULL) == ASSAY_E_PENDING && assay_cancel(both->assay, &both->tags[0]) == 0;
        both->agent->fd = -1; /* the parent's end is left as it is */
        for (int i = 0; i < 3; i++) {
            ask_about(both->assay, "childs", &both->tags[1]);
            struct hand_request own = read_one(both);

            hand_say_yes(both->agent, &own);
            well = well && end_of(both->assay, &both->tags[1], "childs") == 0;
        }
        well = well && open_descriptors() == before + 1; /* all four of its own, and the agent's end */
        assay_close(both->assay);
        _exit(well ? 0 : 1);
    }
    child_ends_well(child);
    assert_int_equal(assay_waiting(both->assay), 1);
    assert_false(is_ready(both->assay, 0));
    hand_say_yes(both->agent, &request);
    assert_true(is_ready(both->assay, 1000));
    assert_int_equal(end_of(both->assay, &both->tags[0], "parents"), 0);
    is_quiet(both);
}

/* What has come is for the parent, whichever call of the child's is the first. */
static void a_child_does_not_take_the_parents_answers(void **state)
{
    struct both *both = *state;
    struct hand_request request;
    void *tag;

    for (int call = 0; call < 5; call++) {
        ask_about(both->assay, "parents", &both->tags[0]);
        request = read_one(both);
        hand_say_yes(both->agent, &request);
        pid_t child = fork();

        if (child == 0) {
            alarm(20);
            bool well = call == 0   ? assay_process(both->assay, &tag, NULL) == ASSAY_E_PENDING && tag == NULL
                        : call == 1 ? assay_cancel(both->assay, &both->tags[0]) == 0
                        : call == 2 ? assay_waiting(both->assay) == 0
                        : call == 3 ? descriptor_of(both->assay) >= 0
                                    : assay_send_verify(both->assay, "t", 1, NULL, NULL, NULL) == ASSAY_E_PENDING;

            well = well && assay_process(both->assay, &tag, NULL) == ASSAY_E_PENDING;
            assay_close(both->assay);
            _exit(well ? 0 : 1);
        }
        child_ends_well(child);
        assert_true(is_ready(both->assay, 1000));
        assert_int_equal(end_of(both->assay, &both->tags[0], "parents"), 0);
        is_quiet(both);
    }
}

/* The child does not touch the handle, and holds the parent's descriptors open. */
static void a_child_that_looks_on_does_not_matter(void **state)
{
    struct both *both = *state;
    int wait[2];
    char byte = 'x';

    works(both);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wait), 0);
    pid_t child = fork();

    if (child == 0) {
        alarm(20);
        close(wait[1]);
        close(both->agent->fd); /* the agent's end is the parent's alone */
        bool well = write(wait[0], &byte, 1) == 1 && read(wait[0], &byte, 1) == 0;

        _exit(well ? 0 : 1);
    }
    close(wait[0]);
    assert_int_equal(read(wait[1], &byte, 1), 1);
    ask_about(both->assay, "t", both);
    read_one(both);
    hand_say(both->agent, "\xc1", 1); /* the parent closes the connection, */
    assert_int_equal(end_of(both->assay, both, NULL), ASSAY_E_PROTOCOL);
    is_quiet(both); /* and is not told of it for ever */
    hand_hang_up(both->agent);
    is_quiet(both);
    works(both);
    close(wait[1]);
    child_ends_well(child);
}

/* A daemon closes all descriptors and opens others, which then have the old numbers. Of every kind that could be taken for one. */
static void descriptors_that_are_others_now_are_left_alone(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay;

    (void)state;
    for (int kind = 0; kind < 4; kind++)
        for (int forked = 0; forked < 2; forked++) {
            pid_t child = fork();

            if (child != 0) {
                child_ends_well(child);
                continue;
            }
            alarm(20);
            bool well = assay_open(&assay, fake_agent_path(agent), &fake_asked_always) == 0 && ask_and_wait(assay, "before") == 0;
            pid_t grandchild = forked ? fork() : 0;

            if (grandchild != 0) {
                child_ends_well(grandchild);
                _exit(0);
            }
            close_range(3, ~0U, 0);
            for (int i = 3, pair[2]; i < 40; i++) {
                int fd = kind == 0   ? epoll_create1(EPOLL_CLOEXEC)
                         : kind == 1 ? timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)
                         : kind == 2 ? eventfd(0, EFD_CLOEXEC)
                                     : (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 ? pair[0] : -1);

                well = well && fd >= 3;
            }
            unsigned before = open_descriptors();

            well = well && ask_and_wait(assay, "after") == 0 && open_descriptors() == before + 4;
            assay_close(assay);
            _exit(well && open_descriptors() == before ? 0 : 1);
        }
    fake_agent_stop(agent);
}

/* The number is another's now: it is neither used nor closed. */
static void one_descriptor_that_is_anothers_is_left_alone(void **state)
{
    struct both *both = *state;

    works(both);
    const struct loop *loop = &both->assay->stream->loop;

    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        unsigned before = open_descriptors();
        int number = i == 0 ? loop->epoll_fd : loop->timer_fd,
            other = i == 0 ? epoll_create1(EPOLL_CLOEXEC) : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

        assert_int_equal(dup3(other, number, O_CLOEXEC), number);
        hand_hang_up(both->agent);
        ask_about(both->assay, "t", both);
        struct hand_request request = read_one(both);

        hand_say_yes(both->agent, &request);
        assert_true(is_ready(both->assay, 1000)); /* the new one */
        assert_int_equal(end_of(both->assay, both, "t"), 0);
        assert_int_not_equal(i == 0 ? loop->epoll_fd : loop->timer_fd, number);
        if (i == 0)
            assert_int_equal(epoll_wait(number, &event, 1, 0), 0);
        else
            assert_int_equal(eventfd_write(number, 1), 0);
        close(other);
        close(number);
        assert_int_equal(open_descriptors(), i == 0 ? before + 1 : before); /* without the instance the timer is not known again */
    }
    is_quiet(both);
}

/* Whether the question was asked before or after. */
static void nor_is_anothers_socket_talked_to(void **state)
{
    struct both *both = *state;

    for (int before = 0; before < 2; before++) {
        int pair[2];
        char byte = 'x';

        works(both);
        int number = both->assay->stream->connection->fd;

        if (before) {
            ask_about(both->assay, "t", both);
            read_one(both);
        }
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        assert_int_equal(write(pair[1], &byte, 1), 1);
        assert_int_equal(dup3(pair[0], number, O_CLOEXEC), number);
        hand_hang_up(both->agent);
        if (!before)
            ask_about(both->assay, "t", both);
        struct hand_request request = read_one(both);

        hand_say_yes(both->agent, &request);
        assert_int_equal(end_of(both->assay, both, "t"), 0);
        assert_int_equal(read(number, &byte, 1), 1); /* it is there, and nothing was written */
        assert_true(read(pair[1], &byte, 1) < 0 && errno == EAGAIN);
        close(number);
        close(pair[0]);
        close(pair[1]);
    }
}

static void no_descriptor_is_lost(void **state)
{
    struct both *both = *state;
    unsigned before = open_descriptors();

    for (int i = 0; i < 50; i++) {
        ask_about(both->assay, "t", both);
        read_one(both);
        hand_say(both->agent, "\xc1", 1);
        assert_int_equal(end_of(both->assay, both, NULL), ASSAY_E_PROTOCOL);
        hand_hang_up(both->agent);
    }
    assert_int_equal(open_descriptors(), before + 3); /* no connection */
    works(both);
    const struct stream *stream = both->assay->stream;
    const int fds[] = {stream->loop.epoll_fd, stream->loop.timer_fd, stream->loop.anchor_fd, stream->connection->fd};

    for (int i = 0; i < 4; i++)
        assert_int_equal(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
    hand_hang_up(both->agent);
    assay_close(both->assay);
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(assay_open(&both->assay, both->agent->path, &fake_asked_always), 0);
}

static void an_agent_that_is_gone_raises_no_signal(void **state)
{
    struct both *both = *state;

    signal(SIGPIPE, SIG_DFL);
    for (int i = 0; i < 20; i++) {
        works(both);
        hand_hang_up(both->agent);
    }
}

/* --- threads ----------------------------------------------------------------------------------------------------------------- */

#define CALLS 2000

static void *call_often(void *argument)
{
    struct assay *assay = argument;
    unsigned long wrong = 0;

    for (int i = 0; i < CALLS; i++)
        wrong += assay_verify(assay, "blocking", 8, NULL, NULL) != 0;
    return (void *)wrong;
}

static void other_threads_may_wait_for_answers_meanwhile(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay;
    pthread_t threads[4];
    int wrong = 0;

    (void)state;
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), &fake_asked_always), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, assay), 0);
    for (int i = 0; i < CALLS; i++)
        wrong += ask_and_wait(assay, "waiting.for.nobody") != 0;
    for (int i = 0; i < 4; i++) {
        void *result;

        pthread_join(threads[i], &result);
        assert_null(result);
    }
    assert_int_equal(wrong, 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, both_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_child_has_questions_of_its_own),
        TEST(a_child_does_not_take_the_parents_answers),
        TEST(a_child_that_looks_on_does_not_matter),
        cmocka_unit_test(descriptors_that_are_others_now_are_left_alone),
        TEST(one_descriptor_that_is_anothers_is_left_alone),
        TEST(nor_is_anothers_socket_talked_to),
        TEST(no_descriptor_is_lost),
        TEST(an_agent_that_is_gone_raises_no_signal),
        cmocka_unit_test(other_threads_may_wait_for_answers_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
