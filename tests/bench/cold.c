/* A token that was never seen: the agent's whole CPU time for it (socket, parsing, signature, revocation list, answer), beside what
   EVP_DigestVerify takes with a key that was parsed once. Tokens go 16 in flight; rounds alternate. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 5
#define TOKENS 2000

struct tokens {
    char *token[TOKENS];
    size_t bytes[TOKENS];
};

static void make_tokens(const struct issuer_key *key, unsigned round, struct tokens *tokens)
{
    for (unsigned i = 0; i < TOKENS; i++)
        tokens->token[i] = token_make(key, round * TOKENS + i, &tokens->bytes[i]);
}

static void run(const char *alg, double limit)
{
    struct issuer_key key = key_make(alg);
    struct bench_agent agent = agent_start(&key, 1, 0);
    static struct tokens tokens;
    double ours[ROUNDS], evp[ROUNDS];
    int fd = connect_to(agent.socket);

    pin(0);

    for (unsigned round = 0; round < ROUNDS; round++) {
        make_tokens(&key, round, &tokens);
        ours[round] = cold_microseconds(&agent, fd, tokens.token, tokens.bytes, TOKENS);
        struct signed_text *texts = signed_texts(&key, tokens.token, TOKENS);

        evp[round] = evp_microseconds(&key, texts, TOKENS);
        free(texts);
        for (unsigned i = 0; i < TOKENS; i++)
            free(tokens.token[i]);
    }
    double mine = median(ours, ROUNDS), bare = median(evp, ROUNDS);

    printf("  %-6s agent %7.2f us      EVP_DigestVerify %7.2f us      ratio %.2f (goal: at most %.2f)\n", alg, mine, bare, mine / bare, limit);
    char name[64];

    snprintf(name, sizeof name, "cold %s, CPU of the agent by EVP's", alg);
    goal(name, mine / bare, "x", AT_MOST, limit);
    close(fd);
    agent_stop(&agent);
    EVP_PKEY_free(key.pkey);
    EVP_PKEY_free(key.public);
}

int main(void)
{
    printf("cold verify, CPU time of the agent for each token, %d in flight, medians of %d rounds\n", COLD_DEPTH, ROUNDS);
    run("RS256", 1.15);
    run("ES256", 1.05);
    run("EdDSA", 1.05);
    return 0;
}
