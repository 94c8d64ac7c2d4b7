/* Tokens that were never seen, from several connections at once, so that both cores are busy; beside it EVP_DigestVerify in two
   processes, one on each core. Who asks takes of the same two cores, and that much is taken off what OpenSSL alone does. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS      5
#define TOKENS      4000
#define CORES       2
#define CONNECTIONS 8
#define DEPTH       16
#define GOAL        0.85

struct line {
    int fd;
    unsigned sent, answered, last; /* tokens: its own are from `sent` at first to `last` */
    uint8_t in[65536 + 16];
    size_t kept;
};

static char *tokens[TOKENS];
static size_t bytes[TOKENS];

static double own_cpu_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void send_more(struct line *line)
{
    static uint8_t request[4096];

    for (; line->sent < line->last && line->sent - line->answered < DEPTH; line->sent++) {
        size_t size = request_make(request, sizeof request, line->sent, tokens[line->sent], bytes[line->sent]);

        if (write(line->fd, request, size) != (ssize_t)size)
            die("writing a request");
    }
}

/* An answer has `active` once. Returns how many came. */
static unsigned take_answers(struct line *line)
{
    ssize_t got = read(line->fd, line->in + line->kept, 65536);
    unsigned count = 0;

    if (got <= 0)
        die("reading answers");
    uint8_t *at = line->in, *end = line->in + line->kept + got, *found;

    if (memmem(at, (size_t)(end - at), "active\xc2", 7) != NULL)
        die("a good token was refused");
    while ((found = memmem(at, (size_t)(end - at), "active\xc3", 7)) != NULL) {
        count++;
        at = found + 7;
    }
    line->kept = (size_t)(end - at) < 7 ? (size_t)(end - at) : 7;
    memmove(line->in, end - line->kept, line->kept);
    line->answered += count;
    return count;
}

/* Tokens a second; *ret_own: the part of both cores that this process has taken. */
static double agent_rate(const struct bench_agent *agent, double *ret_own)
{
    static struct line lines[CONNECTIONS];
    struct pollfd waiting[CONNECTIONS];
    double start = seconds_now(), own = own_cpu_seconds();
    unsigned answered = 0;

    for (unsigned i = 0; i < CONNECTIONS; i++) {
        unsigned first = TOKENS / CONNECTIONS * i;

        lines[i] =
            (struct line){.fd = connect_to(agent->socket), .sent = first, .answered = first, .last = first + TOKENS / CONNECTIONS};
        waiting[i] = (struct pollfd){.fd = lines[i].fd, .events = POLLIN};
        send_more(&lines[i]);
    }
    while (answered < TOKENS) {
        if (poll(waiting, CONNECTIONS, 10000) <= 0)
            die("no answers come");
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            if (waiting[i].revents == 0)
                continue;
            answered += take_answers(&lines[i]);
            send_more(&lines[i]);
        }
    }
    double seconds = seconds_now() - start;

    *ret_own = (own_cpu_seconds() - own) / (CORES * seconds);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        close(lines[i].fd);
    return TOKENS / seconds;
}

/* Signatures a second of two processes, each on its core. */
static double evp_rate(const struct issuer_key *key, const struct signed_text *texts)
{
    double *seconds = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), rate = 0;
    pid_t children[CORES];

    for (int i = 0; i < CORES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            pin(i);
            double start = seconds_now();

            (void)evp_microseconds(key, texts, TOKENS);
            seconds[i] = seconds_now() - start;
            _exit(0);
        }
    }
    for (int i = 0; i < CORES; i++) {
        wait_for_child(children[i]);
        rate += TOKENS / seconds[i];
    }
    munmap(seconds, 4096);
    return rate;
}

static void run(const char *alg)
{
    struct issuer_key key = key_make(alg);
    struct bench_agent agent = agent_start(&key, 1, -1);
    double ours[ROUNDS], evp[ROUNDS], owns[ROUNDS], ratios[ROUNDS];
    char name[64];

    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < TOKENS; i++)
            tokens[i] = token_make(&key, round * TOKENS + i, &bytes[i]);
        ours[round] = agent_rate(&agent, &owns[round]);
        struct signed_text *texts = signed_texts(&key, tokens, TOKENS);

        evp[round] = evp_rate(&key, texts);
        free(texts);
        ratios[round] = ours[round] / (evp[round] * (1 - owns[round]));
        for (unsigned i = 0; i < TOKENS; i++)
            free(tokens[i]);
    }
    double ratio = median(ratios, ROUNDS);

    printf("  %-6s agent %8.0f /s      EVP on both cores %8.0f /s, %2.0f %% of them the client's      ratio %.2f (goal: at least "
           "%.2f)\n",
           alg, median(ours, ROUNDS), median(evp, ROUNDS), median(owns, ROUNDS) * 100, ratio, GOAL);
    snprintf(name, sizeof name, "cold %s, both cores, by EVP less client", alg);
    goal(name, ratio, "x", AT_LEAST, GOAL);
    agent_stop(&agent);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
}

int main(void)
{
    if (sysconf(_SC_NPROCESSORS_ONLN) < CORES) {
        puts("cold verify on both cores: skipped, there is one");
        return 0;
    }
    printf("cold verify, %d connections with %d in flight each, medians of %d rounds\n", CONNECTIONS, DEPTH, ROUNDS);
    run("RS256");
    run("ES256");
    run("EdDSA");
    return 0;
}
