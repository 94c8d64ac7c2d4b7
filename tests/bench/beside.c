#include "beside.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct calls {
    int fd;
    uint8_t request[4096];
    size_t bytes;
    unsigned trips;
    double seconds;
    double *took; /* of each, us */
};

static void measure(const struct calls *calls, double *ret_p50, double *ret_p99, double *worst)
{
    static uint8_t in[65536];
    double began = seconds_now();
    unsigned count = 0;

    for (; count < calls->trips && seconds_now() - began < calls->seconds; count++) {
        double start = seconds_now();

        if (write(calls->fd, calls->request, calls->bytes) != (ssize_t)calls->bytes)
            die("writing a request");
        ssize_t got = read(calls->fd, in, sizeof in);

        calls->took[count] = (seconds_now() - start) * 1e6;
        if (got <= 0 || memmem(in, (size_t)got, "active\xc3", 7) == NULL)
            die("a good token was not accepted");
        if (calls->took[count] > *worst)
            *worst = calls->took[count];
    }
    *ret_p50 = median(calls->took, count); /* which sorts them */
    *ret_p99 = calls->took[count * 99 / 100];
}

static pid_t disturb(const struct bench_agent *agent, const struct disturber *disturber, unsigned long *done)
{
    int other = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
    pid_t child = fork();

    if (child == 0) {
        pin(other);
        disturber->run(agent, done);
        _exit(1);
    }
    usleep(disturber->first_us);
    return child;
}

struct beside measure_beside(const struct bench_agent *agent, const struct issuer_key *key, unsigned trips, double seconds,
                             const struct disturber *disturber)
{
    double alone50[BESIDE_ROUNDS], alone99[BESIDE_ROUNDS], beside50[BESIDE_ROUNDS], beside99[BESIDE_ROUNDS];
    unsigned long *done = mmap(NULL, sizeof *done, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct calls calls = {.fd = connect_to(agent->socket), .trips = trips, .seconds = seconds, .took = calloc(trips, sizeof(double))};
    struct beside found = {0};
    size_t token_bytes;
    char *token = token_make(key, 1, &token_bytes);

    if (done == MAP_FAILED || calls.took == NULL)
        die("memory");
    calls.bytes = request_make(calls.request, sizeof calls.request, 7, token, token_bytes);
    pin_loop(agent, 0);
    pin(0);
    for (unsigned round = 0; round < BESIDE_ROUNDS; round++) {
        measure(&calls, &alone50[round], &alone99[round], &found.worst_alone);
        pid_t child = disturb(agent, disturber, done);
        double start = seconds_now();
        unsigned long before = *done;

        measure(&calls, &beside50[round], &beside99[round], &found.worst);
        found.rate += (double)(*done - before) / (seconds_now() - start) / BESIDE_ROUNDS;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        usleep(disturber->rest_us);
    }
    found.alone50 = median(alone50, BESIDE_ROUNDS);
    found.alone99 = median(alone99, BESIDE_ROUNDS);
    found.beside50 = median(beside50, BESIDE_ROUNDS);
    found.beside99 = median(beside99, BESIDE_ROUNDS);
    munmap(done, sizeof *done);
    close(calls.fd);
    free(calls.took);
    free(token);
    return found;
}

void tell_beside(const struct beside *beside, const char *name)
{
    printf("  median          alone %8.2f us      beside it %8.2f us      ratio %.2f\n", beside->alone50, beside->beside50,
           beside->beside50 / beside->alone50);
    printf("  99th percentile alone %8.2f us      beside it %8.2f us      ratio %.2f (goal: at most 2)\n", beside->alone99,
           beside->beside99, beside->beside99 / beside->alone99);
    goal(name, beside->beside99 / beside->alone99, "x", AT_MOST, 2);
}
