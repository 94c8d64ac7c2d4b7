/* Tokens whose signature was good, with their claims: what costs a microsecond to read and a hundred to check is done once. Found by the
   whole token, compared byte for byte. What may change until the next call (time, audience, revocation) is judged anew,
   unless the last yes may be repeated. Bounded in bytes; the entry that was not asked for the longest goes first. The loop thread's alone. */
#ifndef ASSAY_CACHE_H
#define ASSAY_CACHE_H

#include "agent/keys/keyring.h"
#include "agent/policy/decision.h"
#include "grounds.h"

#define REPEAT_AUDIENCE_BYTES 64

/* The last yes, and within what it may be repeated: the same audience, or the same ones, between these times, and while neither the counters of its grounds
   nor the generation of the configuration have grown. All zero: there was none. */
struct reuse {
    double from, until;
    uint64_t keys;
    uint64_t bounds; /* whose audiences, where none was asked for (bounds.h); 0: all that are configured */
    bool any_audience;
    uint8_t audience_bytes;
    char audience[REPEAT_AUDIENCE_BYTES];
};

struct entry {
    struct entry *next; /* in its bucket */
    struct entry *newer, *older;
    uint64_t hash;
    size_t bytes;
    struct token token; /* points into the entry itself, and into the keyring under which the cache is filled */
    struct grounds grounds; /* on which it was found not revoked */
    struct reuse reuse;
    const uint8_t *answer; /* the beginning of a yes (answer.h) */
    size_t answer_bytes;
    struct kept_holder *holder; /* what `authorize` found of it; NULL: it was not asked */
};

/* What the policy makes of a token, and how answers tell whose it is: the same on every call, for no entry outlives the policy. */
struct kept_holder {
    struct holder holder;
    size_t bytes; /* of the whole */
    size_t answer_bytes;
    uint8_t answer[];
};

struct cache;
struct cache *cache_new(uint64_t bytes_max); /* NULL: out of memory */
void cache_free(struct cache *cache);        /* wipes; NULL is fine */
void cache_resize(struct cache *cache, uint64_t bytes_max);

/* Of the token's end: what is kept was signed, and no two signatures end alike. Tokens that were not checked yet are found by the whole:
   they can be made to end alike. */
uint64_t cache_hash(const struct cache *cache, const char *token, size_t bytes);
uint64_t cache_hash_whole(const struct cache *cache, const char *token, size_t bytes);

/* NULL: it is not there. The entry is valid until the next cache_add, cache_follow or cache_clear. */
struct entry *cache_find(struct cache *cache, const char *token, size_t bytes, uint64_t hash);

/* Takes copies of the token's text and claims. NULL: out of memory, or larger than the whole cache. */
struct entry *cache_add(struct cache *cache, const struct token *token, uint64_t hash);

/* Keeps it beside the entry, which owns it then. */
void cache_keep_holder(struct cache *cache, struct entry *entry, struct kept_holder *holder);

/* When the keyring is replaced, before the old one goes: tokens of issuers whose keys have changed have to be verified again, and so has
   everything under another configuration or policy; the others point into the new keyring from now on. */
void cache_follow(struct cache *cache, const struct keyring *old, const struct keyring *keyring);

void cache_clear(struct cache *cache);

struct cache_facts {
    uint64_t entries, bytes, bytes_max, hits, misses, evictions;
};
struct cache_facts cache_facts(const struct cache *cache);

#endif
