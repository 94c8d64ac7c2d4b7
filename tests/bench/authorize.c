/* A cached token's authorize over the socket, beside its verify: both sides on one core, rounds alternating, so that whatever else
   the machine does hits both. One at a time (median round trip), and 16 in flight (rate; and the agent's own CPU time for each,
   which no scheduler's mood changes). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "rules.h"

#define ROUNDS 15
#define TRIPS 4000
#define BATCHES 2000
#define DEPTH 16

struct exchange {
    uint8_t request[4096];
    size_t request_bytes, answer_bytes;
};

static void one_trip(int fd, const struct exchange *exchange)
{
    static uint8_t in[65536];

    if (write(fd, exchange->request, exchange->request_bytes) != (ssize_t)exchange->request_bytes)
        die("writing a request");
    for (size_t got = 0; got < exchange->answer_bytes;) {
        ssize_t more = read(fd, in, sizeof in);

        if (more <= 0)
            die("reading an answer");
        got += (size_t)more;
    }
}

/* The length of its answers, which must say so. */
static void learn(int fd, struct exchange *exchange, const char *expected)
{
    uint8_t answer[65536];

    for (unsigned i = 0; i < 2; i++) {
        if (write(fd, exchange->request, exchange->request_bytes) != (ssize_t)exchange->request_bytes)
            die("the first request");
        ssize_t got = read(fd, answer, sizeof answer);

        if (got <= 0 || memmem(answer, (size_t)got, expected, strlen(expected)) == NULL)
            die("the first answer");
        exchange->answer_bytes = (size_t)got;
    }
}

/* Microseconds: the median round trip. */
static double measure(int fd, const struct exchange *exchange)
{
    static double trips[TRIPS];

    for (unsigned i = 0; i < TRIPS; i++) {
        double start = seconds_now();

        one_trip(fd, exchange);
        trips[i] = (seconds_now() - start) * 1e6;
    }
    return median(trips, TRIPS);
}

/* Requests a second, 16 at once; *ret_cpu: the agent's microseconds for each. */
static double in_batches(int fd, pid_t agent, const struct exchange *exchange, double *ret_cpu)
{
    static uint8_t out[65536], in[65536];
    double cpu = cpu_seconds_of(agent), start = seconds_now();

    for (unsigned i = 0; i < DEPTH; i++)
        memcpy(out + i * exchange->request_bytes, exchange->request, exchange->request_bytes);
    for (unsigned batch = 0; batch < BATCHES; batch++) {
        if (write(fd, out, DEPTH * exchange->request_bytes) != (ssize_t)(DEPTH * exchange->request_bytes))
            die("writing requests");
        for (size_t got = 0; got < DEPTH * exchange->answer_bytes;) {
            ssize_t more = read(fd, in, sizeof in);

            if (more <= 0)
                die("reading answers");
            got += (size_t)more;
        }
    }
    *ret_cpu = (cpu_seconds_of(agent) - cpu) / (BATCHES * DEPTH) * 1e6;
    return BATCHES * DEPTH / (seconds_now() - start);
}

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start_with(&key, 1, 0, shop_rules);
    size_t token_bytes;
    char *token = token_make(&key, 1, &token_bytes);
    double verifies[ROUNDS], authorizes[ROUNDS], rates[2][ROUNDS], cpu[2][ROUNDS];
    static struct exchange verify, authorize;
    int fd = connect_to(agent.socket);

    pin(0);
    verify.request_bytes = request_make(verify.request, sizeof verify.request, 7, token, token_bytes);
    authorize.request_bytes =
        authorize_make(authorize.request, sizeof authorize.request, 7, token, token_bytes, "GET", "/orders/1234");
    learn(fd, &verify, "active\xc3");
    learn(fd, &authorize, "allow\xc3");
    for (unsigned round = 0; round < ROUNDS; round++) {
        verifies[round] = measure(fd, &verify);
        authorizes[round] = measure(fd, &authorize);
        rates[0][round] = in_batches(fd, agent.pid, &verify, &cpu[0][round]);
        rates[1][round] = in_batches(fd, agent.pid, &authorize, &cpu[1][round]);
    }
    double one = median(verifies, ROUNDS), other = median(authorizes, ROUNDS);

    double rate = median(rates[1], ROUNDS), verify_rate = median(rates[0], ROUNDS);
    double used = median(cpu[1], ROUNDS), verify_used = median(cpu[0], ROUNDS);

    printf("a cached token over the socket, both sides on one core (medians of %d rounds)\n", ROUNDS);
    printf("  one at a time  authorize %8.2f us      verify %8.2f us      ratio %.2f (goal: at most 1.10)\n", other, one,
           other / one);
    printf("  %d in flight   authorize %8.0f /s      verify %8.0f /s      ratio %.2f\n", DEPTH, rate, verify_rate,
           verify_rate / rate);
    printf("  agent's CPU    authorize %8.2f us      verify %8.2f us      ratio %.2f\n", used, verify_used, used / verify_used);
    close(fd);
    agent_stop(&agent);
    free(token);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
