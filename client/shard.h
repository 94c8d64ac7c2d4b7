/* The memory of the cache, divided into shards: one for each processor. A thread enters the shard of the processor that it runs on,
   by one atomic exchange. That fails only if another thread was interrupted inside the shard; then the thread tries the next
   shards, and after a few goes without the cache. So no thread waits; a thread that stops inside a shard blocks only that shard;
   and one thread at a time uses a shard's entries, so no entry is freed while another thread reads it. */
#ifndef ASSAY_CLIENT_SHARD_H
#define ASSAY_CLIENT_SHARD_H

#include "stamp.h"
#include "verdict.h"

/* A question. Its strings belong to the caller, and are sent from where they are. */
struct question {
    const char *token; /* NULL: no token, which only authorize allows */
    size_t token_bytes;
    const char *audience;          /* NULL: any */
    const char *action, *resource; /* of authorize; NULL: the question is verify, or has checks */
    const struct assay_check *checks;
    uint32_t check_count; /* 0: there are no checks */
    unsigned timeout_ms;  /* 0: the handle's */
    bool claims;          /* of authorize: return the token's claims too */
};

/* A cached yes. Its strings follow: token, audience, action, resource. */
struct yes {
    uint32_t bytes; /* of the entry and its strings, in whole units; 0: the ring continues at its start */
    uint32_t slot;  /* its place in the table */
    uint64_t hash;
    struct assay_verdict *verdict; /* NULL: the entry was forgotten */
    uint32_t token_bytes, audience_bytes, action_bytes, resource_bytes;
    bool has_audience, is_authorize, has_claims;
    struct stamp stamp;
    char texts[];
};

struct shard;

struct shards {
    char *at;                  /* all zero: empty shards */
    unsigned count;            /* a power of two */
    uint32_t ring_bytes, rows; /* of each shard; the number of rows is a power of two */
    size_t shard_bytes;
    size_t verdict_bytes_max; /* of each shard's verdicts, which are on the heap */
    uint64_t secret;
};

/* Computes how many shards that many bytes give, and their size. The caller sets shards->at to zeroed memory of the returned size.
   Returns 0 if the bytes are too few for one shard. */
size_t shards_plan(struct shards *shards, size_t bytes);

/* Fills in the head of an entry for this question. False: it is too large for the cache, or of a kind that is not cached. */
bool shards_measure(const struct shards *shards, const struct question *question, struct yes *ret_head);

struct shard *shards_enter(const struct shards *shards); /* NULL: all shards that were tried are in use */
void shard_leave(struct shard *shard);

/* These work on a shard that was entered. */
struct yes *shard_find(const struct shards *shards, struct shard *shard, const struct question *question, const struct yes *head);
void shard_put(const struct shards *shards, struct shard *shard, const struct question *question,
               const struct yes *head); /* takes the verdict */
void shard_forget(struct shard *shard, struct yes *yes);

/* Forgets every entry of every shard that no thread is in. */
void shards_empty(const struct shards *shards);

#endif
