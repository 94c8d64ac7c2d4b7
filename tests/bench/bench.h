/* What the benchmarks share: keys and tokens made on the spot, a real agent, clocks. All of it ends the process on failure: a
   benchmark that did not run has no number. */
#ifndef ASSAY_BENCH_H
#define ASSAY_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <openssl/evp.h>

struct issuer_key {
    const char *alg;
    EVP_PKEY *pkey;
    EVP_PKEY *public; /* parsed anew, as a verifier has it */
};

struct issuer_key key_make(const char *alg); /* RS256, ES256, EdDSA */

/* A token of about 735 bytes for RS256, as identity providers make them; `number` makes it different from the others. */
char *token_make(const struct issuer_key *key, unsigned number, size_t *ret_bytes);

struct bench_agent {
    pid_t pid;
    char folder[64];
    char socket[96];
};

/* Starts $ASSAY_BUILD/agent/assayd with these keys; pinned to the core, or -1. */
struct bench_agent agent_start(const struct issuer_key *keys, unsigned count, int core);
struct bench_agent agent_start_with(const struct issuer_key *keys, unsigned count, int core, const char *policy); /* NULL: none */
void agent_stop(struct bench_agent *agent); /* and its folder goes */

/* The same agent for another time: it must have ended in order before. */
void agent_end(struct bench_agent *agent); /* its pid is 0 then */
void agent_launch(struct bench_agent *agent);

/* The agent's CPU time for each of these tokens, which it has never seen, COLD_DEPTH in flight. */
double cold_microseconds(const struct bench_agent *agent, int fd, char *const *tokens, const size_t *bytes, unsigned count);
#define COLD_DEPTH 16

/* CPU time of EVP_DigestVerify for one of these. Not for one of them again and again: a processor learns its branches by heart, and is
   a tenth faster at it than at any that comes. */
struct signed_text;
double evp_microseconds(const struct issuer_key *key, const struct signed_text *texts, unsigned count);

/* What these tokens' signatures are over, and the signatures as OpenSSL wants them; the texts are the tokens'. To be freed. */
struct signed_text {
    const char *text;
    size_t text_bytes, signature_bytes;
    uint8_t signature[512];
};
struct signed_text *signed_texts(const struct issuer_key *key, char *const *tokens, unsigned count);

int connect_to(const char *path);
void pin(int core);
double seconds_now(void);
void pin_loop(const struct bench_agent *agent, int core); /* its other threads go where they like */
double cpu_seconds_of(pid_t pid); /* user and system time of a process */
double median(double *values, unsigned count);
void die(const char *what);

/* What was to be reached, and what was: a line for tests/bench/run, "name TAB value TAB unit TAB <= or >= TAB limit", at the end of the
   file that $ASSAY_BENCH_RESULTS names. Nothing without it. */
enum bound { AT_MOST, AT_LEAST };
void goal(const char *name, double value, const char *unit, enum bound bound, double limit);
void wait_for_child(pid_t pid); /* which must end well */

/* A verify or authorize request for the token. Returns its bytes. */
size_t request_make(uint8_t *out, size_t room, uint32_t msgid, const char *token, size_t token_bytes);
size_t authorize_make(uint8_t *out, size_t room, uint32_t msgid, const char *token, size_t token_bytes, const char *action,
                      const char *resource);

#endif
