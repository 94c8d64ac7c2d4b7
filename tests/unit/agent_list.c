/* Records, and the list that they stand on: what a word is against, who holds it, what taking it back leaves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/base/hex.h"
#include "agent/config/config.h"
#include "agent/feeds/feeds.h"
#include "agent/feeds/unreadable.h"
#include "agent/revocation/expiry.h"
#include "list_around.h"

static void each_kind_is_against_its_own(void **state)
{
    char jkt[BASE64URL_ENCODED_MAX(THUMBPRINT_BYTES)], input[65];
    uint8_t digest[32];

    (void)state;
    make_token("J", "S", "I", 100);
    base64url_encode(its.key.thumbprint, THUMBPRINT_BYTES, jkt);
    assert_int_equal(hash_bytes(hasher, "head.payload", 12, digest), 0);
    hex_encode(digest, 32, input);
    static const char *const names[] = {"J", "S", "I", "kid-1"};

    for (enum record_kind kind = RECORD_JTI; kind <= RECORD_KID; kind++) {
        for (size_t i = 0; i < 4; i++)
            refuses(record_of(kind, "i", names[i], kind == RECORD_SUB ? 100 : SECONDS_NONE), kind == RECORD_JTI + i);
    }
    refuses(record_of(RECORD_JKT, "i", jkt, SECONDS_NONE), true);
    refuses(record_of(RECORD_SIGNING_INPUT, "i", input, SECONDS_NONE), true);
    refuses(record_of(RECORD_ISSUER, "i", "", 100), true);
    refuses(record_of(RECORD_JTI, "other", "J", SECONDS_NONE), false);
    refuses(record_of(RECORD_ISSUER, "other", "", 100), false);
    refuses(record_of(RECORD_JTI, "alias", "J", SECONDS_NONE), true); /* an issuer's spellings are one */
    refuses(record_of(RECORD_JTI, "i", "j", SECONDS_NONE), false);
    refuses(record_of(RECORD_JTI, "i", "J ", SECONDS_NONE), false);
}

/* Parts are hashed with their lengths: no two records share a place because their parts run together. */
static void parts_do_not_run_together(void **state)
{
    uint8_t a[RECORD_KEY_BYTES], b[RECORD_KEY_BYTES];

    (void)state;
    assert_int_equal(record_key(hasher, RECORD_JTI, TEXT("ab"), TEXT("c"), a), 0);
    assert_int_equal(record_key(hasher, RECORD_JTI, TEXT("a"), TEXT("bc"), b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(record_key(hasher, RECORD_SUB, TEXT("ab"), TEXT("c"), b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(record_key(hasher, RECORD_JTI, TEXT("ab"), TEXT("c"), b), 0);
    assert_memory_equal(a, b, sizeof a);
}

static void before_in_whole_seconds(void **state)
{
    static const struct {
        double iat;
        bool refused;
    } tokens[] = {{99, true}, {100, true}, {100.999, true}, {101, false}, {0, true}, {-1, true}, {9007199254740991.0, false}};

    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        make_token("J", "S", "I", tokens[i].iat);
        refuses(record_of(RECORD_SUB, "i", "S", 100), tokens[i].refused);
        refuses(record_of(RECORD_SID, "i", "I", 100), tokens[i].refused);
        refuses(record_of(RECORD_ISSUER, "i", "", 100), tokens[i].refused);
        refuses(record_of(RECORD_SID, "i", "I", SECONDS_NONE), true);
    }
}

static void the_larger_before_wins(void **state)
{
    struct record early = record_of(RECORD_SID, "i", "I", 50), late = record_of(RECORD_SID, "i", "I", 150),
                  ever = record_of(RECORD_SID, "i", "I", SECONDS_NONE);

    (void)state;
    make_token("J", "S", "I", 100);
    change(&late, false, "operators");
    change(&early, false, "operators");
    assert_int_equal(judge(), OUTCOME_REFUSED);
    make_token("J", "S", "I", 200);
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
    change(&ever, false, "operators");
    change(&early, false, "operators");
    assert_int_equal(judge(), OUTCOME_REFUSED);
    assert_int_equal(holders(&early), 1);
    change(&early, true, "operators");
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
}

static void refused_while_any_source_holds_it(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "J", SECONDS_NONE);

    (void)state;
    make_token("J", "S", "I", 100);
    change(&record, false, "operators");
    change(&record, false, "feed a");
    change(&record, false, "feed b");
    change(&record, false, "feed b");
    assert_int_equal(holders(&record), 3);
    change(&record, true, "a stranger");
    assert_int_equal(holders(&record), 3);
    change(&record, true, "operators");
    change(&record, true, "operators");
    change(&record, true, "feed a");
    assert_int_equal(judge(), OUTCOME_REFUSED);
    assert_int_equal(holders(&record), 1);
    change(&record, true, "feed b");
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
    change(&record, false, "operators");
    change(&record, false, "feed a");
    change(&record, true, NULL); /* everybody's */
    assert_int_equal(holders(&record), 0);
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
}

static int add_up(void *context, const struct slot *slot)
{
    char *text = context;

    snprintf(text + strlen(text), 800, "%s %s %s %llu; ", slot->issuer, record_kind_name(slot->kind), slot->source,
             (unsigned long long)slot->count);
    return 0;
}

static const char *tally(void)
{
    static char text[8192];

    text[0] = '\0';
    assert_int_equal(slot_each(store_view(store), add_up, text), 0);
    store_let_go(store);
    return text;
}

static void the_tally_counts_words(void **state)
{
    struct record a = record_of(RECORD_JTI, "t", "A", SECONDS_NONE), b = record_of(RECORD_JTI, "t", "B", SECONDS_NONE),
                  kid = record_of(RECORD_KID, "t", "A", SECONDS_NONE);

    (void)state;
    change(&a, false, "x");
    change(&a, false, "x");
    change(&b, false, "x");
    change(&a, false, "y");
    change(&kid, false, "x");
    assert_string_equal(tally(), "t jti x 2; t jti y 1; t kid x 1; ");
    change(&b, true, "y");
    change(&a, true, "x");
    assert_string_equal(tally(), "t jti x 1; t jti y 1; t kid x 1; ");
    change(&a, true, NULL);
    change(&b, true, NULL);
    change(&kid, true, NULL);
    assert_string_equal(tally(), "");
}

/* A key that bore a revoked kid is refused under any name, until nobody holds the kid any more. */
static void a_key_is_covered(void **state)
{
    struct record kid = record_of(RECORD_KID, "i", "old", SECONDS_NONE), second = record_of(RECORD_KID, "i", "older", SECONDS_NONE);

    (void)state;
    make_token("J", "S", "I", 100);
    cover(TEXT("i"), TEXT("old"), its.key.thumbprint);
    assert_int_equal(judge(), OUTCOME_ACCEPTED); /* it is not revoked, so nothing was noted */
    change(&kid, false, "operators");
    assert_int_equal(judge(), OUTCOME_ACCEPTED); /* it bears another name now */
    cover(TEXT("i"), TEXT("old"), its.key.thumbprint);
    cover(TEXT("i"), TEXT("old"), its.key.thumbprint);
    assert_int_equal(judge(), OUTCOME_REFUSED);
    its.key.kid = NULL;
    assert_int_equal(judge(), OUTCOME_REFUSED);
    its.key.thumbprint[31] ^= 1;
    assert_int_equal(judge(), OUTCOME_ACCEPTED); /* another key */
    its.key.thumbprint[31] ^= 1;
    change(&second, false, "operators");
    cover(TEXT("i"), TEXT("older"), its.key.thumbprint);
    change(&kid, true, "operators");
    assert_int_equal(judge(), OUTCOME_REFUSED); /* still by the other name */
    change(&second, true, "operators");
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
    change(&kid, false, "operators");
    assert_int_equal(judge(), OUTCOME_ACCEPTED); /* what was given back stays given back */
    change(&kid, false, "feed");
    cover(TEXT("i"), TEXT("old"), its.key.thumbprint);
    change(&kid, true, "operators");
    assert_int_equal(judge(), OUTCOME_REFUSED); /* the feed holds the kid, and with it the key */
    change(&kid, true, "feed");
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
}

/* The keys that are in force, as a keyring has them: one of issuer "i" (alias "alias"). */
static void cover_all(struct key *key)
{
    static struct text names[] = {{"i", 1}, {"alias", 5}};
    struct keyset *keys = calloc(1, sizeof *keys + sizeof *keys->keys);
    struct keyring *ring = calloc(1, sizeof *ring + sizeof *ring->entries);
    struct view *view = store_begin(store, false);

    keys->count = ring->count = 1;
    keys->keys[0] = key;
    ring->entries[0] = (struct keyring_entry){.issuer = {.names = {names, 2}}, .keys = keys};
    int status = list_cover(hasher, view, ring);

    assert_int_equal(store_commit(view), 0); /* before anything may fail: one writes at a time */
    store_let_go(store);
    free(ring);
    free(keys);
    assert_int_equal(status, 0);
}

/* Whichever spelling of the issuer the kid was revoked under. A key without a name has not borne the empty one. */
static void keys_in_force_are_covered_by_the_kids_that_they_bear(void **state)
{
    static const char *const spellings[] = {"i", "alias"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct record kid = record_of(RECORD_KID, spellings[i], "kid-1", SECONDS_NONE), empty = record_of(RECORD_KID, spellings[i], "", SECONDS_NONE);

        make_token("J", "S", "I", 100);
        change(&empty, false, "operators");
        its.key.kid = NULL;
        its.key.kid_bytes = 0;
        cover_all(&its.key);
        assert_int_equal(judge(), OUTCOME_ACCEPTED);
        make_token("J", "S", "I", 100);
        change(&kid, false, "operators");
        cover_all(&its.key);
        its.key.kid = NULL;
        assert_int_equal(judge(), OUTCOME_REFUSED);
        change(&kid, true, "operators");
        change(&empty, true, "operators");
        assert_int_equal(judge(), OUTCOME_ACCEPTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_against_its_own),
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(before_in_whole_seconds),
        cmocka_unit_test(the_larger_before_wins),
        cmocka_unit_test(refused_while_any_source_holds_it),
        cmocka_unit_test(the_tally_counts_words),
        cmocka_unit_test(keys_in_force_are_covered_by_the_kids_that_they_bear),
        cmocka_unit_test(a_key_is_covered),
    };

    return cmocka_run_group_tests(tests, open_store, close_store);
}
