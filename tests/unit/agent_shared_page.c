/* The shared: what grows when, and that nothing of one run's page says anything about another's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/fastpath/shared_page.h"

static const uint8_t instance[16] = {7};

static struct text names[] = {{"https://auth.example.com", 24}, {"alias", 5}};
static const struct issuer issuer = {.names = {names, 2}};

/* A thread that maps the next agent's page may take the instance from the one page and the counters from the other. */
static void what_grows_begins_at_random(void **state)
{
    struct shared_page *boards[2] = {shared_page_new(instance), shared_page_new(instance)};
    const struct page *one = shared_page_at(boards[0]), *other = shared_page_at(boards[1]);
    unsigned equal = 0;

    (void)state;
    for (unsigned i = 0; i < PAGE_COUNTERS; i++)
        equal += one->counter[i] == other->counter[i];
    assert_int_equal(equal, 0);
    assert_true(one->keys != other->keys && one->policy != other->policy);
    assert_true(one->counter[0] != one->counter[1] && one->keys != one->policy);
    shared_page_free(boards[0]);
    shared_page_free(boards[1]);
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
    struct shared_page *shared = shared_page_new(instance);
    const struct page *page = shared_page_at(shared);
    static struct page before;
    bool keys, policy;

    (void)state;
    memcpy(&before, (const void *)page, sizeof before);
    shared_page_bump(shared, shared_page_thing(shared, THING_JTI, names[0], (struct text){"j", 1}));
    assert_int_equal(changed(page, &before, &keys, &policy), 1);
    assert_false(keys || policy);
    shared_page_bump_keys(shared);
    assert_int_equal(changed(page, &before, &keys, &policy), 0);
    assert_true(keys && !policy);
    shared_page_bump_policy(shared);
    assert_int_equal(changed(page, &before, &keys, &policy), 0);
    assert_true(policy && !keys);
    shared_page_bump_all(shared);
    assert_int_equal(changed(page, &before, &keys, &policy), PAGE_COUNTERS);
    assert_false(keys || policy);
    shared_page_free(shared);
}

/* It is the counter of the issuer's first name, which stands in every yes to one of its tokens. */
static void an_issuer_has_one_counter(void **state)
{
    struct shared_page *shared = shared_page_new(instance);
    const struct page *page = shared_page_at(shared);
    struct thing thing = shared_page_thing(shared, THING_ISSUER, names[0], (struct text){"", 0});
    static struct page before;
    bool keys, policy;
    uint16_t index;

    (void)state;
    assert_int_equal(shared_page_indexes(shared, &thing, 1, &index), 0);
    memcpy(&before, (const void *)page, sizeof before);
    uint64_t value = page->counter[index];

    shared_page_bump_issuer(shared, &issuer);
    assert_int_equal(changed(page, &before, &keys, &policy), 1);
    assert_false(keys || policy);
    assert_true(page->counter[index] == value + 1);
    shared_page_free(shared);
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
