/* A cached verify over the socket while another peer sends nothing but bad signatures, as many as are answered, and while nobody
   does. The agent's loop and who measures share one core; the flood has the other, and the threads that check signatures go where
   they like.

   What stands between this and the goal (perf sched timehist): the loop takes up a read of 64 new tokens, and what comes back of them, in
   stretches of some 150 us; and a thread that checks signatures has slices of 250 to 550 us of the loop's core, for it gets its fair share
   of it. Either makes one trip of a hundred late, so that mending one alone shows nothing. With four to eight new tokens a turn and
   one thread, the ratio is 4 to 8 instead of 12, but a cold RS256 costs a tenth more of the agent's time; so it was not kept. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "beside.h"

#define TRIPS    20000
#define BAD      64 /* different tokens, and as many in flight */
#define FIRST_US 100000

static uint8_t flood_out[BAD * 2048];
static size_t flood_bytes;

static void make_flood(const struct issuer_key *key)
{
    for (unsigned i = 0; i < BAD; i++) {
        size_t bytes;
        char *token = token_make(key, 1000 + i, &bytes);

        token[bytes - 20] = token[bytes - 20] == 'A' ? 'B' : 'A';
        flood_bytes += request_make(flood_out + flood_bytes, sizeof flood_out - flood_bytes, i, token, bytes);
        free(token);
    }
}

/* Never ends by itself. Counts the refusals. */
static void flood(const struct bench_agent *agent, unsigned long *refused)
{
    static uint8_t in[1 << 20];
    int fd = connect_to(agent->socket);

    for (;;) {
        size_t got = 0;
        unsigned answers = 0;

        if (write(fd, flood_out, flood_bytes) != (ssize_t)flood_bytes)
            _exit(1);
        while (answers < BAD) {
            ssize_t some = read(fd, in + got, sizeof in - got);
            uint8_t *found;

            if (some <= 0)
                _exit(1);
            got += (size_t)some;
            answers = 0;
            for (uint8_t *at = in; (found = memmem(at, (size_t)(in + got - at), "bad_signature", 13)) != NULL; at = found + 13)
                answers++;
        }
        *refused += answers;
    }
}

int main(void)
{
    static const struct disturber disturber = {flood, FIRST_US, FIRST_US};
    struct issuer_key key = key_make("RS256");
    struct bench_agent agent = agent_start(&key, 1, -1);

    make_flood(&key);
    struct beside found = measure_beside(&agent, &key, TRIPS, INFINITY, &disturber);

    if (found.rate < 1000)
        die("the flood was none");
    printf("cached verify, alone and beside a peer with %.0f bad RS256 signatures a second, medians of %d rounds\n", found.rate,
           BESIDE_ROUNDS);
    tell_beside(&found, "cached p99 beside a flood of bad signatures, by quiet");
    agent_stop(&agent);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
    return 0;
}
