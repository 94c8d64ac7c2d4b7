/* In a shard, entries lie one behind the other in a ring, in which the newest overwrites the oldest. A table of their hashes finds
   them. A fork may wipe all of it in the child at any time; then it is an empty shard. Verdicts are shared with callers, so they
   are outside, on the heap; a child keeps its parent's, unused, until it ends. */
#include "shard.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "client/wire/exports.h"
#include "cold.h"
#include "limits.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SHARDS_TRIED 4
#define WAYS         8 /* of a table's row: one cache line */
#define UNIT         64

struct slot {
    uint32_t tag; /* a part of the hash */
    uint32_t at;  /* in units, plus one; 0: empty */
};

/* Its table and its ring follow, each at a cache line. */
struct shard {
    _Atomic uint32_t busy;
    uint32_t count;      /* of entries in the ring, including forgotten ones */
    uint32_t head, tail; /* where the next entry goes; where the oldest is */
    size_t verdict_bytes;
} __attribute__((aligned(UNIT)));

/* A part of the memory is for tokens, the rest for verdicts. The table has a row for each 4 KiB of ring: entries are larger than
   half a KiB, so half of the slots are empty. */
COLD size_t shards_plan(struct shards *shards, size_t bytes)
{
    long processors = sysconf(_SC_NPROCESSORS_CONF);

    *shards = (struct shards){.count = 1, .rows = 1, .secret = shards->secret};
    if (bytes < SHARD_BYTES_MIN)
        return 0;
    while (shards->count < processors && shards->count < SHARDS_MAX && bytes / shards->count / 2 >= SHARD_BYTES_MIN)
        shards->count *= 2;
    size_t each = bytes / shards->count < SHARD_BYTES_MAX ? bytes / shards->count : SHARD_BYTES_MAX;

    shards->ring_bytes = (uint32_t)(each / 8 * 3 / UNIT * UNIT);
    shards->verdict_bytes_max = each / 2;
    while (shards->rows < shards->ring_bytes / 4096)
        shards->rows *= 2;
    shards->shard_bytes = sizeof(struct shard) + shards->rows * WAYS * sizeof(struct slot) + shards->ring_bytes;
    return shards->count * shards->shard_bytes;
}

static struct shard *shard_at(const struct shards *shards, unsigned index)
{
    return (struct shard *)(shards->at + (index & (shards->count - 1)) * shards->shard_bytes);
}

static struct slot *table_of(struct shard *shard)
{
    return (struct slot *)(shard + 1);
}

static struct yes *yes_at(const struct shards *shards, struct shard *shard, uint32_t at)
{
    return (struct yes *)((char *)(table_of(shard) + shards->rows * WAYS) + at);
}

static bool try_lane(struct shard *shard)
{
    return atomic_exchange_explicit(&shard->busy, 1, memory_order_acquire) == 0;
}

struct shard *shards_enter(const struct shards *shards)
{
    unsigned processor = (unsigned)sched_getcpu();

    for (unsigned i = 0; i < SHARDS_TRIED && i < shards->count; i++) {
        struct shard *shard = shard_at(shards, processor + i);

        if (try_lane(shard))
            return shard;
    }
    return NULL;
}

void shard_leave(struct shard *shard)
{
    atomic_store_explicit(&shard->busy, 0, memory_order_release);
}

/* Hashes the end of a text, which for nearly every text is the whole of it: no code for longer ones is needed. */
static uint64_t hash_end(const char *text, size_t bytes, size_t most, uint64_t hash)
{
    size_t end = bytes < most ? bytes : most;

    return XXH3_64bits_withSeed(text + (bytes - end), end, hash);
}

#define TOKEN_END_BYTES 32
#define TEXT_END_BYTES  128

/* The end of the token is enough: every cached token is signed, and no two signatures end alike. The lookup then compares the whole
   token. */
static uint64_t hash_of(const struct shards *shards, const struct question *question, const struct yes *sizes)
{
    uint64_t hash =
        shards->secret + ((uint64_t)sizes->token_bytes << 2) + (sizes->has_audience ? 1 : 0) + (sizes->is_authorize ? 2 : 0);

    if (sizes->token_bytes > 0)
        hash = hash_end(question->token, sizes->token_bytes, TOKEN_END_BYTES, hash);
    if (sizes->has_audience)
        hash = hash_end(question->audience, sizes->audience_bytes, TEXT_END_BYTES, hash);
    if (sizes->is_authorize) {
        hash = hash_end(question->action, sizes->action_bytes, TEXT_END_BYTES, hash);
        hash = hash_end(question->resource, sizes->resource_bytes, TEXT_END_BYTES, hash);
    }
    return hash;
}

bool shards_measure(const struct shards *shards, const struct question *question, struct yes *ret)
{
    size_t audience = question->audience != NULL ? strlen(question->audience) : 0;
    size_t action = question->action != NULL ? strlen(question->action) : 0;
    size_t resource = question->resource != NULL ? strlen(question->resource) : 0;

    if (question->check_count > 0 || question->token_bytes > TOKEN_SENT_BYTES_MAX || audience > AUDIENCE_BYTES_MAX ||
        action > ACTION_BYTES_MAX || resource > RESOURCE_SENT_BYTES_MAX)
        return false;
    ret->token_bytes = (uint32_t)question->token_bytes;
    ret->audience_bytes = (uint32_t)audience;
    ret->action_bytes = (uint32_t)action;
    ret->resource_bytes = (uint32_t)resource;
    ret->has_audience = question->audience != NULL;
    ret->is_authorize = question->action != NULL;
    ret->has_claims = question->claims;
    ret->bytes = (uint32_t)((sizeof *ret + question->token_bytes + audience + action + resource + UNIT - 1) / UNIT * UNIT);
    ret->hash = hash_of(shards, question, ret);
    return ret->bytes <= shards->ring_bytes / 4;
}

static bool is_about(const struct yes *yes, const struct question *question, const struct yes *sizes)
{
    const char *at = yes->texts;

    if (yes->hash != sizes->hash || yes->token_bytes != sizes->token_bytes || yes->audience_bytes != sizes->audience_bytes ||
        yes->action_bytes != sizes->action_bytes || yes->resource_bytes != sizes->resource_bytes ||
        yes->has_audience != sizes->has_audience || yes->is_authorize != sizes->is_authorize ||
        yes->has_claims != sizes->has_claims)
        return false;
    if (sizes->token_bytes > 0 && memcmp(at, question->token, sizes->token_bytes) != 0)
        return false;
    at += sizes->token_bytes;
    if (sizes->audience_bytes > 0 && memcmp(at, question->audience, sizes->audience_bytes) != 0)
        return false;
    at += sizes->audience_bytes;
    return !sizes->is_authorize || (memcmp(at, question->action, sizes->action_bytes) == 0 &&
                                    memcmp(at + sizes->action_bytes, question->resource, sizes->resource_bytes) == 0);
}

static struct slot *row_of(const struct shards *shards, struct shard *shard, uint64_t hash)
{
    return table_of(shard) + ((uint32_t)hash & (shards->rows - 1)) * WAYS;
}

struct yes *shard_find(const struct shards *shards, struct shard *shard, const struct question *question, const struct yes *sizes)
{
    struct slot *row = row_of(shards, shard, sizes->hash);
    uint32_t tag = (uint32_t)(sizes->hash >> 32);

    for (unsigned i = 0; i < WAYS; i++) {
        if (row[i].at == 0 || row[i].tag != tag)
            continue;
        struct yes *yes = yes_at(shards, shard, (row[i].at - 1) * UNIT);

        if (is_about(yes, question, sizes))
            return yes;
    }
    return NULL;
}

/* The entry's place in the ring is free only when the ring comes round to it. */
COLD void shard_forget(struct shard *shard, struct yes *yes)
{
    if (yes->verdict == NULL)
        return;
    table_of(shard)[yes->slot].at = 0;
    shard->verdict_bytes -= yes->verdict->bytes;
    assay_verdict_free(yes->verdict);
    yes->verdict = NULL;
    explicit_bzero(yes->texts, yes->bytes - sizeof *yes);
}

/* Removes the oldest entry. */
COLD static void drop_oldest(const struct shards *shards, struct shard *shard)
{
    struct yes *oldest = yes_at(shards, shard, shard->tail);

    if (shard->tail == shards->ring_bytes || oldest->bytes == 0) {
        shard->tail = 0;
        oldest = yes_at(shards, shard, 0);
    }
    shard_forget(shard, oldest);
    shard->tail += oldest->bytes;
    if (--shard->count == 0)
        shard->head = shard->tail = 0;
}

static bool is_in_the_way(const struct shard *shard, uint32_t end)
{
    return shard->count > 0 && shard->tail >= shard->head && shard->tail < end;
}

/* Makes room for that many bytes at the ring's head, in one piece. */
COLD static struct yes *make_room(const struct shards *shards, struct shard *shard, uint32_t bytes)
{
    uint32_t all = shards->ring_bytes;

    if (shard->head + bytes > all) {
        while (is_in_the_way(shard, all + 1))
            drop_oldest(shards, shard);
        if (shard->head > 0 && shard->head < all)
            yes_at(shards, shard, shard->head)->bytes = 0;
        shard->head = 0;
    }
    while (is_in_the_way(shard, shard->head + bytes))
        drop_oldest(shards, shard);
    return yes_at(shards, shard, shard->head);
}

/* Chooses an empty slot of the row; else the slot of the entry that ends first. */
COLD static uint32_t choose_slot(const struct shards *shards, struct shard *shard, uint64_t hash)
{
    struct slot *row = row_of(shards, shard, hash), *chosen = row;
    int64_t soonest = INT64_MAX;

    for (unsigned i = 0; i < WAYS; i++) {
        if (row[i].at == 0)
            return (uint32_t)(row + i - table_of(shard));
        const struct yes *yes = yes_at(shards, shard, (row[i].at - 1) * UNIT);

        if (yes->stamp.deadline < soonest) {
            soonest = yes->stamp.deadline;
            chosen = row + i;
        }
    }
    shard_forget(shard, yes_at(shards, shard, (chosen->at - 1) * UNIT));
    return (uint32_t)(chosen - table_of(shard));
}

COLD void shard_put(const struct shards *shards, struct shard *shard, const struct question *question, const struct yes *head)
{
    struct yes *yes = make_room(shards, shard, head->bytes);
    uint32_t at = shard->head;

    if (shard->count++ == 0)
        shard->tail = at;
    shard->head += head->bytes;
    *yes = *head;
    yes->slot = choose_slot(shards, shard, head->hash);
    char *texts = yes->texts;

    if (head->token_bytes > 0)
        memcpy(texts, question->token, head->token_bytes);
    texts += head->token_bytes;
    if (head->audience_bytes > 0)
        memcpy(texts, question->audience, head->audience_bytes);
    texts += head->audience_bytes;
    if (head->is_authorize) {
        memcpy(texts, question->action, head->action_bytes);
        memcpy(texts + head->action_bytes, question->resource, head->resource_bytes);
    }
    table_of(shard)[yes->slot] = (struct slot){(uint32_t)(head->hash >> 32), at / UNIT + 1};
    shard->verdict_bytes += head->verdict->bytes;
    while (shard->verdict_bytes > shards->verdict_bytes_max && shard->count > 1)
        drop_oldest(shards, shard);
}

static void empty(const struct shards *shards, struct shard *shard)
{
    while (shard->count > 0)
        drop_oldest(shards, shard);
}

COLD void shards_empty(const struct shards *shards)
{
    for (unsigned i = 0; i < shards->count; i++) {
        struct shard *shard = shard_at(shards, i);

        if (!try_lane(shard))
            continue;
        empty(shards, shard);
        shard_leave(shard);
    }
}
