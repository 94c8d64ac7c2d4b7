/* Who is which peer, and how often he may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/config/peers.h"
#include "agent/token/verify.h"
#include "tests/fuzz/token_good.h"

static uint32_t first_uids[] = {1001, 1002}, group_gids[] = {4, 50}, last_uids[] = {1003, 1001}, overflow_ids[] = {65534};
static struct peer_tally tallies[4];
static struct peer_config list[] = {
    {.name = "first", .uids = {first_uids, 2}, .tally = &tallies[0]},
    {.name = "group", .gids = {group_gids, 2}, .tally = &tallies[1]},
    {.name = "last", .uids = {last_uids, 2}, .tally = &tallies[2]},
};
static const struct peers_config peers = {
    .configured = true, .list = list, .count = 3, .stranger = {.tally = &tallies[3]}, .overflow_uid = 65534, .overflow_gid = 65533};

static const char *match(uid_t uid, gid_t gid, const gid_t *groups, unsigned count, bool unknown)
{
    struct identity who = {uid, gid, groups, count, unknown};

    return peers_match(&peers, &who)->name;
}

static void the_first_entry_decides(void **state)
{
    const gid_t groups[] = {7, 50, 8};

    (void)state;
    assert_string_equal(match(1001, 4, groups, 3, false), "first");
    assert_string_equal(match(1002, 1, NULL, 0, false), "first");
    assert_string_equal(match(1003, 4, NULL, 0, false), "group");
    assert_string_equal(match(1003, 7, groups, 3, false), "group");
    assert_string_equal(match(1003, 7, groups, 1, false), "last");
    assert_null(match(1004, 7, groups, 1, false));
    assert_null(match(0, 0, NULL, 0, false));
}

static void an_entry_is_found_by_its_name_alone(void **state)
{
    (void)state;
    assert_ptr_equal(peers_named(&peers, "group"), &list[1]);
    assert_null(peers_named(&peers, "other"));
    assert_null(peers_named(&peers, ""));
    assert_null(peers_named(&peers, NULL));
}

static void unknown_groups_end_the_search(void **state)
{
    (void)state;
    assert_string_equal(match(1001, 7, NULL, 0, true), "first");
    assert_string_equal(match(1003, 4, NULL, 0, true), "group");
    assert_null(match(1003, 7, NULL, 0, true));
}

static void overflow_ids_match_nothing(void **state)
{
    const gid_t groups[] = {65533};
    struct peers_config careless = peers;
    struct peer_config anybody[] = {{.name = "uid", .uids = {overflow_ids, 1}}, {.name = "gid", .gids = {(uint32_t[]){65533}, 1}}};
    struct identity user = {65534, 4, NULL, 0, false}, group = {5, 65533, groups, 1, false};

    (void)state;
    careless.list = anybody;
    careless.count = 2;
    assert_null(peers_match(&careless, &user)->name);
    assert_null(peers_match(&careless, &group)->name);
    assert_null(match(65534, 4, NULL, 0, false));
    assert_string_equal(match(5, 4, groups, 1, false), "group");
}

static unsigned taken(struct peer_config *peer, uint64_t now, unsigned tries)
{
    unsigned got = 0;

    for (unsigned i = 0; i < tries; i++)
        got += peers_take_token(peer, now);
    return got;
}

static void a_bucket_holds_one_second(void **state)
{
    struct peer_tally tally = {0};
    struct peer_config peer = {.rate = 100, .tally = &tally};

    (void)state;
    assert_int_equal(taken(&peer, 5000000, 1000), 100); /* a machine is up for longer than a second */
    assert_int_equal(taken(&peer, 5000000, 10), 0);
    assert_int_equal(taken(&peer, 5000009, 10), 0);
    assert_int_equal(taken(&peer, 5000010, 10), 1);
    assert_int_equal(taken(&peer, 5000510, 1000), 50);
    assert_int_equal(taken(&peer, 5900000, 1000), 100);
}

static void a_rate_below_one_a_second_lets_one_through(void **state)
{
    struct peer_tally tally = {0};
    struct peer_config peer = {.rate = 2.0 / 60, .tally = &tally};

    (void)state;
    assert_int_equal(taken(&peer, 5000000, 10), 1);
    assert_int_equal(taken(&peer, 5029000, 10), 0);
    assert_int_equal(taken(&peer, 5031000, 10), 1);
    assert_int_equal(taken(&peer, 9000000, 10), 1);
}

/* Twenty checks in one request are twenty. */
static void what_is_asked_at_once_counts(void **state)
{
    struct peer_tally tally = {0};
    struct peer_config peer = {.rate = 100, .tally = &tally};

    (void)state;
    assert_int_equal(taken(&peer, 5000000, 50), 50);
    assert_true(peers_take_more(&peer, 19));
    assert_false(peers_take_more(&peer, 32)); /* and gives back what it had taken before, */
    assert_int_equal(taken(&peer, 5000000, 1), 1);
    assert_true(peers_take_more(&peer, 31));
    assert_int_equal(taken(&peer, 5000000, 10), 0);
    assert_int_equal(taken(&peer, 5001000, 1), 1); /* full: 99 are left */
    assert_true(peers_take_more(&peer, 255));
    assert_int_equal(taken(&peer, 5002500, 10), 0); /* 156 are owed */
    assert_int_equal(taken(&peer, 5002600, 10), 4);
}

/* Who asks for more than its rate gets its rate, not less. */
static void who_asks_too_much_at_once_gets_its_rate(void **state)
{
    struct peer_tally tally = {0};
    struct peer_config peer = {.rate = 100, .tally = &tally};
    unsigned got = 0;

    (void)state;
    for (uint64_t now = 5000000; now < 5010000; now += 7) /* 143 requests a second, of 30 */
        got += peers_take_token(&peer, now) && peers_take_more(&peer, 29) ? 30 : 0;
    assert_in_range(got, 1000, 1100);
}

/* As many as it says, however the time is cut. */
static void a_rate_is_kept_over_a_minute(void **state)
{
    struct peer_tally tally = {0};
    struct peer_config peer = {.rate = 1000, .tally = &tally};
    unsigned got = 0;

    (void)state;
    for (uint64_t now = 5000000; now <= 5060000; now += 1 + now % 7)
        got += taken(&peer, now, 40);
    assert_in_range(got, 60900, 61001);
}

static void what_was_done_is_carried_over_by_name(void **state)
{
    struct peer_tally old_tallies[2] = {
        {.connections = 3, .in_flight = 2, .requests = 10, .refused = 4, .tokens = 0.5, .tokens_at = 77}};
    struct peer_tally new_tallies[3] = {{0}}, old_stranger = {.refused = 5}, new_stranger = {0};
    struct peer_config old_list[] = {{.name = "a", .tally = &old_tallies[0]}, {.name = "b", .tally = &old_tallies[1]}};
    struct peer_config new_list[] = {{.name = "c", .tally = &new_tallies[0]}, {.name = "a", .tally = &new_tallies[1]}};
    struct peers_config old = {.configured = true, .list = old_list, .count = 2, .stranger = {.tally = &old_stranger}};
    struct peers_config new = {.configured = true, .list = new_list, .count = 2, .stranger = {.tally = &new_stranger}}, none = {0};

    (void)state;
    peers_carry_over(&none, &new);
    peers_carry_over(&old, &none);
    peers_carry_over(&old, &new);
    assert_int_equal(new_tallies[1].requests, 10);
    assert_int_equal(new_tallies[1].refused, 4);
    assert_int_equal(new_tallies[1].tokens_at, 77);
    assert_true(new_tallies[1].tokens > 0.4 && new_tallies[1].tokens < 0.6);
    assert_int_equal(new_tallies[1].connections + new_tallies[1].in_flight, 0);
    assert_int_equal(new_tallies[0].requests, 0);
    assert_int_equal(new_stranger.refused, 5);
}

/* Nothing, if nobody said what. */
static void bounds_of_zeros_are_nobodys(void **state)
{
    static const struct bounds nothing;
    struct text name = {"https://auth.example.com", 24};
    struct issuer issuer = {.names = {&name, 1}};
    struct bounds one = {.issuers = {&name, 1}, .audiences = {&name, 1}};

    (void)state;
    assert_false(bounds_have_issuer(&nothing, &issuer) || bounds_have_audience(&nothing, "orders", 6));
    assert_true(bounds_have_issuer(&no_bounds, &issuer) && bounds_have_audience(&no_bounds, "orders", 6));
    assert_true(bounds_have_issuer(&one, &issuer) && bounds_have_audience(&one, name.at, name.bytes));
    assert_false(bounds_have_audience(&one, name.at, name.bytes - 1));
}

#define NOW 1767225600.0

static struct text issuer_name = {"https://auth.example.com", 24}, audiences[] = {{"orders", 6}, {"returns", 7}};
static struct text types[] = {{"jwt", 3}, {"at+jwt", 6}, {"", 0}};
static struct issuer issuer = {
    .names = {&issuer_name, 1}, .audiences = {audiences, 2}, .types = {types, 3}, .algorithms = ALGORITHMS_ALL};

/* What a good token for `orders` is to somebody with these bounds. */
static enum reason judged(const struct bounds *bounds, struct text audience)
{
    static struct token_room room;
    const struct issuer *issuers[] = {&issuer};
    struct verifier *verifier = verifier_new(0);
    struct question question = {.issuers = issuers,
                                .issuer_count = 1,
                                .audience = audience,
                                .now = NOW,
                                .room = &room,
                                .verifier = verifier,
                                .bounds = bounds};
    struct token token = token_of(good_tokens[0], strlen(good_tokens[0]));
    enum outcome outcome = token_check(&token, &question, STAGE_FORM, STAGE_NOW);

    verifier_free(verifier);
    assert_int_not_equal(outcome, OUTCOME_UNDECIDED);
    return outcome == OUTCOME_ACCEPTED ? REASON_NONE : token.reason;
}

static void a_token_out_of_bounds(void **state)
{
    const struct text any = {NULL, 0}, orders = audiences[0], returns = audiences[1];
    const struct texts names = {&issuer_name, 1}, others = {(struct text[]){{"https://auth.example.org", 24}}, 1};
    const struct bounds nothing = {0}, other = {.issuers = others, .any_audience = true},
                        mine = {.issuers = names, .any_audience = true}, no_audience = {.any_issuer = true},
                        for_orders = {.any_issuer = true, .audiences = {audiences, 1}},
                        for_returns = {.any_issuer = true, .audiences = {audiences + 1, 1}};
    char keys[sizeof good_keys + 16], why[KEYSET_WHY_BYTES];

    (void)state;
    snprintf(keys, sizeof keys, "{\"keys\":[%s]}", good_keys);
    issuer.keys = keyset_parse(keys, strlen(keys), NULL, why);
    assert_non_null(issuer.keys);
    for (unsigned i = 0; i < 2; i++) {
        const struct text asked = i == 0 ? any : orders;

        assert_int_equal(judged(NULL, asked), REASON_NONE);
        assert_int_equal(judged(&no_bounds, asked), REASON_NONE);
        assert_int_equal(judged(&mine, asked), REASON_NONE);
        assert_int_equal(judged(&for_orders, asked), REASON_NONE);
        assert_int_equal(judged(&nothing, asked), REASON_UNKNOWN_ISSUER);
        assert_int_equal(judged(&other, asked), REASON_UNKNOWN_ISSUER);
        assert_int_equal(judged(&no_audience, asked), REASON_WRONG_AUDIENCE);
        assert_int_equal(judged(&for_returns, asked), REASON_WRONG_AUDIENCE);
    }
    assert_int_equal(judged(&for_returns, returns), REASON_WRONG_AUDIENCE);
    assert_int_equal(judged(&for_orders, returns), REASON_WRONG_AUDIENCE);
    keyset_drop((struct keyset *)issuer.keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_entry_decides),
        cmocka_unit_test(an_entry_is_found_by_its_name_alone),
        cmocka_unit_test(unknown_groups_end_the_search),
        cmocka_unit_test(overflow_ids_match_nothing),
        cmocka_unit_test(a_bucket_holds_one_second),
        cmocka_unit_test(a_rate_below_one_a_second_lets_one_through),
        cmocka_unit_test(what_is_asked_at_once_counts),
        cmocka_unit_test(who_asks_too_much_at_once_gets_its_rate),
        cmocka_unit_test(a_rate_is_kept_over_a_minute),
        cmocka_unit_test(what_was_done_is_carried_over_by_name),
        cmocka_unit_test(bounds_of_zeros_are_nobodys),
        cmocka_unit_test(a_token_out_of_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
