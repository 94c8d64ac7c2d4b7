/* The board: what grows when, and that nothing of one run's page says anything about another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/board.h"

static const uint8_t instance[16] = {7};

static struct text names[] = {{"https://auth.example.com", 24}, {"alias", 5}};
static const struct issuer issuer = {.names = {names, 2}};

/* A thread that maps the next agent's page may take the instance from the one page and the counters from the other. */
static void what_grows_begins_at_random(void **state)
{
    struct board *boards[2] = {board_new(instance), board_new(instance)};
    const struct page *one = board_page(boards[0]), *other = board_page(boards[1]);
    unsigned equal = 0;

    (void)state;
    for (unsigned i = 0; i < PAGE_COUNTERS; i++)
        equal += one->counter[i] == other->counter[i];
    assert_int_equal(equal, 0);
    assert_true(one->keys != other->keys && one->policy != other->policy);
    assert_true(one->counter[0] != one->counter[1] && one->keys != one->policy);
    board_free(boards[0]);
    board_free(boards[1]);
}

/* How many counters differ from those of before, and whether the generations do. */
static unsigned changed(const struct page *page, struct page *before, bool *ret_keys, bool *ret_policy)
{
    unsigned count = 0;

    for (unsigned i = 0; i < PAGE_COUNTERS; i++)
        count += page->counter[i] != before->counter[i];
    *ret_keys = page->keys != before->keys;
    *ret_policy = page->policy != before->policy;
    memcpy(before, (const void *)page, sizeof *before);
    return count;
}

static void what_grows_when(void **state)
{
    struct board *board = board_new(instance);
    const struct page *page = board_page(board);
    static struct page before;
    bool keys, policy;

    (void)state;
    memcpy(&before, (const void *)page, sizeof before);
    board_bump(board, board_thing(board, THING_JTI, names[0], (struct text){"j", 1}));
    assert_int_equal(changed(page, &before, &keys, &policy), 1);
    assert_false(keys || policy);
    board_bump_keys(board);
    assert_int_equal(changed(page, &before, &keys, &policy), 0);
    assert_true(keys && !policy);
    board_bump_policy(board);
    assert_int_equal(changed(page, &before, &keys, &policy), 0);
    assert_true(policy && !keys);
    board_bump_all(board);
    assert_int_equal(changed(page, &before, &keys, &policy), PAGE_COUNTERS);
    assert_false(keys || policy);
    board_free(board);
}

/* It is the counter of the issuer's first name, which stands in every yes to one of its tokens. */
static void an_issuer_has_one_counter(void **state)
{
    struct board *board = board_new(instance);
    const struct page *page = board_page(board);
    struct thing thing = board_thing(board, THING_ISSUER, names[0], (struct text){"", 0});
    static struct page before;
    bool keys, policy;
    uint16_t index;

    (void)state;
    assert_int_equal(board_indexes(board, &thing, 1, &index), 0);
    memcpy(&before, (const void *)page, sizeof before);
    uint64_t value = page->counter[index];

    board_bump_issuer(board, &issuer);
    assert_int_equal(changed(page, &before, &keys, &policy), 1);
    assert_false(keys || policy);
    assert_true(page->counter[index] == value + 1);
    board_free(board);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_grows_begins_at_random),
        cmocka_unit_test(what_grows_when),
        cmocka_unit_test(an_issuer_has_one_counter),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
