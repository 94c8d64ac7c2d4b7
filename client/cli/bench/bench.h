/* What the parts of `assay bench` share: the order, the tokens, and the measured figures. */
#ifndef ASSAY_COMMAND_BENCH_H
#define ASSAY_COMMAND_BENCH_H

#include <sys/types.h>

#include "agent/token/algorithm.h"
#include "client/cli/agent.h"
#include "client/cli/token_source.h"
#include "samples.h"

#define BENCH_BATCH 64 /* calls in process that are timed together */

enum bench_mode { BENCH_LOCAL, BENCH_SOCKET, BENCH_COLD };

struct bench_order {
    struct agent agent;
    enum bench_mode mode;
    const char *mode_name, *tokens, *key, *alg, *kid, *issuer, *audience;
    int64_t distinct, connections, depth, ms;
    enum algorithm algorithm;
};

struct bench_tokens {
    struct token_text *tokens;
    size_t count, room;
};

/* Reads tokens from the file's lines, or signs as many distinct ones as ordered. Returns 0; on failure reports the error and returns the
   exit code. */
int bench_tokens_read(const char *path, struct bench_tokens *tokens);
int bench_tokens_mint(const struct bench_order *order, struct bench_tokens *tokens);
int bench_tokens_add(struct bench_tokens *tokens, const char *bytes, size_t count);
void bench_tokens_clear(struct bench_tokens *tokens); /* wipes them */

/* A request, and the answer's bytes behind its msgid; NULL if only its meaning is known: yes. */
struct bench_request {
    uint8_t *bytes, *expected;
    size_t size, expected_bytes;
};

struct bench_requests {
    struct bench_request *requests;
    size_t count;
};

/* Asks the agent about one token. Returns 0 with the answer, which the caller has initialised; on failure reports the error and returns
   the exit code. */
int bench_ask(const struct bench_order *order, const struct token_text *token, size_t number, struct answer *answer);

/* Makes requests for all tokens; with `answered`, asks each once and keeps the answer, so that the agent has it cached before the clock
   starts. */
int bench_requests_make(const struct bench_order *order, const struct bench_tokens *tokens, bool answered,
                        struct bench_requests *requests);
void bench_requests_clear(struct bench_requests *requests);

struct bench_figures {
    struct samples samples;
    uint64_t requests;
    int64_t elapsed_ns;
    int64_t agent_cpu_ns; /* -1: not known */
};

/* Requests in flight on connections. The requests and the sockets belong to the caller. */
struct pipeline {
    const struct bench_order *order;
    const struct bench_requests *requests;
    const int *sockets;
    size_t connections, depth;
    size_t next; /* the request that is sent next */
    bool once;   /* send each once */
};

/* Sends for that long, but at most `most` requests, and waits for the answers. Returns 0; on failure reports the error and returns the
   exit code. */
int pipeline_run(struct pipeline *pipeline, int64_t ns, uint64_t most, struct bench_figures *figures);

/* The bare echo server: a child that returns the stored answer to each request, with one socket per connection. */
struct echo {
    pid_t pid;
    int *sockets;
    size_t count;
};
int echo_start(const struct bench_request *request, size_t connections, size_t depth, struct echo *echo);
void echo_stop(struct echo *echo);

/* Runs one round in process. */
int bench_local_round(const struct bench_order *order, const struct bench_tokens *tokens, int64_t ns,
                      struct bench_figures *figures);

struct bench_results {
    struct bench_figures agent, echo;
    size_t token_bytes; /* of the first */
    size_t tokens;
};
int bench_show(const struct bench_order *order, const struct bench_results *results);

#endif
