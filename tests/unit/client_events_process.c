/* The calls that never wait, and the process around them: forks, descriptors, threads, and what is left in memory. */
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
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

#define SECRET "secret.token.bytes"

static int set_up(void **state)
{
    return both_start(state, 5000);
}

/* --- what is given back does not hold tokens --------------------------------------------------------------------------------- */

static unsigned leaks;
static bool watching;

void __real_free(void *memory);
void __wrap_free(void *memory);

void __wrap_free(void *memory)
{
    if (watching && memory != NULL && memmem(memory, malloc_usable_size(memory), SECRET, strlen(SECRET)) != NULL)
        leaks++;
    __real_free(memory);
}

static void tokens_are_wiped(void **state)
{
    struct both *both = *state;
    char big[50000];

    memset(big, 's', sizeof big);
    memcpy(big, SECRET, strlen(SECRET));
    big[sizeof big - 1] = '\0';
    watching = true;
    leaks = 0;
    for (int i = 0; i < 10; i++)
        ask_about(both->assay, SECRET, &both->tags[i]);
    for (int i = 0; i < 9; i++) {
        struct hand_request request = read_one(both);

        hand_say_no(both->agent, &request);
        assert_int_equal(end_of(both->assay, &both->tags[i], NULL), ASSAY_E_REFUSED);
    }
    hand_say(both->agent, "\xc1", 1); /* one ends like this, */
    assert_int_equal(end_of(both->assay, &both->tags[9], NULL), ASSAY_E_PROTOCOL);
    for (int i = 0; i < 10; i++) /* and some are never sent */
        ask_about(both->assay, big, &both->tags[i]);
    assay_close(both->assay);
    watching = false;
    assert_int_equal(leaks, 0);
    assert_int_equal(assay_open(&both->assay, both->agent->path, NULL), 0);
}

static bool holds(const struct assay *assay, const char *text)
{
    return memmem(assay->stream->in, sizeof assay->stream->in, text, strlen(text)) != NULL;
}

static void answers_are_wiped(void **state)
{
    struct both *both = *state;
    struct hand_request request;
    uint8_t bytes[512];
    void *tag;

    for (int i = 0; i < 4; i++)
        ask_about(both->assay, SECRET, &both->tags[i]);
    for (int i = 0; i < 3; i++) {
        request = read_one(both);
        hand_say_yes(both->agent, &request); /* with the token as its subject */
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(end_of(both->assay, &both->tags[i], SECRET), 0);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(holds(both->assay, SECRET));

    request = read_one(both); /* most of an answer, and the end */
    hand_say(both->agent, bytes, hand_write_yes(&request, bytes, sizeof bytes) - 1);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_true(holds(both->assay, SECRET));
    hand_hang_up(both->agent);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(holds(both->assay, SECRET));

    watching = true;
    leaks = 0;
    request = read_one(both);
    hand_say(both->agent, bytes, hand_write_yes(&request, bytes, sizeof bytes) - 1);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_true(holds(both->assay, SECRET));
    assay_close(both->assay);
    watching = false;
    assert_int_equal(leaks, 0);
    assert_int_equal(assay_open(&both->assay, both->agent->path, NULL), 0);
}

/* What moves to the front leaves nothing behind. */
static void halves_are_wiped_where_they_were(void **state)
{
    struct both *both = *state;
    struct hand_request one, two;
    uint8_t bytes[1024];
    void *tag;

    ask_about(both->assay, "an.answer.that.is.rather.long.so.that.it.pushes.the.next.away", &both->tags[0]);
    ask_about(both->assay, SECRET, &both->tags[1]);
    one = read_one(both);
    two = read_one(both);
    size_t size = hand_write_yes(&one, bytes, 512);

    size += hand_write_yes(&two, bytes + size, 512);
    hand_say(both->agent, bytes, size - 1);
    assert_int_equal(end_of(both->assay, &both->tags[0], NULL), 0);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    hand_say(both->agent, bytes + size - 1, 1);
    assert_int_equal(end_of(both->assay, &both->tags[1], SECRET), 0);
    assert_int_equal(assay_process(both->assay, &tag, NULL), ASSAY_E_PENDING);
    assert_false(holds(both->assay, SECRET));
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

/* The child does not touch the handle, and holds the parent's descriptors open. */
static void a_child_that_looks_on_does_not_matter(void **state)
{
    struct both *both = *state;
    int wait[2];
    char byte;

    works(both);
    assert_int_equal(pipe2(wait, O_CLOEXEC), 0);
    pid_t child = fork();

    if (child == 0) {
        close(wait[1]);
        _exit(read(wait[0], &byte, 1) == 0 ? 0 : 1);
    }
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
            bool well = assay_open(&assay, fake_agent_path(agent), NULL) == 0 && ask_and_wait(assay, "before") == 0;
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
    const int ours[] = {loop->epoll_fd, loop->timer_fd};

    for (int i = 0; i < 2; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        int number = ours[i], other = i == 0 ? epoll_create1(EPOLL_CLOEXEC) : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

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
    }
    is_quiet(both);
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
    assert_int_equal(assay_open(&both->assay, both->agent->path, NULL), 0);
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
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), NULL), 0);
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
        TEST(tokens_are_wiped),
        TEST(answers_are_wiped),
        TEST(halves_are_wiped_where_they_were),
        TEST(a_child_has_questions_of_its_own),
        TEST(a_child_that_looks_on_does_not_matter),
        cmocka_unit_test(descriptors_that_are_others_now_are_left_alone),
        TEST(one_descriptor_that_is_anothers_is_left_alone),
        TEST(no_descriptor_is_lost),
        TEST(an_agent_that_is_gone_raises_no_signal),
        cmocka_unit_test(other_threads_may_wait_for_answers_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
