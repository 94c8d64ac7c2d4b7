/* An agent that has seen a thousand tokens, and one that has seen fifty thousand: its CPU time for a token that is new, and for one
   that it has seen. Rounds alternate, and take the seen ones from all over. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

#define FEW        1000
#define MANY       50000
#define ROUNDS     41
#define NEW        400
#define SEEN       4000
#define CACHE_TEXT "cache: {size: 512MiB}\n"

static char *tokens[MANY + NEW];
static size_t bytes[MANY + NEW];

/* Its cache holds all of them. */
static struct bench_agent start(const struct issuer_key *key)
{
    struct bench_agent agent = agent_start(key, 1, 0);
    char path[128];

    snprintf(path, sizeof path, "%s/assayd.yaml", agent.folder);
    FILE *out = fopen(path, "a");

    if (out == NULL)
        die(path);
    fputs(CACHE_TEXT, out);
    fclose(out);
    agent_end(&agent);
    agent_launch(&agent);
    pin_loop(&agent, 0); /* and so its threads, which are not there yet: a round trip between cores takes three times as long */
    return agent;
}

static int connect_soon(const struct bench_agent *agent)
{
    int fd = -1;

    for (unsigned tries = 0; fd < 0 && tries < 500; tries++) {
        fd = connect_to(agent->socket);
        usleep(10000);
    }
    if (fd < 0)
        die("the agent did not start");
    return fd;
}

struct pool {
    uint8_t *requests[MANY];
    size_t bytes[MANY];
};

static struct pool *make_pool(unsigned count)
{
    struct pool *pool = calloc(1, sizeof *pool);

    for (unsigned i = 0; pool != NULL && i < MANY; i++) {
        size_t room = bytes[i % count] + 64;

        pool->requests[i] = malloc(room);
        if (pool->requests[i] == NULL)
            die("out of memory");
        pool->bytes[i] = request_make(pool->requests[i], room, i, tokens[i % count], bytes[i % count]);
    }
    return pool;
}

static void free_pool(struct pool *pool)
{
    for (unsigned i = 0; i < MANY; i++)
        free(pool->requests[i]);
    free(pool);
}

/* The median of round trips. */
static double seen_microseconds(int fd, const struct pool *pool)
{
    static double trips[SEEN];
    static uint8_t in[65536];

    for (unsigned i = 0; i < SEEN; i++) {
        unsigned which = (unsigned)rand() % MANY;
        double start = seconds_now();

        if (write(fd, pool->requests[which], pool->bytes[which]) != (ssize_t)pool->bytes[which] || read(fd, in, sizeof in) <= 0)
            die("a round trip");
        trips[i] = (seconds_now() - start) * 1e6;
    }
    return median(trips, SEEN);
}

int main(void)
{
    static const unsigned counts[2] = {FEW, MANY};
    struct issuer_key key = key_make("ES256");
    struct bench_agent agents[2] = {start(&key), start(&key)};
    int fds[2] = {connect_soon(&agents[0]), connect_soon(&agents[1])};
    double new[2][ROUNDS], seen[2][ROUNDS], new_ratios[ROUNDS], seen_ratios[ROUNDS];

    for (unsigned i = 0; i < MANY; i++)
        tokens[i] = token_make(&key, i, &bytes[i]);
    for (unsigned i = 0; i < 2; i++)
        (void)cold_microseconds(&agents[i], fds[i], tokens, bytes, counts[i]);
    struct pool *pools[2] = {make_pool(FEW), make_pool(MANY)};

    pin(0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < NEW; i++)
            tokens[MANY + i] = token_make(&key, MANY + round * NEW + i, &bytes[MANY + i]);
        for (unsigned i = 0; i < 2; i++) {
            unsigned which = (i + round) % 2;

            seen[which][round] = seen_microseconds(fds[which], pools[which]);
            new[which][round] = cold_microseconds(&agents[which], fds[which], tokens + MANY, bytes + MANY, NEW);
        }
        new_ratios[round] = new[1][round] / new[0][round];
        seen_ratios[round] = seen[1][round] / seen[0][round];
        for (unsigned i = 0; i < NEW; i++)
            free(tokens[MANY + i]);
    }
    double new_ratio = median(new_ratios, ROUNDS), seen_ratio = median(seen_ratios, ROUNDS);

    printf("a token after %d others, and after %d, medians of %d rounds\n", FEW, MANY, ROUNDS);
    printf("  new, CPU time of the agent  %8.2f us, %8.2f us      ratio %.2f (goal: at most 1.10)\n", median(new[0], ROUNDS),
           median(new[1], ROUNDS), new_ratio);
    printf("  seen, round trip            %8.2f us, %8.2f us      ratio %.2f (goal: at most 1.10)\n", median(seen[0], ROUNDS),
           median(seen[1], ROUNDS), seen_ratio);
    goal("cold after 50k distinct tokens, by 1k", new_ratio, "x", AT_MOST, 1.10);
    goal("cached among 50k distinct tokens, by 1k", seen_ratio, "x", AT_MOST, 1.10);
    for (unsigned i = 0; i < 2; i++) {
        close(fds[i]);
        free_pool(pools[i]);
        agent_stop(&agents[i]);
    }
    for (unsigned i = 0; i < MANY; i++)
        free(tokens[i]);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
