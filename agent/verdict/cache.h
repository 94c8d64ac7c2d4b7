/* The cache of tokens whose signature was good, with their claims: a lookup costs a microsecond, a check a hundred. A token is found as a whole
   and compared byte for byte. Results that may change until the next call (time, audience, revocation) are judged again, unless the last
   acceptance may be reused. The cache is bounded in bytes; the least recently used entry is evicted first. Used on the loop's thread only. */
#ifndef ASSAY_CACHE_H
#define ASSAY_CACHE_H

#include "agent/keys/keyring.h"
#include "agent/policy/decision.h"
#include "grounds.h"

#define REPEAT_AUDIENCE_BYTES 64

/* The last acceptance, and the limits of its reuse: the same audience, or the same allowed audiences, between these times, and while neither the
   counters of its grounds nor the generation of the configuration have grown. All zero: none. */
struct reuse {
    double from, until;
    uint64_t keys;
    uint64_t bounds; /* if no audience was asked for: the id of the allowed audiences (bounds.h); 0: all that are configured */
    bool any_audience;
    uint8_t audience_bytes;
    char audience[REPEAT_AUDIENCE_BYTES];
};

struct entry {
    struct entry *next; /* in its hash bucket */
    struct entry *newer, *older;
    uint64_t hash;
    size_t bytes;
    struct token token; /* points into the entry itself, and into the keyring for which the cache is filled */
    struct grounds grounds; /* on which it was found not revoked */
    struct reuse reuse;
    const uint8_t *answer; /* the first part of an accepting answer (answer.h) */
    size_t answer_bytes;
    struct kept_holder *holder; /* what `authorize` derived from it; NULL: it was not called */
};

/* The roles and scopes that the policy derives from a token, and its holder as answers show it: the same on every call, because no entry outlives
   the policy. */
struct kept_holder {
    struct holder holder;
    size_t bytes; /* of the whole structure */
    size_t answer_bytes;
    uint8_t answer[];
};

struct cache;
struct cache *cache_new(uint64_t bytes_max); /* NULL: out of memory */
void cache_free(struct cache *cache);        /* wipes and frees; NULL is fine */
void cache_resize(struct cache *cache, uint64_t bytes_max);

/* A hash of the token's end: cached tokens have good signatures, and no two signatures end alike. Unchecked tokens are found by the whole text,
   because an attacker can make them end alike. */
uint64_t cache_hash(const struct cache *cache, const char *token, size_t bytes);
uint64_t cache_hash_whole(const struct cache *cache, const char *token, size_t bytes);

/* NULL: not cached. The entry is valid until the next cache_add, cache_follow or cache_clear. */
struct entry *cache_find(struct cache *cache, const char *token, size_t bytes, uint64_t hash);

/* Copies the token's text and claims. NULL: out of memory, or larger than the whole cache. */
struct entry *cache_add(struct cache *cache, const struct token *token, uint64_t hash);

/* Attaches it to the entry, which owns it then. */
void cache_keep_holder(struct cache *cache, struct entry *entry, struct kept_holder *holder);

/* When the keyring is replaced, before the old one is freed: drops tokens of issuers whose keys have changed, and all tokens if the configuration
   or policy has changed; the others point into the new keyring from then on. */
void cache_follow(struct cache *cache, const struct keyring *old, const struct keyring *keyring);

void cache_clear(struct cache *cache);

struct cache_facts {
    uint64_t entries, bytes, bytes_max, hits, misses, evictions;
};
struct cache_facts cache_facts(const struct cache *cache);

#endif
