/* The cache: the whole token is compared, bytes are bounded, what was not asked for the longest goes first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/verdict/cache.h"

static uint8_t wire[8192];

/* A token as it comes from the checks: text, claims, issuer. */
static struct token make(const char *text, size_t payload)
{
    static struct text names[] = {{"issuer", 6}};
    static const struct issuer issuer = {.names = {names, 1}};
    static char fill[sizeof wire];
    struct token token = token_of(text, strlen(text));
    struct wire_writer writer;

    memset(fill, 'p', sizeof fill);
    wire_writer_init(&writer, wire, sizeof wire);
    wire_put_map(&writer, 2);
    wire_put_text(&writer, "exp");
    wire_put_uint(&writer, 4102444800);
    wire_put_text(&writer, "pad");
    wire_put_str(&writer, fill, payload);
    assert_false(writer.full);
    claims_index(&token.claims, wire, wire_written(&writer));
    token.issuer = &issuer;
    token.exp = 4102444800;
    return token;
}

static struct entry *add(struct cache *cache, const char *text, size_t payload)
{
    struct token token = make(text, payload);

    return cache_add(cache, &token, cache_hash(cache, text, strlen(text)));
}

static struct entry *find(struct cache *cache, const char *text)
{
    return cache_find(cache, text, strlen(text), cache_hash(cache, text, strlen(text)));
}

static void what_was_put_in_comes_out(void **state)
{
    struct cache *cache = cache_new(1 << 20);
    char text[] = "header.payload.signature";
    struct entry *entry = add(cache, text, 100);

    (void)state;
    assert_non_null(entry);
    assert_false(entry->grounds.judged); /* found not revoked by nobody yet */
    memset(text, 'x', sizeof text - 1); /* it has copies of its own */
    memset(wire, 0, sizeof wire);
    entry = find(cache, "header.payload.signature");
    assert_non_null(entry);
    assert_true(text_is(entry->token.text, "header.payload.signature", 24));
    assert_int_equal(claim_item(&entry->token.claims, CLAIM_EXP).uint, 4102444800);
    assert_null(find(cache, text));
    cache_free(cache);
}

/* The hash is only a hint: with the same one, another token is another token. */
static void the_whole_token_is_compared(void **state)
{
    struct cache *cache = cache_new(1 << 20);
    struct token first = make("aaaa.bbbb.cccc", 10), second;

    (void)state;
    assert_non_null(cache_add(cache, &first, 42));
    assert_null(cache_find(cache, "aaaa.bbbb.cccd", 14, 42));
    assert_null(cache_find(cache, "aaaa.bbbb.ccc", 13, 42));
    assert_null(cache_find(cache, "aaaa.bbbb.cccca", 15, 42));
    assert_null(cache_find(cache, "", 0, 42));
    assert_null(cache_find(cache, "aaaa.bbbb.cccc", 14, 43));
    assert_non_null(cache_find(cache, "aaaa.bbbb.cccc", 14, 42));
    second = make("aaaa.bbbb.cccd", 20);
    assert_non_null(cache_add(cache, &second, 42));
    assert_int_equal(cache_find(cache, "aaaa.bbbb.cccc", 14, 42)->token.text.at[13], 'c');
    assert_int_equal(cache_find(cache, "aaaa.bbbb.cccd", 14, 42)->token.text.at[13], 'd');
    cache_free(cache);
}

static void bytes_are_bounded(void **state)
{
    struct cache *cache = cache_new(100000);
    char text[64];

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "token-%u.x.y", i);
        assert_non_null(add(cache, text, i % 700));
        struct cache_facts facts = cache_facts(cache);

        assert_true(facts.bytes <= 100000);
        assert_non_null(find(cache, text));
    }
    struct cache_facts facts = cache_facts(cache);

    assert_true(facts.entries > 50 && facts.evictions == 2000 - facts.entries);
    assert_int_equal(facts.bytes_max, 100000);
    assert_null(find(cache, "token-0.x.y"));
    cache_free(cache);
}

static void who_is_asked_for_stays(void **state)
{
    struct cache *cache = cache_new(20000);
    char text[64];

    (void)state;
    assert_non_null(add(cache, "dear.x.y", 100));
    assert_non_null(add(cache, "forgotten.x.y", 100));
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "token-%u.x.y", i);
        assert_non_null(add(cache, text, 100));
        assert_non_null(find(cache, "dear.x.y"));
    }
    assert_null(find(cache, "forgotten.x.y"));
    cache_free(cache);
}

static void one_that_is_larger_than_all_of_it(void **state)
{
    struct cache *cache = cache_new(4096);

    (void)state;
    assert_non_null(add(cache, "small.x.y", 10));
    assert_null(add(cache, "large.x.y", 5000));
    assert_null(find(cache, "large.x.y"));
    assert_true(cache_facts(cache).bytes <= 4096);
    cache_free(cache);
}

static void resized_and_cleared(void **state)
{
    struct cache *cache = cache_new(1 << 20);
    char text[64];

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "token-%u.x.y", i);
        assert_non_null(add(cache, text, 500));
    }
    assert_int_equal(cache_facts(cache).entries, 500);
    cache_resize(cache, 50000);
    assert_true(cache_facts(cache).bytes <= 50000);
    assert_non_null(find(cache, "token-499.x.y"));
    assert_null(find(cache, "token-0.x.y"));
    cache_clear(cache);
    assert_int_equal(cache_facts(cache).entries, 0);
    assert_int_equal(cache_facts(cache).bytes, 0);
    assert_null(find(cache, "token-499.x.y"));
    assert_non_null(add(cache, "token-499.x.y", 5));
    assert_non_null(find(cache, "token-499.x.y"));
    cache_free(cache);
}

/* A keyring of three issuers with these sets; what is compared of configuration and policy is which ones they are. */
static struct keyring *ring_of(int *config, int *policy, struct keyset *first, struct keyset *second, struct keyset *third)
{
    static struct text names[] = {{"issuer", 6}};
    struct keyset *sets[] = {first, second, third};
    struct keyring *ring = calloc(1, sizeof *ring + 3 * sizeof *ring->entries);

    ring->config = (struct config *)config;
    ring->policy = (struct policy *)policy;
    ring->count = 3;
    for (unsigned i = 0; i < 3; i++)
        ring->entries[i] = (struct keyring_entry){.issuer.names = {names, 1}, .keys = sets[i]};
    return ring;
}

static void add_three(struct cache *cache, const struct keyring *ring)
{
    const char *texts[] = {"first.x.y", "second.x.y", "third.x.y"};

    cache_clear(cache);
    for (unsigned i = 0; i < 3; i++) {
        struct token token = make(texts[i], 10);

        token.issuer = &ring->entries[i].issuer;
        assert_non_null(cache_add(cache, &token, cache_hash(cache, texts[i], strlen(texts[i]))));
    }
}

/* An issuer's new keys end what it said, and the others' tokens are found under the new keyring. */
static void other_keys_end_what_their_issuer_said(void **state)
{
    struct cache *cache = cache_new(1 << 20);
    struct keyset sets[4] = {{0}};
    int config = 0, policy = 0;
    struct keyring *old = ring_of(&config, &policy, &sets[0], &sets[1], &sets[2]);
    struct keyring *ring = ring_of(&config, &policy, &sets[0], &sets[3], &sets[2]);

    (void)state;
    add_three(cache, old);
    cache_follow(cache, old, ring);
    assert_null(find(cache, "second.x.y"));
    assert_ptr_equal(find(cache, "first.x.y")->token.issuer, &ring->entries[0].issuer);
    assert_ptr_equal(find(cache, "third.x.y")->token.issuer, &ring->entries[2].issuer);
    assert_int_equal(cache_facts(cache).entries, 2);
    cache_follow(cache, old, ring); /* what points elsewhere than into the old one is nobody's */
    assert_int_equal(cache_facts(cache).entries, 0);
    free(old);
    free(ring);
    cache_free(cache);
}

static void another_configuration_or_policy_ends_all(void **state)
{
    struct cache *cache = cache_new(1 << 20);
    struct keyset sets[3] = {{0}};
    int configs[2] = {0}, policies[2] = {0};
    struct keyring *old = ring_of(&configs[0], &policies[0], &sets[0], &sets[1], &sets[2]);
    struct keyring *others[] = {ring_of(&configs[1], &policies[0], &sets[0], &sets[1], &sets[2]),
                                ring_of(&configs[0], &policies[1], &sets[0], &sets[1], &sets[2])};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        add_three(cache, old);
        cache_follow(cache, old, others[i]);
        assert_int_equal(cache_facts(cache).entries, 0);
        free(others[i]);
    }
    free(old);
    cache_free(cache);
}

/* Each place of a keyring is found, and no other one: before it, behind it, or within an entry. */
static void whose_entry_it_is(void **state)
{
    struct keyset sets[3] = {{0}};
    int config = 0;
    struct keyring *ring = ring_of(&config, NULL, &sets[0], &sets[1], &sets[2]);
    const char *first = (const char *)&ring->entries[0].issuer;

    (void)state;
    for (int i = -2; i < 5; i++) {
        const struct issuer *at = (const struct issuer *)(const void *)(first + i * (int)sizeof ring->entries[0]);

        assert_ptr_equal(keyring_entry_of(ring, at), i >= 0 && i < 3 ? &ring->entries[i] : NULL);
        assert_ptr_equal(keyring_carry(ring, ring, at), i >= 0 && i < 3 ? at : NULL);
    }
    assert_null(keyring_entry_of(ring, (const struct issuer *)(const void *)(first + 8)));
    assert_null(keyring_entry_of(ring, NULL));
    free(ring);
}

/* Who could foresee it could make many tokens share a bucket. */
static void the_hash_is_each_caches_own(void **state)
{
    struct cache *one = cache_new(1 << 20), *other = cache_new(1 << 20);

    (void)state;
    assert_true(cache_hash(one, "a.b.c", 5) != cache_hash(other, "a.b.c", 5));
    assert_true(cache_hash(one, "a.b.c", 5) == cache_hash(one, "a.b.c", 5));
    assert_true(cache_hash(one, "a.b.c", 5) != cache_hash(one, "a.b.d", 5));
    cache_free(one);
    cache_free(other);
    cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_in_comes_out),        cmocka_unit_test(the_whole_token_is_compared),
        cmocka_unit_test(bytes_are_bounded),                cmocka_unit_test(who_is_asked_for_stays),
        cmocka_unit_test(one_that_is_larger_than_all_of_it), cmocka_unit_test(resized_and_cleared),
        cmocka_unit_test(the_hash_is_each_caches_own),      cmocka_unit_test(other_keys_end_what_their_issuer_said),
        cmocka_unit_test(another_configuration_or_policy_ends_all), cmocka_unit_test(whose_entry_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
