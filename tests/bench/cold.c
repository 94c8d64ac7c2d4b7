/* A token that was never seen: the agent's whole CPU time for it (socket, parsing, signature, revocation list, answer), beside what
   EVP_DigestVerify takes with a key that was parsed once. Tokens go 16 in flight; rounds alternate. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 5
#define TOKENS 2000

struct tokens {
    char *token[TOKENS];
    size_t bytes[TOKENS];
};

static double thread_seconds(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static void make_tokens(const struct issuer_key *key, unsigned round, struct tokens *tokens)
{
    for (unsigned i = 0; i < TOKENS; i++)
        tokens->token[i] = token_make(key, round * TOKENS + i, &tokens->bytes[i]);
}

/* The same signatures, by OpenSSL alone. Not one of them again and again: a processor learns its branches by heart, and is a tenth faster
   at it than at any that comes. */
static double evp_microseconds(const struct issuer_key *key, const struct tokens *tokens)
{
    static uint8_t signature[TOKENS][512];
    static size_t size[TOKENS], input[TOKENS];
    const EVP_MD *digest = strcmp(key->alg, "EdDSA") == 0 ? NULL : EVP_sha256();
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    for (unsigned i = 0; i < TOKENS; i++)
        size[i] = signature_of(key, tokens->token[i], signature[i], &input[i]);
    double before = thread_seconds();

    for (unsigned i = 0; i < TOKENS; i++) {
        EVP_MD_CTX_reset(context);
        if (EVP_DigestVerifyInit(context, NULL, digest, NULL, key->public) != 1 ||
            EVP_DigestVerify(context, signature[i], size[i], (const unsigned char *)tokens->token[i], input[i]) != 1)
            die("verifying");
    }
    double used = thread_seconds() - before;

    EVP_MD_CTX_free(context);
    return used / TOKENS * 1e6;
}

static void run(const char *alg, double goal)
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
        evp[round] = evp_microseconds(&key, &tokens);
        for (unsigned i = 0; i < TOKENS; i++)
            free(tokens.token[i]);
    }
    double mine = median(ours, ROUNDS), bare = median(evp, ROUNDS);

    printf("  %-6s agent %7.2f us      EVP_DigestVerify %7.2f us      ratio %.2f (goal: at most %.2f)\n", alg, mine, bare, mine / bare, goal);
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
