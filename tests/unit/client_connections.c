/* The connections behind a handle: kept, replaced, shared by threads and not by processes. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "fake_agent.h"

#define TOKEN    "aaaa.bbbb.cccc"
#define STRANGER 12345
#define UNMAPPED 65534

static struct assay *open_at(const struct fake_agent *agent, const struct assay_options *options)
{
    struct assay *assay;

    assert_int_equal(assay_open(&assay, fake_agent_path(agent), options != NULL ? options : &fake_asked_always), 0);
    return assay;
}

static int verify(struct assay *assay)
{
    return assay_verify(assay, TOKEN, strlen(TOKEN), NULL, NULL);
}

static void a_connection_is_used_again_and_a_dead_one_replaced(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, NULL);

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(verify(assay), 0);
    assert_int_equal(fake_agent_accepted(agent), 1);
    fake_agent_hang_up(agent);
    for (int i = 0; i < 5; i++)
        assert_int_equal(verify(assay), 0);
    assert_int_equal(fake_agent_accepted(agent), 2);
    assay_close(assay);
    fake_agent_stop(agent);
}

static enum fake_action hang_up_after_first(void *context, const struct fake_request *request, struct wire_writer *out)
{
    if (request->number > 1)
        return FAKE_SEND_AND_CLOSE; /* of nothing */
    return fake_echo(context, request, out);
}

/* As long as the agent may be being begun anew, and then no more. */
static void a_request_is_tried_again(void **state)
{
    struct fake_agent *agent = fake_agent_start(hang_up_after_first, NULL, 0);
    struct assay *assay = open_at(agent, NULL);

    (void)state;
    assert_int_equal(verify(assay), 0);
    assert_int_equal(verify(assay), ASSAY_E_UNREACHABLE);
    unsigned tries = fake_agent_requests(agent);

    assert_in_range(tries, 10, 2 + 2000 / 5);
    assert_int_equal(verify(assay), ASSAY_E_UNREACHABLE);
    assert_int_equal(fake_agent_requests(agent), tries + 1); /* a new connection is not retried */
    assay_close(assay);
    fake_agent_stop(agent);
}

static void a_stranger_who_listens_is_not_believed(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, STRANGER);
    struct assay_options trusting = {.size = sizeof trusting, .agent_uid = STRANGER, .cache_bytes = ASSAY_NO_CACHE};
    struct assay *wary = open_at(agent, NULL);
    struct assay *told = open_at(agent, &trusting);
    char directory[96];

    assert_int_equal(verify(wary), ASSAY_E_UNTRUSTED);
    assert_int_equal(fake_agent_requests(agent), 0); /* and has not seen the token */
    assert_int_equal(verify(told), 0);

    strcpy(directory, fake_agent_path(agent));
    *strrchr(directory, '/') = '\0';
    assert_int_equal(chown(directory, STRANGER, 0), 0);
    assert_int_equal(verify(wary), 0); /* whoever owns the directory decides who listens in it */
    assay_close(wary);
    assay_close(told);
    fake_agent_stop(agent);
}

/* It is what the kernel shows for every user that is not mapped here, so that nobody can be told by it. */
static void a_listener_of_no_user_is_not_believed_in_its_directory(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, UNMAPPED);
    struct assay *assay = open_at(agent, NULL);
    char directory[96];

    strcpy(directory, fake_agent_path(agent));
    *strrchr(directory, '/') = '\0';
    assert_int_equal(chown(directory, UNMAPPED, 0), 0);
    assert_int_equal(verify(assay), ASSAY_E_UNTRUSTED);
    assert_int_equal(fake_agent_requests(agent), 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

/* An agent that does not accept, with as many callers before the door as fit there. */
static void a_full_backlog_does_not_hold_a_call_for_ever(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct assay_options hasty = {.size = sizeof hasty, .timeout_ms = 50, .cache_bytes = ASSAY_NO_CACHE};
    int waiting[4];
    char directory[] = "/tmp/assay-test-XXXXXX";
    struct assay *assay;

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/agent.sock", directory);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < 4; i++) {
        waiting[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connect(waiting[i], (struct sockaddr *)&address, sizeof address);
    }
    assert_int_equal(assay_open(&assay, address.sun_path, &hasty), 0);
    assert_int_equal(verify(assay), ASSAY_E_TIMEOUT);
    assay_close(assay);
    for (int i = 0; i < 4; i++)
        close(waiting[i]);
    close(listener);
    unlink(address.sun_path);
    rmdir(directory);
}

static unsigned open_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static enum fake_action say_garbage(void *context, const struct fake_request *request, struct wire_writer *out)
{
    (void)context;
    (void)request;
    wire_put_raw(out, "\xc1", 1);
    return FAKE_SEND;
}

static void no_descriptor_is_lost(void **state)
{
    struct fake_agent *agent = fake_agent_start(say_garbage, NULL, 0);
    unsigned before = open_descriptors();
    struct assay *assay = open_at(agent, NULL);

    (void)state;
    for (int i = 0; i < 50; i++)
        assert_int_equal(verify(assay), ASSAY_E_PROTOCOL);
    assay_close(assay);
    fake_agent_hang_up(agent);
    assert_int_equal(open_descriptors(), before);
    fake_agent_stop(agent);
}

/* The child asks twice and then a grandchild does; each says by its exit code whether all went well. */
static int ask_and_fork(struct assay *assay, int generations)
{
    pid_t child = fork();

    if (child == 0) {
        bool well = verify(assay) == 0 && verify(assay) == 0;

        _exit(well && (generations == 1 || ask_and_fork(assay, generations - 1) == 0) ? 0 : 1);
    }
    int status;

    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_child_makes_connections_of_its_own(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, NULL);

    (void)state;
    assert_int_equal(verify(assay), 0);
    assert_int_equal(ask_and_fork(assay, 2), 0);
    assert_int_equal(fake_agent_accepted(agent), 3);
    assert_int_equal(verify(assay), 0); /* the parent's is as it was */
    assert_int_equal(fake_agent_accepted(agent), 3);
    assert_int_equal(fake_agent_requests(agent), 6);
    assay_close(assay);
    fake_agent_stop(agent);
}

/* A daemon closes all descriptors and opens others, which then have the old numbers. */
static void a_descriptor_that_is_another_now_is_left_alone(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    struct assay *assay = open_at(agent, NULL);
    int status;

    (void)state;
    assert_int_equal(verify(assay), 0);
    pid_t child = fork();

    if (child == 0) {
        close_range(3, ~0U, 0);
        int first = open("/dev/null", O_RDONLY | O_CLOEXEC);

        while (first >= 0 && first < 64)
            first = open("/dev/null", O_RDONLY | O_CLOEXEC);
        unsigned before = open_descriptors();
        bool well = verify(assay) == 0;

        _exit(well && open_descriptors() == before + 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assay_close(assay);
    fake_agent_stop(agent);
}

#define THREADS 24
#define CALLS   500

static void *call_often(void *argument)
{
    struct assay *assay = argument;
    unsigned long wrong = 0;

    for (int i = 0; i < CALLS; i++) {
        struct assay_verdict *verdict;
        char token[64];
        int bytes = snprintf(token, sizeof token, "%lx.%d", (unsigned long)pthread_self(), i);
        int status = assay_verify(assay, token, (size_t)bytes, NULL, &verdict);

        wrong += status != 0 || strcmp(assay_verdict_subject(verdict), token) != 0;
        assay_verdict_free(verdict);
    }
    return (void *)wrong;
}

static void threads_get_their_own_answers(void **state)
{
    struct fake_agent *agent = fake_agent_start(fake_echo, NULL, 0);
    pthread_t threads[THREADS];
    struct assay *assay = open_at(agent, NULL);

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, assay), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;

        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(fake_agent_requests(agent), THREADS * CALLS);
    assay_close(assay);
    fake_agent_stop(agent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_is_used_again_and_a_dead_one_replaced),
        cmocka_unit_test(a_request_is_tried_again),
        cmocka_unit_test(a_stranger_who_listens_is_not_believed),
        cmocka_unit_test(a_listener_of_no_user_is_not_believed_in_its_directory),
        cmocka_unit_test(a_full_backlog_does_not_hold_a_call_for_ever),
        cmocka_unit_test(no_descriptor_is_lost),
        cmocka_unit_test(a_child_makes_connections_of_its_own),
        cmocka_unit_test(a_descriptor_that_is_another_now_is_left_alone),
        cmocka_unit_test(threads_get_their_own_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
