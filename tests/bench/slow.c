/* A cached verify while nobody else is there, and while a thousand slow clients are: a third sends a message drop by drop, a third stops
   in the middle of one, a third does not read its answers. Rounds alternate: the slow ones come, the round is taken, they go. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 9
#define TRIPS 20000
#define SLOW 1000
#define PAUSE_MICROSECONDS 900 /* between what one slow client does and the next: about one a second of each; or the first argument */
#define COMING_MICROSECONDS 50 /* while they come: so that the agent's memory for answers is not what turns them out */
#define MANY 40              /* requests at once, whose answers nobody reads */
#define UNREAD_TURNS 12      /* so many times: more than the kernel keeps, and less than the agent throws somebody out for */
#define WARM_TURNS (UNREAD_TURNS + 2)
#define OTHER_CORE (sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0)

enum kind { DRIP, HALF, UNREAD, KINDS };

struct traffic {
    uint8_t request[4096], many[MANY * 4096];
    size_t request_bytes, answer_bytes;
    useconds_t pause;
};

static void one_trip(int fd, const struct traffic *traffic)
{
    static uint8_t in[65536];
    size_t left = traffic->answer_bytes;

    if (write(fd, traffic->request, traffic->request_bytes) != (ssize_t)traffic->request_bytes)
        die("writing a request");
    while (left > 0) {
        ssize_t got = read(fd, in, left);

        if (got <= 0)
            die("reading an answer");
        left -= (size_t)got;
    }
}

static void measure(int fd, const struct traffic *traffic, double *ret_p50, double *ret_p99)
{
    static double trips[TRIPS];

    for (unsigned i = 0; i < TRIPS; i++) {
        double start = seconds_now();

        one_trip(fd, traffic);
        trips[i] = (seconds_now() - start) * 1e6;
    }
    *ret_p50 = median(trips, TRIPS); /* which sorts them */
    *ret_p99 = trips[TRIPS * 99 / 100];
}

struct slow {
    int fd;
    size_t sent; /* bytes of the message that is sent drop by drop; times that requests were sent */
};

/* Comes, or does a little of what it does. Returns false if it was turned out. */
static bool linger(struct slow *slow, unsigned kind, const struct bench_agent *agent, const struct traffic *traffic)
{
    if (slow->fd < 0) {
        *slow = (struct slow){connect_to(agent->socket), 0};
        if (slow->fd < 0)
            die("a slow client");
        if (kind == HALF)
            return send(slow->fd, traffic->request, traffic->request_bytes / 2, MSG_NOSIGNAL) > 0;
    }
    if (kind == HALF)
        return recv(slow->fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
    if (kind == UNREAD)
        return slow->sent++ >= UNREAD_TURNS ||
               send(slow->fd, traffic->many, MANY * traffic->request_bytes, MSG_NOSIGNAL) == (ssize_t)(MANY * traffic->request_bytes);
    ssize_t put = send(slow->fd, traffic->request + slow->sent, 1, MSG_NOSIGNAL | MSG_DONTWAIT);

    slow->sent = (slow->sent + (put == 1)) % traffic->request_bytes;
    return put == 1 || errno == EAGAIN;
}

/* All of them, in a process of their own. It says when all are there; who was turned out comes again. */
static void be_slow(const struct bench_agent *agent, const struct traffic *traffic, int told)
{
    static struct slow slow[SLOW];

    for (unsigned i = 0; i < SLOW; i++)
        slow[i].fd = -1;
    for (unsigned turn = 0;; turn++) {
        struct slow *its = &slow[turn % SLOW];

        if (!linger(its, turn % SLOW % KINDS, agent, traffic)) {
            close(its->fd);
            its->fd = -1;
        }
        if (turn == WARM_TURNS * SLOW && write(told, "", 1) != 1)
            _exit(1);
        if (turn >= WARM_TURNS * SLOW)
            usleep(traffic->pause);
        else if (turn % SLOW % KINDS == UNREAD)
            usleep(COMING_MICROSECONDS);
    }
}

static pid_t bring_slow(const struct bench_agent *agent, const struct traffic *traffic)
{
    int told[2];

    if (pipe(told) < 0)
        die("pipe");
    pid_t pid = fork();

    if (pid == 0) {
        pin((int)OTHER_CORE);
        be_slow(agent, traffic, told[1]);
    }
    close(told[1]);
    if (read(told[0], &(char){0}, 1) != 1)
        die("the slow clients did not come");
    close(told[0]);
    return pid;
}

static void allow_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        die("getrlimit");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < SLOW + 64)
        die("file descriptors for the slow clients");
}

int main(int argc, char **argv)
{
    static struct traffic traffic;
    struct issuer_key key = key_make("RS256");
    double quiet50[ROUNDS], quiet99[ROUNDS], slow50[ROUNDS], slow99[ROUNDS];
    uint8_t answer[65536];
    size_t token_bytes;

    traffic.pause = argc > 1 ? (useconds_t)strtoul(argv[1], NULL, 10) : PAUSE_MICROSECONDS;
    allow_descriptors();
    struct bench_agent agent = agent_start(&key, 1, 0);
    char *token = token_make(&key, 1, &token_bytes);
    int fd = connect_to(agent.socket);

    pin(0);
    traffic.request_bytes = request_make(traffic.request, sizeof traffic.request, 7, token, token_bytes);
    for (unsigned i = 0; i < MANY; i++)
        memcpy(traffic.many + i * traffic.request_bytes, traffic.request, traffic.request_bytes);
    for (unsigned i = 0; i < 2; i++) { /* the second answer is the cached one */
        if (write(fd, traffic.request, traffic.request_bytes) != (ssize_t)traffic.request_bytes)
            die("the first request");
        traffic.answer_bytes = (size_t)read(fd, answer, sizeof answer);
        if (memmem(answer, traffic.answer_bytes, "active\xc3", 7) == NULL)
            die("the token was not accepted");
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        measure(fd, &traffic, &quiet50[round], &quiet99[round]);
        pid_t slow = bring_slow(&agent, &traffic);

        measure(fd, &traffic, &slow50[round], &slow99[round]);
        kill(slow, SIGKILL);
        waitpid(slow, NULL, 0);
        usleep(200000); /* the agent sees them off */
    }
    double before = median(quiet99, ROUNDS), beside = median(slow99, ROUNDS);

    printf("cached verify, alone and beside %d slow clients (drop by drop, half messages, unread answers; %u us from one to the next), medians "
           "of %d rounds\n", SLOW, (unsigned)traffic.pause, ROUNDS);
    printf("  median          alone %8.2f us      beside them %8.2f us      ratio %.2f\n", median(quiet50, ROUNDS),
           median(slow50, ROUNDS), median(slow50, ROUNDS) / median(quiet50, ROUNDS));
    printf("  99th percentile alone %8.2f us      beside them %8.2f us      ratio %.2f (goal: at most 2)\n", before, beside,
           beside / before);
    goal("cached p99 beside 1000 slow clients, by quiet", beside / before, "x", AT_MOST, 2);
    close(fd);
    agent_stop(&agent);
    free(token);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
