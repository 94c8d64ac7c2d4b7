/* A cached token's authorize over the socket, beside its verify: both sides on one core, one at a time, rounds alternating, so that
   whatever else the machine does hits both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "rules.h"

#define ROUNDS 15
#define TRIPS 4000

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

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start_with(&key, 1, 0, shop_rules);
    size_t token_bytes;
    char *token = token_make(&key, 1, &token_bytes);
    double verifies[ROUNDS], authorizes[ROUNDS];
    static struct exchange verify, authorize;
    int fd = connect_to(agent.socket);

    pin(0);
    verify.request_bytes = request_make(verify.request, sizeof verify.request, 7, token, token_bytes);
    authorize.request_bytes = authorize_make(authorize.request, sizeof authorize.request, 7, token, token_bytes, "GET", "/orders/1234");
    learn(fd, &verify, "active\xc3");
    learn(fd, &authorize, "allow\xc3");
    for (unsigned round = 0; round < ROUNDS; round++) {
        verifies[round] = measure(fd, &verify);
        authorizes[round] = measure(fd, &authorize);
    }
    double one = median(verifies, ROUNDS), other = median(authorizes, ROUNDS);

    printf("a cached token over the socket, one at a time, both sides on one core (medians of %d rounds)\n", ROUNDS);
    printf("  authorize %6.2f us      verify %6.2f us      ratio %.2f (goal: at most 1.10)\n", other, one, other / one);
    close(fd);
    agent_stop(&agent);
    free(token);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
