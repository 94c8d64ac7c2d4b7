/* A token that was verified a moment ago, verified again inside the process: 64 tokens of some 735 bytes in rotation, through libassay as
   services link it. The limit beside it is what cannot be left out: comparing the whole token, reading two clocks, and six counters in
   another process' page. Then two threads on two cores, and a repeat of authorize. It is done by a thread to which the kernel allows no
   system call: one, and all ends. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "assay/assay.h"
#include "bench.h"

#define TOKENS 64
#define ROUNDS 4000 /* of all tokens */
#define RUNS 9
#define COUNTERS 6

static char *tokens[TOKENS];
static size_t token_bytes[TOKENS];
static struct assay *assay;

enum what { REPEAT_VERIFY, REPEAT_VERIFY_WITH_VERDICT, REPEAT_AUTHORIZE, LIMIT };

static struct limit {
    char copies[TOKENS][1024];
    volatile uint64_t *page;
    uint16_t index[TOKENS][COUNTERS];
} limit;

static void limit_once(unsigned i)
{
    struct timespec wall, monotonic;
    uint64_t sum = 0;

    if (memcmp(tokens[i], limit.copies[i], token_bytes[i]) != 0)
        die("comparing");
    clock_gettime(CLOCK_REALTIME_COARSE, &wall);
    clock_gettime(CLOCK_MONOTONIC_COARSE, &monotonic);
    for (unsigned k = 0; k < COUNTERS; k++)
        sum += limit.page[limit.index[i][k]];
    if (sum != 0 || wall.tv_sec == 0 || monotonic.tv_nsec < 0)
        die("the limit");
}

static void once(enum what what, unsigned i)
{
    struct assay_verdict *verdict = NULL;
    int status = 0;

    if (what == REPEAT_VERIFY)
        status = assay_verify(assay, tokens[i], token_bytes[i], "orders", NULL);
    else if (what == REPEAT_VERIFY_WITH_VERDICT)
        status = assay_verify(assay, tokens[i], token_bytes[i], "orders", &verdict);
    else if (what == REPEAT_AUTHORIZE)
        status = assay_authorize(assay, tokens[i], token_bytes[i], "orders", "GET", "/orders/1", NULL);
    else
        limit_once(i);
    assay_verdict_free(verdict);
    if (status != 0)
        die(assay_strerror(status));
}

struct thread {
    pthread_t id;
    int core;
    enum what what;
    double rounds[ROUNDS], seconds;
    _Atomic bool done;
};

/* Nanoseconds of a call, round by round: each is timed as a whole, for reading a clock takes half as long as a call. */
static void measure(struct thread *thread)
{
    double start = seconds_now();

    for (unsigned round = 0; round < ROUNDS; round++) {
        double begin = seconds_now();

        for (unsigned i = 0; i < TOKENS; i++)
            once(thread->what, i);
        thread->rounds[round] = (seconds_now() - begin) * 1e9 / TOKENS;
    }
    thread->seconds = seconds_now() - start;
}

/* Of this thread; not by the strict mode, which also takes away the processor's clock. */
static void forbid_system_calls(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        die("prctl");
}

/* A processor's first looks go to the agent, and of two threads one may still be saying hello. */
static void warm_up(enum what what)
{
    double start, end = seconds_now();

    for (unsigned tries = 0; tries < 10000; tries++) {
        start = end;
        for (unsigned i = 0; i < TOKENS; i++)
            once(what, i);
        end = seconds_now();
        if (end - start < TOKENS * 1e-6)
            return;
    }
    die("nothing is cached");
}

/* It never returns: ending a thread takes system calls. */
static void *run(void *context)
{
    struct thread *thread = context;

    pin(thread->core);
    warm_up(thread->what);
    forbid_system_calls();
    measure(thread);
    atomic_store(&thread->done, true);
    while (syscall(SYS_read, -1, NULL, 0) < 0)
        ;
    return NULL;
}

static void sleep_a_while(void)
{
    struct timespec while_ = {0, 1000000};

    nanosleep(&while_, NULL);
}

/* In a child, which is ended with all that it holds. */
static void in_child(enum what what, unsigned count, double *ret_nanoseconds, double *ret_rate)
{
    double *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();

    if (child == 0) {
        static struct thread threads[2];
        double rate = 0;

        for (unsigned i = 0; i < count; i++) {
            threads[i].core = (int)i;
            threads[i].what = what;
            if (pthread_create(&threads[i].id, NULL, run, &threads[i]) != 0)
                die("pthread_create");
        }
        for (unsigned i = 0; i < count; i++) {
            while (!atomic_load(&threads[i].done))
                sleep_a_while();
            rate += ROUNDS * TOKENS / threads[i].seconds;
        }
        shared[0] = median(threads[0].rounds, ROUNDS);
        shared[1] = rate;
        _exit(0);
    }
    wait_for_child(child);
    *ret_nanoseconds = shared[0];
    *ret_rate = shared[1];
    munmap(shared, 4096);
}

static void prepare(const struct issuer_key *key)
{
    limit.page = mmap(NULL, 4096 * 8, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < TOKENS; i++) {
        tokens[i] = token_make(key, i, &token_bytes[i]);
        memcpy(limit.copies[i], tokens[i], token_bytes[i]);
        for (unsigned k = 0; k < COUNTERS; k++)
            limit.index[i][k] = (uint16_t)((i * COUNTERS + k) * 2654435761U % 4096);
    }
}

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent =
        agent_start_with(&key, 1, -1, "version: 1\nrules:\n  - {name: orders, actions: [GET], resources: [\"/orders/**\"], roles: [user]}\n");
    double one[4][RUNS], ratios[RUNS], rate_one, rate_two, ignored;

    prepare(&key);
    if (assay_open(&assay, agent.socket, NULL) != 0)
        die("assay_open");
    for (unsigned run_number = 0; run_number < RUNS; run_number++) {
        for (enum what what = REPEAT_VERIFY; what <= LIMIT; what++)
            in_child(what, 1, &one[what][run_number], what == REPEAT_VERIFY ? &rate_one : &ignored);
        in_child(REPEAT_VERIFY, 2, &ignored, &rate_two);
        ratios[run_number] = rate_two / rate_one;
    }
    double ours = median(one[REPEAT_VERIFY], RUNS), bare = median(one[LIMIT], RUNS);

    printf("a repeat in process: 64 tokens of %zu bytes in rotation, p50, medians of %d runs; no system call, or it would be killed\n",
           token_bytes[0], RUNS);
    printf("  verify          ours %8.1f ns (goal: at most 120)      compare, clocks, counters %8.1f ns      ratio %.2f\n", ours, bare,
           ours / bare);
    printf("  with a verdict  ours %8.1f ns\n", median(one[REPEAT_VERIFY_WITH_VERDICT], RUNS));
    printf("  authorize       ours %8.1f ns\n", median(one[REPEAT_AUTHORIZE], RUNS));
    printf("  two threads     %.2f x the rate of one (goal: at least 1.80)\n", median(ratios, RUNS));
    goal("repeat verify in process, 64 tokens, p50", ours, "ns", AT_MOST, 120);
    goal("its system calls (one would be killed)", 0, "", AT_MOST, 0);
    goal("2 threads on 2 cores, by one", median(ratios, RUNS), "x", AT_LEAST, 1.8);
    assay_close(assay);
    agent_stop(&agent);
    return 0;
}
