#include "cache.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/rand.h>

#include "answer.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BUCKETS_MIN 256
#define HASHED_BYTES 32

struct cache {
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
    struct entry *newest, *oldest;
    uint8_t secret[XXH_SECRET_DEFAULT_SIZE]; /* of this run: an attacker who could make tokens collide could make the cache slow */
    struct cache_facts facts;
};

struct cache *cache_new(uint64_t bytes_max)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return NULL;
    cache->bucket_count = BUCKETS_MIN;
    cache->buckets = calloc(cache->bucket_count, sizeof(struct entry *));
    cache->facts.bytes_max = bytes_max;
    if (cache->buckets == NULL || RAND_bytes(cache->secret, sizeof cache->secret) != 1) {
        cache_free(cache);
        return NULL;
    }
    return cache;
}

uint64_t cache_hash(const struct cache *cache, const char *token, size_t bytes)
{
    size_t end = bytes < HASHED_BYTES ? bytes : HASHED_BYTES;

    return XXH3_64bits_withSecret(token + bytes - end, end, cache->secret, sizeof cache->secret);
}

uint64_t cache_hash_whole(const struct cache *cache, const char *token, size_t bytes)
{
    return XXH3_64bits_withSecret(token, bytes, cache->secret, sizeof cache->secret);
}

static struct entry **bucket_of(struct cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

static void link_newest(struct cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest != NULL)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

static void unlink_age(struct cache *cache, struct entry *entry)
{
    if (entry->newer != NULL)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    if (entry->older != NULL)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
}

static void entry_free(struct cache *cache, struct entry *entry)
{
    cache->facts.entries--;
    cache->facts.bytes -= entry->bytes;
    if (entry->holder != NULL) {
        cache->facts.bytes -= entry->holder->bytes;
        free(entry->holder);
    }
    explicit_bzero(entry, entry->bytes);
    free(entry);
}

static void drop(struct cache *cache, struct entry *entry)
{
    struct entry **link = bucket_of(cache, entry->hash);

    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    unlink_age(cache, entry);
    entry_free(cache, entry);
}

static void make_room(struct cache *cache, size_t bytes)
{
    while (cache->oldest != NULL && cache->facts.bytes + bytes > cache->facts.bytes_max) {
        drop(cache, cache->oldest);
        cache->facts.evictions++;
    }
}

/* Doubles the buckets when there are more entries than buckets. If out of memory, lookups become slower, not wrong. */
static void grow(struct cache *cache)
{
    size_t count = cache->bucket_count * 2;
    struct entry **old = cache->buckets, **buckets = calloc(count, sizeof(struct entry *));

    if (buckets == NULL)
        return;
    cache->buckets = buckets;
    cache->bucket_count = count;
    for (size_t i = 0; i < count / 2; i++) {
        for (struct entry *entry = old[i], *next; entry != NULL; entry = next) {
            struct entry **bucket = bucket_of(cache, entry->hash);

            next = entry->next;
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(old);
}

struct entry *cache_find(struct cache *cache, const char *token, size_t bytes, uint64_t hash)
{
    for (struct entry *entry = *bucket_of(cache, hash); entry != NULL; entry = entry->next) {
        if (entry->hash != hash || !text_is(entry->token.text, token, bytes))
            continue;
        if (entry != cache->newest) {
            unlink_age(cache, entry);
            link_newest(cache, entry);
        }
        cache->facts.hits++;
        return entry;
    }
    cache->facts.misses++;
    return NULL;
}

/* The text and the first part of the answer, which contains the claims, follow the entry. */
static void copy_in(struct entry *entry, const struct token *token)
{
    char *text = (char *)(entry + 1);
    struct wire_writer writer;

    memcpy(text, token->text.at, token->text.bytes);
    wire_writer_init(&writer, text + token->text.bytes, answer_head_room(token));
    answer_put_head(&writer, token);
    entry->answer = writer.start;
    entry->answer_bytes = wire_written(&writer);
    entry->token = *token;
    entry->token.text.at = text;
    entry->token.claims.wire = writer.start + ANSWER_CLAIMS_AT;
    entry->token.signature_at = NULL; /* these point into the room of the check */
    entry->token.kid.at = entry->token.typ.at = NULL;
}

struct entry *cache_add(struct cache *cache, const struct token *token, uint64_t hash)
{
    size_t bytes = sizeof(struct entry) + token->text.bytes + answer_head_room(token);

    if (bytes > cache->facts.bytes_max)
        return NULL;
    make_room(cache, bytes);
    struct entry *entry = malloc(bytes);

    if (entry == NULL)
        return NULL;
    memset(entry, 0, sizeof *entry);
    entry->hash = hash;
    entry->bytes = bytes;
    copy_in(entry, token);
    entry->next = *bucket_of(cache, hash);
    *bucket_of(cache, hash) = entry;
    link_newest(cache, entry);
    cache->facts.entries++;
    cache->facts.bytes += bytes;
    if (cache->facts.entries > cache->bucket_count)
        grow(cache);
    return entry;
}

void cache_keep_holder(struct cache *cache, struct entry *entry, struct kept_holder *holder)
{
    entry->holder = holder;
    cache->facts.bytes += holder->bytes;
    while (cache->oldest != entry && cache->facts.bytes > cache->facts.bytes_max) { /* the new entry was just used, and stays */
        drop(cache, cache->oldest);
        cache->facts.evictions++;
    }
}

void cache_follow(struct cache *cache, const struct keyring *old, const struct keyring *keyring)
{
    for (struct entry *entry = cache->oldest, *newer; entry != NULL; entry = newer) {
        const struct issuer *issuer = keyring_carry(old, keyring, entry->token.issuer);

        newer = entry->newer;
        if (issuer != NULL)
            entry->token.issuer = issuer;
        else
            drop(cache, entry);
    }
}

void cache_clear(struct cache *cache)
{
    while (cache->oldest != NULL)
        drop(cache, cache->oldest);
}

void cache_resize(struct cache *cache, uint64_t bytes_max)
{
    cache->facts.bytes_max = bytes_max;
    make_room(cache, 0);
}

void cache_free(struct cache *cache)
{
    if (cache == NULL)
        return;
    if (cache->buckets != NULL)
        cache_clear(cache);
    free(cache->buckets);
    free(cache);
}

struct cache_facts cache_facts(const struct cache *cache)
{
    return cache->facts;
}
