/* A cached verify over the socket, beside a bare echo of the same bytes over a Unix socket: both sides on one core, rounds alternating,
   so that whatever else the machine does hits both. One at a time (median of all round trips) and 16 in flight (rate). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 9
#define TRIPS 4000
#define BATCHES 2000
#define DEPTH 16

/* The other side of the echo: epoll, read, and as many bytes back as a verify answer has. */
static void echo_server(int fd, size_t request_bytes, size_t answer_bytes)
{
    static uint8_t in[65536], out[65536];
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    size_t pending = 0;

    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    while (epoll_wait(epoll, &event, 1, -1) == 1) {
        ssize_t got = read(fd, in, sizeof in);

        if (got <= 0)
            _exit(0);
        pending += (size_t)got;
        size_t answers = pending / request_bytes;

        pending -= answers * request_bytes;
        for (size_t left = answers * answer_bytes; left > 0;) {
            ssize_t put = write(fd, out, left < sizeof out ? left : sizeof out);

            if (put <= 0)
                _exit(0);
            left -= (size_t)put;
        }
    }
}

static void read_exactly(int fd, size_t bytes)
{
    static uint8_t in[65536];

    while (bytes > 0) {
        ssize_t got = read(fd, in, bytes < sizeof in ? bytes : sizeof in);

        if (got <= 0)
            die("reading an answer");
        bytes -= (size_t)got;
    }
}

/* Microseconds of a round trip: p50, and p10. They have two modes, some 2 us apart, by whether the kernel runs the one who was woken at
   once or after the other has gone to sleep; which of the two p50 falls into is the scheduler's, and p10 is the fast one's. */
static double one_at_a_time(int fd, const uint8_t *request, size_t request_bytes, size_t answer_bytes, double *ret_p10)
{
    static double trips[TRIPS];

    for (unsigned i = 0; i < TRIPS; i++) {
        double start = seconds_now();

        if (write(fd, request, request_bytes) != (ssize_t)request_bytes)
            die("writing a request");
        read_exactly(fd, answer_bytes);
        trips[i] = (seconds_now() - start) * 1e6;
    }
    double p50 = median(trips, TRIPS);

    *ret_p10 = trips[TRIPS / 10];
    return p50;
}

/* Requests a second, 16 in flight: a new one is sent for each that comes back, in one write for all that came. */
static double in_flight(int fd, const uint8_t *request, size_t request_bytes, size_t answer_bytes)
{
    static uint8_t out[65536], in[65536];
    size_t pending = 0, answered = 0, wanted = (size_t)BATCHES * DEPTH;

    for (unsigned i = 0; i < DEPTH; i++)
        memcpy(out + i * request_bytes, request, request_bytes);
    double start = seconds_now();

    if (write(fd, out, DEPTH * request_bytes) != (ssize_t)(DEPTH * request_bytes))
        die("writing requests");
    for (size_t sent = DEPTH; answered < wanted;) {
        ssize_t got = read(fd, in, sizeof in);

        if (got <= 0)
            die("reading answers");
        pending += (size_t)got;
        size_t more = pending / answer_bytes;

        pending -= more * answer_bytes;
        answered += more;
        size_t again = wanted - sent < more ? wanted - sent : more;

        if (again > 0 && write(fd, out, again * request_bytes) != (ssize_t)(again * request_bytes))
            die("writing requests");
        sent += again;
    }
    return (double)wanted / (seconds_now() - start);
}

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start(&key, 1, 0);
    size_t token_bytes, answer_bytes;
    char *token = token_make(&key, 1, &token_bytes);
    uint8_t request[4096], answer[65536];
    double fast_trips[ROUNDS], fast_echoes[ROUNDS];
    double trips[ROUNDS], echoes[ROUNDS], rates[ROUNDS], echo_rates[ROUNDS];
    size_t request_bytes = request_make(request, sizeof request, 7, token, token_bytes);
    int fd = connect_to(agent.socket), pair[2];

    pin(0);
    for (unsigned i = 0; i < 2; i++) { /* the second answer is the cached one */
        if (write(fd, request, request_bytes) != (ssize_t)request_bytes)
            die("the first request");
        answer_bytes = (size_t)read(fd, answer, sizeof answer);
        if (memmem(answer, answer_bytes, "active\xc3", 7) == NULL)
            die("the token was not accepted");
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        die("socketpair");
    pid_t echo = fork();

    if (echo == 0) {
        close(pair[0]);
        echo_server(pair[1], request_bytes, answer_bytes);
        _exit(0);
    }
    close(pair[1]);
    for (unsigned round = 0; round < ROUNDS; round++) {
        trips[round] = one_at_a_time(fd, request, request_bytes, answer_bytes, &fast_trips[round]);
        echoes[round] = one_at_a_time(pair[0], request, request_bytes, answer_bytes, &fast_echoes[round]);
        rates[round] = in_flight(fd, request, request_bytes, answer_bytes);
        echo_rates[round] = in_flight(pair[0], request, request_bytes, answer_bytes);
    }
    double ours = median(trips, ROUNDS), bare = median(echoes, ROUNDS);
    double rate = median(rates, ROUNDS), echo_rate = median(echo_rates, ROUNDS);

    printf("cached verify over the socket (token %zu bytes, answer %zu), both sides on one core, medians of %d rounds\n", token_bytes,
           answer_bytes, ROUNDS);
    printf("  one at a time   ours %8.2f us      bare echo %8.2f us      ratio %.2f (goal: at most 1.10)\n", ours, bare, ours / bare);
    double fast = median(fast_trips, ROUNDS), fast_bare = median(fast_echoes, ROUNDS);

    printf("    of them p10   ours %8.2f us      bare echo %8.2f us      ratio %.2f\n", fast, fast_bare, fast / fast_bare);
    printf("  %d in flight    ours %8.0f /s      bare echo %8.0f /s      ratio %.2f (goal: at least 0.75)\n", DEPTH, rate, echo_rate, rate / echo_rate);
    goal("cached over the socket, depth 1, one core, p50 by the echo's", ours / bare, "x", AT_MOST, 1.10);
    goal("cached over the socket, depth 16, rate by the echo's", rate / echo_rate, "x", AT_LEAST, 0.75);
    close(pair[0]);
    waitpid(echo, NULL, 0);
    close(fd);
    agent_stop(&agent);
    free(token);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
