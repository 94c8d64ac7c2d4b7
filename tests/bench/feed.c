/* A feed of a million lines that is rewritten while another peer asks: how soon what is new in it counts, how many lines a second
   that is, how often they were read, and what it costs the other's cached verify. The loop and who measures share one core. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define LINES      1000000
#define ROUNDS     5
#define TRIPS_MAX  400000
#define LOOK_TRIPS 50 /* cached trips between two questions about what is new */

static char feed[128];
static double trips[TRIPS_MAX];

static void write_feed(unsigned round)
{
    char beside[160];

    snprintf(beside, sizeof beside, "%s.new", feed);
    FILE *file = fopen(beside, "w");

    if (file == NULL)
        die("the feed");
    for (unsigned i = 0; i < LINES - 1; i++)
        fprintf(file, "{\"iss\":\"https://auth.example.com\",\"jti\":\"%08x-%u\"}\n", i, round);
    fprintf(file, "{\"iss\":\"https://auth.example.com\",\"jti\":\"%08x-7f3a-4c55\"}\n", 1000 + round);
    if (fclose(file) != 0)
        die("writing the feed");
}

static void replace_feed(void)
{
    char beside[160];

    snprintf(beside, sizeof beside, "%s.new", feed);
    if (rename(beside, feed) != 0)
        die("replacing the feed");
}

static struct bench_agent start(const struct issuer_key *key)
{
    struct bench_agent agent = agent_start(key, 1, -1);
    char path[128];

    agent_end(&agent);
    snprintf(path, sizeof path, "%s/assayd.yaml", agent.folder);
    snprintf(feed, sizeof feed, "%s/revoked.ndjson", agent.folder);
    FILE *file = fopen(path, "a");

    if (file == NULL || fprintf(file, "revocation: {feeds: [{file: %s}]}\n", feed) < 0 || fclose(file) != 0)
        die("the configuration");
    if ((file = fopen(feed, "w")) == NULL || fclose(file) != 0)
        die("the feed");
    agent_launch(&agent);
    return agent;
}

struct question {
    uint8_t request[4096];
    size_t bytes;
};

static struct question question_of(const struct issuer_key *key, unsigned number)
{
    struct question question;
    size_t bytes;
    char *token = token_make(key, number, &bytes);

    question.bytes = request_make(question.request, sizeof question.request, 7, token, bytes);
    free(token);
    return question;
}

static bool is_active(int fd, const struct question *question)
{
    static uint8_t in[65536];

    if (write(fd, question->request, question->bytes) != (ssize_t)question->bytes)
        die("writing a request");
    ssize_t got = read(fd, in, sizeof in);

    if (got <= 0)
        die("reading an answer");
    return memmem(in, (size_t)got, "active\xc3", 7) != NULL;
}

static double trip(int fd, const struct question *question)
{
    double start = seconds_now();

    if (!is_active(fd, question))
        die("a good token was not accepted");
    return (seconds_now() - start) * 1e6;
}

static double p99_of(unsigned count)
{
    (void)median(trips, count); /* which sorts them */
    return trips[count * 99 / 100];
}

/* Seconds until the feed's last line counts. */
static double rewrite(int fd, const struct question *usual, const struct question *new, double *ret_p99)
{
    double begin = seconds_now();
    unsigned count = 0;

    replace_feed();
    do {
        for (unsigned i = 0; i < LOOK_TRIPS && count < TRIPS_MAX; i++)
            trips[count++] = trip(fd, usual);
        if (seconds_now() - begin > 30)
            die("the feed's last line did not count within 30 s");
    } while (is_active(fd, new));
    double seconds = seconds_now() - begin;

    *ret_p99 = p99_of(count);
    return seconds;
}

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = start(&key);
    double seconds[ROUNDS], quiet[ROUNDS], beside[ROUNDS], ratio[ROUNDS];
    int fd = -1;

    for (unsigned tries = 0; fd < 0 && tries < 500; tries++) {
        usleep(10000);
        fd = connect_to(agent.socket);
    }
    struct question usual = question_of(&key, 1);

    pin_loop(&agent, 0);
    pin(0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct question new = question_of(&key, 1000 + round);

        write_feed(round);
        usleep(300000);
        for (unsigned i = 0; i < TRIPS_MAX / 10; i++)
            trips[i] = trip(fd, &usual);
        quiet[round] = p99_of(TRIPS_MAX / 10);
        if (!is_active(fd, &new))
            die("what is new was revoked before");
        seconds[round] = rewrite(fd, &usual, &new, &beside[round]);
        ratio[round] = beside[round] / quiet[round];
        sleep(3); /* until the file has been looked at once more */
    }
    double lines = LINES / median(seconds, ROUNDS), by = median(ratio, ROUNDS);

    printf("a feed of %d lines that is replaced, medians of %d rounds\n", LINES, ROUNDS);
    printf("  counts after %.2f s: %.2f million lines a second, synced (goal: at least 0.5)\n", median(seconds, ROUNDS), lines / 1e6);
    printf("  another's cached p99: quiet %.1f us, meanwhile %.1f us, ratio %.2f (goal: at most 2)\n", median(quiet, ROUNDS),
           median(beside, ROUNDS), by);
    goal("feed of a million lines replaced, lines a second", lines / 1e6, "million", AT_LEAST, 0.5);
    goal("cached p99 while a feed is replaced, by quiet", by, "x", AT_MOST, 2);
    close(fd);
    agent_stop(&agent);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
