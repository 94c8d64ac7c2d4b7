/* A thread that is interrupted in a call. By pthread_cancel: it ends after the call, and the handle is as good as before: it gets its page,
   leaves nothing open and holds nobody up. By a signal: the call goes on. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "assay/assay.h"
#include "client/limits.h"
#include "client/wire/clock.h"
#include "client/wire/page.h"
#include "fake_agent.h"

#define ALL_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)
#define SEVENS    "07070707070707070707070707070707"

/* AddressSanitizer takes a cancelled thread's own end for an error: of the frames that it leaves it does not hear. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "use_sigaltstack=0";
}

static struct page *page;
static struct fake_agent *agent;
static struct assay *assay;
static atomic_uint hellos, held;
static atomic_bool slow, wait_for_signal, signalled;
static unsigned random_state = 1;

static unsigned below(unsigned end)
{
    return (unsigned)rand_r(&random_state) % end;
}

static void pause_us(unsigned microseconds)
{
    const struct timespec time = {0, (long)microseconds * 1000};

    nanosleep(&time, NULL);
}

static void put_hello(struct wire_writer *out)
{
    wire_put_map(out, 3);
    wire_put_text(out, "instance");
    wire_put_text(out, SEVENS);
    wire_put_text(out, "clock");
    wire_put_int(out, monotonic_ns());
    wire_put_text(out, "page");
    wire_put_bool(out, true);
}

/* {active, claims, issuer, expires_at, stamp}: it rests on nothing but the agent. */
static void put_yes(struct wire_writer *out)
{
    wire_put_map(out, 5);
    wire_put_text(out, "active");
    wire_put_bool(out, true);
    wire_put_text(out, "claims");
    wire_put_map(out, 0);
    wire_put_text(out, "issuer");
    wire_put_text(out, "https://auth.example.com");
    wire_put_text(out, "expires_at");
    wire_put_uint(out, 4102444800);
    wire_put_text(out, "stamp");
    wire_put_map(out, 6);
    wire_put_text(out, "instance");
    wire_put_text(out, SEVENS);
    const char *names[] = {"from", "keys", "policy"};

    for (unsigned i = 0; i < 3; i++) {
        wire_put_text(out, names[i]);
        wire_put_uint(out, 0);
    }
    wire_put_text(out, "until");
    wire_put_uint(out, 4102444800);
    wire_put_text(out, "counters");
    wire_put_array(out, 0);
}

static enum fake_action reply(void *context, const struct fake_request *request, struct wire_writer *out)
{
    (void)context;
    atomic_store(&page->heartbeat, (uint64_t)monotonic_ns());
    fake_answer(out, request->msgid);
    if (atomic_load(&slow))
        pause_us(200);
    if (!wire_is(&request->method, "hello")) {
        put_yes(out);
        return FAKE_SEND;
    }
    atomic_fetch_add(&hellos, atomic_load(&wait_for_signal)); /* it is seen now, so that the signal comes */
    while (atomic_load(&wait_for_signal) && !atomic_load(&signalled))
        sched_yield();
    put_hello(out);
    if (atomic_fetch_add(&hellos, 1) >= atomic_load(&held))
        return FAKE_SEND_PAGE;
    return FAKE_HOLD;
}

static int make_page(void)
{
    int fd = memfd_create("page", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_true(fd >= 0 && ftruncate(fd, sizeof *page) == 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    memcpy(page->magic, PAGE_MAGIC, sizeof PAGE_MAGIC);
    memset(page->instance, 7, sizeof page->instance);
    page->version = PAGE_VERSION;
    page->counters = PAGE_COUNTERS;
    assert_int_equal(fcntl(fd, F_ADD_SEALS, ALL_SEALS), 0);
    return fd;
}

static int without_handle; /* how many descriptors there are then */

/* This program's descriptors, but for the one that reads their names. */
static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1;

    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

/* How many there are once the agent has let go of its ends too. */
static int descriptors_left(void)
{
    for (int64_t deadline = monotonic_ns() + 5 * NS_PER_S; open_descriptors() > without_handle && monotonic_ns() < deadline;)
        pause_us(1000);
    return open_descriptors();
}

static int verify(const char *token)
{
    return assay_verify(assay, token, strlen(token), NULL, NULL);
}

/* The handle has its page: a question that was answered is not asked again. There may be none before a hello is due. */
static void gets_its_page(void)
{
    int64_t deadline = monotonic_ns() + 10 * NS_PER_S;

    for (unsigned before = 0, after = 1; before != after; pause_us(5000)) {
        assert_true(monotonic_ns() < deadline);
        assert_int_equal(verify("known"), 0);
        before = fake_agent_requests(agent);
        assert_int_equal(verify("known"), 0);
        after = fake_agent_requests(agent);
    }
}

static void open_handle(unsigned hellos_held)
{
    atomic_store(&hellos, 0);
    atomic_store(&held, hellos_held);
    assert_int_equal(assay_open(&assay, fake_agent_path(agent), NULL), 0);
}

static atomic_int ended; /* the status of the call; 1: it has not ended */

static void *verify_once(void *unused)
{
    atomic_store(&ended, verify("once"));
    pthread_testcancel();
    return unused;
}

static void cancelled_while_it_says_hello(void **state)
{
    pthread_t thread;
    void *end;

    (void)state;
    open_handle(1);
    atomic_store(&ended, 1);
    assert_int_equal(pthread_create(&thread, NULL, verify_once, NULL), 0);
    while (atomic_load(&hellos) == 0)
        sched_yield();
    pthread_cancel(thread);
    pthread_join(thread, &end);
    assert_ptr_equal(end, PTHREAD_CANCELED);
    assert_int_equal(atomic_load(&ended), 0); /* the call was answered */
    gets_its_page();
    assay_close(assay);
}

static void on_signal(int number)
{
    (void)number;
    atomic_store(&signalled, true);
}

/* The agent answers only after the signal, which finds the thread waiting for the answer. SA_RESTART or not: with a timeout on the socket
   the kernel does not go on by itself. */
static void a_signal_while_it_says_hello(void **state)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    pthread_t thread;

    (void)state;
    sigaction(SIGUSR1, &action, NULL);
    atomic_store(&signalled, false);
    atomic_store(&wait_for_signal, true);
    open_handle(0);
    assert_int_equal(pthread_create(&thread, NULL, verify_once, NULL), 0);
    while (atomic_load(&hellos) == 0)
        sched_yield();
    pause_us(2000); /* it has sent, and is about to wait: most times it does */
    pthread_kill(thread, SIGUSR1);
    pthread_join(thread, NULL);
    atomic_store(&wait_for_signal, false);
    unsigned before = fake_agent_requests(agent);

    assert_int_equal(verify("once"), 0);
    assert_int_equal(fake_agent_requests(agent), before); /* it has its page */
    assay_close(assay);
}

/* Questions that are not known, one after the other. */
static void *verify_for_ever(void *number)
{
    char token[64];

    for (unsigned i = 0;; i++) {
        snprintf(token, sizeof token, "%u.%u", *(unsigned *)number, i);
        (void)!verify(token);
        pthread_testcancel();
    }
    return NULL;
}

static void *process_for_ever(void *number)
{
    struct assay_verdict *verdict;
    char token[64];
    void *tag;

    for (unsigned i = 0;; i++) {
        int status;

        snprintf(token, sizeof token, "%u.%u", *(unsigned *)number, i);
        (void)!assay_send_verify(assay, token, strlen(token), NULL, &tag, NULL);
        do {
            status = assay_process(assay, &tag, &verdict);
            assay_verdict_free(verdict);
        } while (status != ASSAY_E_PENDING);
        pthread_testcancel();
    }
    return NULL;
}

static void cancel_many(void *(*life)(void *), unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        pthread_t threads[2];
        unsigned count = life == verify_for_ever ? 2 : 1;

        for (unsigned n = 0; n < count; n++)
            assert_int_equal(pthread_create(&threads[n], NULL, life, &i), 0);
        for (unsigned n = 0; n < count; n++) {
            pause_us(below(i % 2 == 0 ? 100 : 1500));
            pthread_cancel(threads[n]);
        }
        for (unsigned n = 0; n < count; n++)
            pthread_join(threads[n], NULL);
    }
}

static void cancelled_at_any_moment(void **state)
{
    (void)state;
    atomic_store(&slow, true);
    for (unsigned i = 0; i < 8; i++) { /* a handle's first calls say hello */
        open_handle(i % 2);
        cancel_many(verify_for_ever, 25);
        gets_its_page();
        for (int64_t deadline = monotonic_ns() + 5 * NS_PER_S; fake_agent_connected(agent) > 3 && monotonic_ns() < deadline;)
            pause_us(1000);
        assert_true(fake_agent_connected(agent) <= 3); /* two that are idle, and the page's */
        assay_close(assay);
    }
    atomic_store(&slow, false);
    assert_int_equal(descriptors_left(), without_handle);
}

static void cancelled_in_calls_that_do_not_wait(void **state)
{
    void *tag;

    (void)state;
    for (unsigned i = 0; i < 50; i++) { /* a handle's first calls connect */
        open_handle(0);
        cancel_many(process_for_ever, 8);
        assay_close(assay);
    }
    assert_int_equal(descriptors_left(), without_handle);
    open_handle(0);
    cancel_many(process_for_ever, 100);
    int64_t deadline = monotonic_ns() + 10 * NS_PER_S;

    while (assay_waiting(assay) > 0) {
        assert_true(monotonic_ns() < deadline);
        if (assay_process(assay, &tag, NULL) == ASSAY_E_PENDING)
            poll(&(struct pollfd){.fd = descriptor_of(assay), .events = POLLIN}, 1, 100);
    }
    gets_its_page();
    assay_close(assay);
    assert_int_equal(descriptors_left(), without_handle);
}

static int set_up(void **state)
{
    (void)state;
    agent = fake_agent_start(reply, NULL, 0);
    fake_agent_page(agent, make_page());
    without_handle = open_descriptors();
    return 0;
}

/* A thread that stays on one processor has one shard, and finds what another one of the same processor has put there. */
static void stay(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelled_while_it_says_hello),
        cmocka_unit_test(a_signal_while_it_says_hello),
        cmocka_unit_test(cancelled_at_any_moment),
        cmocka_unit_test(cancelled_in_calls_that_do_not_wait),
    };

    stay();
    return cmocka_run_group_tests(tests, set_up, NULL);
}
