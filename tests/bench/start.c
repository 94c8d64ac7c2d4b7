/* From exec to the first right answer: with an empty store, and with a million revocations of a feed that has not grown since. Right is,
   of a token that was revoked, only that it is; an answer that it is good ends the benchmark. Files are in the page cache. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 15
#define RECORDS 1000000
#define ASKED (RECORDS / 2) /* the token that is asked about; the feed has its jti */
#define SECONDS_MAX 120

struct question {
    uint8_t request[4096];
    size_t bytes;
};

/* Asks until the answer is right: undecided is not. */
static double seconds_to_answer(const struct bench_agent *agent, const struct question *question, bool revoked)
{
    uint8_t answer[65536];
    double start = seconds_now();
    int fd;

    while ((fd = connect_to(agent->socket)) < 0) {
        if (seconds_now() - start > SECONDS_MAX)
            die("the agent does not listen");
        usleep(100);
    }
    for (;;) {
        if (write(fd, question->request, question->bytes) != (ssize_t)question->bytes)
            die("writing a request");
        ssize_t got = read(fd, answer, sizeof answer);

        if (got <= 0 || seconds_now() - start > SECONDS_MAX)
            die("the agent gives no right answer");
        bool yes = memmem(answer, (size_t)got, "active\xc3", 7) != NULL, no = memmem(answer, (size_t)got, "revoked", 7) != NULL;

        if (yes && revoked)
            die("a revoked token was accepted");
        if (yes || no)
            break;
        usleep(100);
    }
    close(fd);
    return seconds_now() - start;
}

/* A feed with a million revocations, for the next start. */
static void fill(struct bench_agent *agent)
{
    char path[128];

    snprintf(path, sizeof path, "%s/feed", agent->folder);
    FILE *out = fopen(path, "w");

    if (out == NULL)
        die(path);
    for (unsigned i = 0; i < RECORDS; i++)
        fprintf(out, "{\"iss\":\"https://auth.example.com\",\"jti\":\"%08x-7f3a-4c55\"}\n", i);
    fclose(out);
    snprintf(path, sizeof path, "%s/assayd.yaml", agent->folder);
    out = fopen(path, "a");
    if (out == NULL)
        die(path);
    fprintf(out, "revocation: {feeds: [{file: %s/feed}]}\n", agent->folder);
    fclose(out);
}

int main(void)
{
    struct issuer_key key = key_make("RS256");
    struct question first, last;
    double empty[ROUNDS], full[ROUNDS];
    size_t bytes;
    char *token = token_make(&key, ASKED, &bytes), *last_token;
    struct bench_agent agents[2] = {agent_start(&key, 1, -1), agent_start(&key, 1, -1)};

    first.bytes = request_make(first.request, sizeof first.request, 7, token, bytes);
    last_token = token_make(&key, RECORDS - 1, &bytes);
    last.bytes = request_make(last.request, sizeof last.request, 7, last_token, bytes);
    agent_end(&agents[0]);
    agent_end(&agents[1]);
    fill(&agents[1]);
    double begin = seconds_now();

    agent_launch(&agents[1]);
    (void)seconds_to_answer(&agents[1], &last, true);
    printf("read %u revocations in %.1f s\n", RECORDS, seconds_now() - begin);
    agent_end(&agents[1]);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < 2; i++) {
            double start = seconds_now();

            agent_launch(&agents[i]);
            (void)seconds_to_answer(&agents[i], &first, i == 1);
            (i == 0 ? empty : full)[round] = (seconds_now() - start) * 1e3;
            agent_end(&agents[i]);
        }
    }
    double without = median(empty, ROUNDS), with = median(full, ROUNDS);

    printf("from exec to the first right answer, medians of %d starts\n", ROUNDS);
    printf("  empty store %8.2f ms      a million revocations %8.2f ms (goal: at most 50)      ratio %.2f\n", without, with, with / without);
    goal("start with an empty store, first right answer", without, "ms", AT_MOST, 50);
    goal("start with 1 million revocations, first right answer", with, "ms", AT_MOST, 50);
    for (unsigned i = 0; i < 2; i++) {
        agent_launch(&agents[i]);
        (void)seconds_to_answer(&agents[i], &first, i == 1);
        agent_stop(&agents[i]);
    }
    free(token);
    free(last_token);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
