/* Records, and the list that they stand on: what a word is against, who holds it, what taking it back leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/base/hex.h"
#include "agent/config/config.h"
#include "agent/feeds/feeds.h"
#include "agent/feeds/unreadable.h"
#include "agent/revocation/expiry.h"
#include "agent/revocation/list.h"

#define TEXT(literal) ((struct text){literal, sizeof literal - 1})

static struct store *store;
static struct hasher *hasher;
static char folder[] = "/tmp/assay-list-XXXXXX";

static int open_store(void **state)
{
    char why[STORE_WHY_BYTES], path[64];

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/state", folder);
    store = store_open(path, 1 << 30, why);
    hasher = hasher_new();
    return store != NULL && hasher != NULL ? 0 : -1;
}

static int close_store(void **state)
{
    char command[64];

    (void)state;
    hasher_free(hasher);
    store_close(store);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static void change(const struct record *record, bool undo, const char *source)
{
    struct view *view = store_begin(store, false);

    assert_non_null(view);
    assert_int_equal(undo ? list_undo(hasher, view, record, NULL, source) : list_apply(hasher, view, record, source), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

static void cover(struct text issuer, struct text kid, const uint8_t print[THUMBPRINT_BYTES])
{
    struct view *view = store_begin(store, false);

    assert_int_equal(list_cover_key(hasher, view, issuer, kid, print), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

static void ignore(void *context, const char *source, int64_t before, int64_t exp)
{
    (void)context;
    (void)source;
    (void)before;
    (void)exp;
}

static int holders(const struct record *record)
{
    struct view *view = store_view(store);
    int count = list_holders(hasher, view, record, ignore, NULL);

    store_let_go(store);
    return count;
}

/* A verified token of issuer "i" (alias "alias"), with a key. */
static struct {
    struct key key;
    struct issuer issuer;
    struct token token;
    uint8_t wire[512];
} its;

static void make_token(const char *jti, const char *sub, const char *sid, double iat)
{
    static struct text names[] = {{"i", 1}, {"alias", 5}};
    struct wire_writer writer;

    memset(&its, 0, sizeof its);
    wire_writer_init(&writer, its.wire, sizeof its.wire);
    wire_put_map(&writer, 3);
    wire_put_text(&writer, "jti");
    wire_put_text(&writer, jti);
    wire_put_text(&writer, "sub");
    wire_put_text(&writer, sub);
    wire_put_text(&writer, "sid");
    wire_put_text(&writer, sid);
    its.token = token_of("head.payload.sig", 16);
    its.token.input_bytes = 12;
    claims_index(&its.token.claims, its.wire, wire_written(&writer));
    its.token.iat = iat;
    its.key.kid = (char *)(uintptr_t) "kid-1";
    its.key.kid_bytes = 5;
    memset(its.key.thumbprint, 7, sizeof its.key.thumbprint);
    its.issuer.names = (struct texts){names, 2};
    its.token.issuer = &its.issuer;
    its.token.key = &its.key;
}

static enum outcome judge(void)
{
    struct view *view = store_view(store);
    unsigned kinds;

    assert_non_null(view);
    assert_int_equal(list_kinds(view, &kinds), 0);
    enum outcome outcome = list_judge(hasher, view, kinds, &its.token);

    store_let_go(store);
    return outcome;
}

static struct record record_of(enum record_kind kind, const char *issuer, const char *name, int64_t before)
{
    return (struct record){kind, {issuer, strlen(issuer)}, {name, strlen(name)}, before, SECONDS_NONE, false};
}

/* Applied, it refuses the token; taken back, it does not. */
static void refuses(struct record record, bool refused)
{
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
    change(&record, false, "operators");
    assert_int_equal(judge(), refused ? OUTCOME_REFUSED : OUTCOME_ACCEPTED);
    assert_int_equal(holders(&record), 1);
    change(&record, true, "operators");
    assert_int_equal(holders(&record), 0);
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
}

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

static void put(enum table table, const void *key, size_t key_bytes, const void *value, size_t bytes)
{
    struct view *view = store_begin(store, false);

    assert_int_equal(view_put(view, table, (struct bytes){key, key_bytes}, (struct bytes){value, bytes}), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

/* So is what the list knows of itself: which kinds there are, and whose word a number is. */
static void what_it_knows_of_itself_must_make_sense(void **state)
{
    static const char number[3] = {'n', 0x7f, 0x7f};
    uint8_t value[400] = {0}, kinds[4];
    struct slot slot;
    unsigned all;

    (void)state;
    assert_int_equal(list_kinds(store_view(store), &all), 0);
    store_number(kinds, all, 4);
    for (size_t size = 1; size < 4; size++) {
        put(TABLE_META, "kinds", 5, kinds, size);
        assert_int_equal(list_kinds(store_view(store), &all), -1);
        store_let_go(store);
    }
    put(TABLE_META, "kinds", 5, kinds, 4);
    for (unsigned i = 0; i < 4; i++) {
        static const struct {
            unsigned source;
            size_t bytes;
            int status;
        } cases[] = {{255, 300, 0}, {256, 300, -1}, {100, 110, -1}, {0, 10, -1}};

        store_number(value + 9, cases[i].source, 2);
        put(TABLE_SLOTS, number, 3, value, cases[i].bytes);
        assert_int_equal(slot_read(store_view(store), 0x7f7f, &slot), cases[i].status);
        store_let_go(store);
    }
    struct view *view = store_begin(store, false);
    struct record record = record_of(RECORD_JTI, "nobody yet", "x", SECONDS_NONE);
    int put_status = view_put(view, TABLE_META, (struct bytes){"slots", 5}, (struct bytes){value, 3});
    int status = list_apply(hasher, view, &record, "operators");

    store_abort(view);
    assert_int_equal(put_status, 0);
    assert_int_equal(status, -1);
    view = store_begin(store, false);
    assert_int_equal(view_delete(view, TABLE_SLOTS, (struct bytes){number, 3}), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

/* Tokens run out, and a session's tokens until `before` with them; a key does not, nor a session without an end. */
static void what_does_not_run_out_gets_no_exp(void **state)
{
    static const enum record_kind kinds[] = {RECORD_KID, RECORD_JKT, RECORD_SID};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct record record = record_of(kinds[i], "i", "x", SECONDS_NONE);

        record_set_exp(&record, 1000, 60);
        assert_int_equal(record.exp, SECONDS_NONE);
    }
    struct record until = record_of(RECORD_SID, "i", "x", 2000), jti = record_of(RECORD_JTI, "i", "x", SECONDS_NONE), own = jti, none = jti;

    record_set_exp(&until, 1000, 60);
    assert_int_equal(until.exp, 2061);
    record_set_exp(&jti, 1000, 60);
    assert_int_equal(jti.exp, 1061);
    own.exp = 5;
    record_set_exp(&own, 1000, 60);
    assert_int_equal(own.exp, 5);
    record_set_exp(&none, 1000, 0);
    assert_int_equal(none.exp, SECONDS_NONE);
}

/* A configuration in which this issuer's tokens live for so long; 0: for any time. */
static struct keyring limited;
static struct {
    struct issuer issuer;
    const struct issuer *issuers[1];
    struct text name;
} limits = {.name = {"i", 1}};

static void limit(double lifetime)
{
    limits.issuer = (struct issuer){.names = {&limits.name, 1}, .lifetime_max = lifetime};
    limits.issuers[0] = &limits.issuer;
    limited = (struct keyring){.count = 1, .issuers = limits.issuers};
}

static uint64_t forgotten_by(const struct forget_rules *rules)
{
    uint8_t at[ENTRY_KEY_BYTES] = {0};
    uint64_t all = 0, some;

    for (bool end = false; !end; all += some) {
        struct view *view = store_begin(store, false);

        assert_int_equal(forget_some(view, rules, at, &some, &end), 0);
        assert_int_equal(store_commit(view), 0);
        store_let_go(store);
    }
    return all;
}

static uint64_t forgotten_at(int64_t now)
{
    limit(60);
    return forgotten_by(&(struct forget_rules){.now = now, .ring = &limited});
}

/* An `exp` that was made of the limit on how long tokens live goes by the limit that is in force, and by a clock that may have been
   behind. */
static void an_exp_of_ours_goes_by_the_limit_in_force(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "ours", SECONDS_NONE);
    const int64_t end = 1061 + 60 + FORGET_GRACE_SECONDS;

    (void)state;
    record_set_exp(&record, 1000, 60);
    assert_true(record.exp_is_ours);
    change(&record, false, "operators");
    assert_int_equal(forgotten_at(end), 0);
    limit(0);
    assert_int_equal(forgotten_by(&(struct forget_rules){.now = end + 1000000, .ring = &limited}), 0);
    limit(500);
    assert_int_equal(forgotten_by(&(struct forget_rules){.now = end + 440, .ring = &limited}), 0);
    limit(60);
    assert_int_equal(forgotten_by(&(struct forget_rules){.now = end + 100, .leap = 100, .ring = &limited}), 0);
    assert_int_equal(holders(&record), 1);
    limits.name = (struct text){"j", 1};
    assert_int_equal(forgotten_at(end + 1000000), 0); /* whose tokens nobody knows how long they live */
    limits.name = (struct text){"i", 1};
    assert_int_equal(forgotten_at(end + 1), 1);
}

/* Clocks differ, and a token's leeway is the issuer's: a day more. */
static void forgotten_a_day_after_its_exp(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "short", SECONDS_NONE);

    (void)state;
    record.exp = 1000;
    change(&record, false, "operators");
    assert_int_equal(forgotten_at(1000 + FORGET_GRACE_SECONDS), 0);
    assert_int_equal(holders(&record), 1);
    assert_int_equal(forgotten_at(1000 + FORGET_GRACE_SECONDS + 1), 1);
    assert_int_equal(holders(&record), 0);
}

static void a_given_up_job_leaves_nothing(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "J", SECONDS_NONE);
    struct view *view = store_begin(store, false);

    (void)state;
    make_token("J", "S", "I", 100);
    assert_int_equal(list_apply(hasher, view, &record, "operators"), 0);
    assert_int_equal(judge(), OUTCOME_ACCEPTED); /* not before it is on the disk */
    store_abort(view);
    assert_int_equal(judge(), OUTCOME_ACCEPTED);
    assert_int_equal(holders(&record), 0);
}

/* A view sees one moment: what was committed behind it is seen after it was let go. */
static void a_view_sees_one_moment(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "J", SECONDS_NONE);
    struct view *view = store_view(store), *write;
    unsigned kinds;

    (void)state;
    make_token("J", "S", "I", 100);
    assert_int_equal(list_kinds(view, &kinds), 0);
    write = store_begin(store, false);
    assert_int_equal(list_apply(hasher, write, &record, "operators"), 0);
    assert_int_equal(store_commit(write), 0);
    assert_int_equal(list_judge(hasher, store_view(store), kinds | LIST_KIND(RECORD_JTI), &its.token), OUTCOME_ACCEPTED);
    store_let_go(store);
    assert_int_equal(judge(), OUTCOME_REFUSED);
    change(&record, true, NULL);
}

/* What a value of the table cannot be is damage, and damage is no yes. */
static void damage_is_undecided(void **state)
{
    struct record record = record_of(RECORD_JTI, "i", "damaged", SECONDS_NONE);
    uint8_t key[RECORD_KEY_BYTES];

    (void)state;
    make_token("damaged", "S", "I", 100);
    change(&record, false, "operators");
    assert_int_equal(record_key(hasher, RECORD_JTI, record.issuer, record.name, key), 0);
    for (size_t size = 0; size < 18; size++) {
        struct view *view = store_begin(store, false);

        assert_int_equal(view_put(view, TABLE_RECORDS, (struct bytes){key, sizeof key}, (struct bytes){"garbage that is no word", size}), 0);
        assert_int_equal(store_commit(view), 0);
        store_let_go(store);
        assert_int_equal(judge(), OUTCOME_UNDECIDED);
        assert_int_equal(holders(&record), -1);
    }
    struct view *view = store_begin(store, false);

    assert_int_equal(view_delete(view, TABLE_RECORDS, (struct bytes){key, sizeof key}), 0);
    assert_int_equal(store_commit(view), 0);
    store_let_go(store);
}

/* Lines that could not be read are tried again at each start. What takes back is not, for later lines may have revoked it again; nor is
   what a feed said that is configured no more. */
static void what_could_not_be_read_is_tried_again(void **state)
{
    static const struct {
        const char *source, *text;
    } lines[] = {{"feed a", "{\"iss\":\"i\",\"jti\":\"kept\"}"},
                 {"feed a", "{\"iss\":\"i\",\"jti\":5.5}"},
                 {"feed a", "{\"undo\":{\"iss\":\"i\",\"jti\":\"held\"}}"},
                 {"feed gone", "{\"iss\":\"i\",\"jti\":\"gone\"}"}};
    struct record kept = record_of(RECORD_JTI, "i", "kept", SECONDS_NONE), held = record_of(RECORD_JTI, "i", "held", SECONDS_NONE),
                  gone = record_of(RECORD_JTI, "i", "gone", SECONDS_NONE);
    static struct config config = {.revocation = {.feed_count = 2, .feeds = {{.source = "feed b"}, {.source = "feed a", .undo = true}}}};
    struct keyring ring = {.config = &config};
    struct core core = {.ring = &ring};
    uint64_t left = 0;

    (void)state;
    change(&held, false, "feed a");
    struct view *view = store_begin(store, false);
    int status = 0;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        status |= unreadable_write(view, lines[i].source, i, lines[i].text, strlen(lines[i].text));
    status |= feeds_retry_unreadable(&core, hasher, view);
    status |= unreadable_count(view, &left);
    assert_int_equal(store_commit(view), 0); /* before anything may fail: one writes at a time */
    store_let_go(store);
    assert_int_equal(status, 0);
    assert_int_equal(left, 3);
    assert_int_equal(holders(&kept), 1);
    assert_int_equal(holders(&held), 1);
    assert_int_equal(holders(&gone), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_is_against_its_own),      cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(before_in_whole_seconds),           cmocka_unit_test(the_larger_before_wins),
        cmocka_unit_test(refused_while_any_source_holds_it), cmocka_unit_test(the_tally_counts_words),
        cmocka_unit_test(what_could_not_be_read_is_tried_again),
        cmocka_unit_test(keys_in_force_are_covered_by_the_kids_that_they_bear),
        cmocka_unit_test(a_key_is_covered),                  cmocka_unit_test(a_given_up_job_leaves_nothing),
        cmocka_unit_test(a_view_sees_one_moment),            cmocka_unit_test(damage_is_undecided),
        cmocka_unit_test(what_it_knows_of_itself_must_make_sense),
        cmocka_unit_test(what_does_not_run_out_gets_no_exp), cmocka_unit_test(forgotten_a_day_after_its_exp),
        cmocka_unit_test(an_exp_of_ours_goes_by_the_limit_in_force),
    };

    return cmocka_run_group_tests(tests, open_store, close_store);
}
