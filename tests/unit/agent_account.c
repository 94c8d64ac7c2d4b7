/* What a user may take of the doors: places, memory, the loop's time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <time.h>

#include "agent/base/limits.h"
#include "agent/door/account.h"

#define MANY 200

static struct accounts accounts;
static struct caller callers[MANY];
static char served[MANY + 1];
static unsigned served_count, broken_off, works, pushed;
static bool fixed; /* none may be broken off */

static void spend(int64_t ns)
{
    struct timespec begin, now;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < ns);
}

/* One turn takes a whole share; there are `works` further pieces. */
static void take_turn(struct caller *caller)
{
    served[served_count++] = (char)('a' + (caller - callers) % 26);
    spend(TURN_NS_PER_USER);
    if (works > 0 && works-- > 0)
        account_wait_first(caller);
}

static bool may_break_off(const struct caller *caller)
{
    (void)caller;
    return !fixed;
}

static void break_off(struct caller *caller, const char *why)
{
    assert_non_null(why);
    broken_off++;
    account_discharge(caller, caller->charged);
    account_forget(caller);
}

static void push_out(void *context, const struct caller *except)
{
    assert_ptr_equal(context, &accounts);
    assert_non_null(except);
    pushed++;
}

static const struct caller_kind kind = {take_turn, may_break_off, break_off};

static void set_up(unsigned most)
{
    memset(callers, 0, sizeof callers);
    memset(served, 0, sizeof served);
    served_count = broken_off = works = pushed = 0;
    fixed = false;
    accounts = (struct accounts){.connections_max = most, .push_out = push_out, .context = &accounts};
    for (unsigned i = 0; i < MANY; i++)
        callers[i].kind = &kind;
}

static void tear_down(void)
{
    for (unsigned i = 0; i < MANY; i++)
        account_leave(&callers[i]);
    assert_null(accounts.first);
    assert_int_equal(accounts.connections, 0);
    assert_int_equal(accounts.waiting, 0);
}

static struct account *join(unsigned number, uid_t uid)
{
    assert_int_equal(account_join(&accounts, &callers[number], uid), 0);
    return callers[number].account;
}

/* How many of a user's come in. */
static unsigned come(unsigned first, unsigned count, uid_t uid, bool gives_commands)
{
    unsigned in = 0;

    for (unsigned i = first; i < first + count; i++) {
        if (account_is_welcome(join(i, uid), gives_commands))
            in++;
        else
            account_leave(&callers[i]);
    }
    return in;
}

static void there_is_always_a_place_for_another_user(void **state)
{
    (void)state;
    set_up(64);
    assert_int_equal(come(0, 60, 1, true), 32);
    assert_int_equal(come(60, 60, 2, true), 16);
    assert_int_equal(come(120, 10, 3, true), 0);   /* what is left is root's, */
    assert_int_equal(come(130, 5, 0, false), 0);   /* for commands, */
    assert_int_equal(come(135, 60, 0, true), 16);  /* and no more than there are */
    account_leave(&callers[135]);
    assert_int_equal(come(135, 1, 2, true), 0);
    assert_int_equal(come(135, 1, 0, true), 1);
    tear_down();
}

static void what_is_closed_takes_no_place_and_keeps_its_account(void **state)
{
    (void)state;
    set_up(64);
    struct account *account = join(0, 7);

    account_wait(&callers[0]);
    account_forget(&callers[0]);
    account_forget(&callers[0]);
    assert_int_equal(account->connections + accounts.connections + accounts.waiting, 0);
    assert_ptr_equal(accounts.first, account);
    assert_ptr_equal(join(1, 7), account);
    account_leave(&callers[0]);
    assert_int_equal(account->connections, 1);
    tear_down();
}

static void requests_under_way_are_bounded_by_user(void **state)
{
    (void)state;
    set_up(64);
    struct account *one = join(0, 1), *other = join(1, 2);

    for (unsigned i = 0; i < IN_FLIGHT_PER_UID_MAX; i++)
        assert_true(account_hold(one));
    assert_false(account_hold(one));
    assert_true(account_hold(other));
    account_release(one);
    assert_true(account_hold(one));
    tear_down();
}

/* Both have asked a moment ago. */
static void ask(unsigned one, unsigned other)
{
    account_begin(callers[one].account);
    account_begin(callers[other].account);
}

static void users_take_turns_and_so_do_their_connections(void **state)
{
    (void)state;
    set_up(64);
    for (unsigned i = 0; i < 4; i++)
        join(i, 1);
    join(25, 2);
    ask(0, 25);
    for (unsigned i = 0; i < 4; i++) {
        account_wait(&callers[i]);
        account_wait(&callers[i]);
    }
    account_wait(&callers[25]);
    assert_int_equal(accounts.waiting, 5);
    assert_true(accounts_take_turns(&accounts));
    assert_int_equal(served_count, 2); /* one of each user: their shares are used up */
    assert_non_null(strchr(served, 'a'));
    assert_non_null(strchr(served, 'z'));
    for (unsigned turn = 0; turn < 2; turn++) {
        ask(0, 25);
        assert_true(accounts_take_turns(&accounts));
    }
    ask(0, 25);
    assert_false(accounts_take_turns(&accounts));
    assert_string_equal(served + 2, "bcd");
    assert_false(accounts_take_turns(&accounts));
    tear_down();
}

static void what_is_half_done_goes_on_before_the_next(void **state)
{
    (void)state;
    set_up(64);
    join(0, 1);
    join(1, 1);
    account_wait(&callers[0]);
    account_wait(&callers[1]);
    works = 2;
    while (accounts_take_turns(&accounts))
        ;
    assert_string_equal(served, "aaab");
    tear_down();
}

static void who_is_gone_has_no_turn(void **state)
{
    (void)state;
    set_up(64);
    for (unsigned i = 0; i < 4; i++) {
        join(i, 1);
        account_wait(&callers[i]);
    }
    account_forget(&callers[1]);
    account_forget(&callers[3]);
    while (accounts_take_turns(&accounts))
        ;
    assert_string_equal(served, "ac");
    tear_down();
}

static void a_share_is_smaller_while_others_ask(void **state)
{
    (void)state;
    set_up(64);
    struct account *one = join(0, 1), *other = join(1, 2);

    account_begin(one);
    spend(TURN_NS_PER_USER);
    account_spend(one);
    assert_true(account_is_alone(one)); /* nobody else ever asked */
    assert_true(account_may_work(one));
    account_begin(other);
    account_spend(other);
    assert_false(account_is_alone(other));
    account_begin(one);
    assert_false(account_is_alone(one));
    assert_false(account_may_work(one));
    assert_false(account_may_read(one));
    assert_true(account_may_read(other));
    account_wait(&callers[1]);
    assert_false(account_may_read(other)); /* those that wait come first */
    (void)accounts_take_turns(&accounts);
    assert_true(account_may_work(one)); /* the next turn */
    tear_down();
}

static void discharge_all(void)
{
    for (unsigned i = 0; i < MANY; i++) {
        if (callers[i].account != NULL)
            account_discharge(&callers[i], SIZE_MAX);
    }
    assert_int_equal(accounts.buffered, 0);
}

static void who_holds_the_most_pays(void **state)
{
    const size_t half = BUFFERS_BYTES_PER_UID_MAX / 2;

    (void)state;
    set_up(64);
    for (unsigned i = 0; i < 4; i++)
        join(i, 1);
    assert_true(account_charge(&callers[0], half));
    assert_true(account_charge(&callers[1], half - 1000));
    assert_int_equal(pushed, 0);
    assert_true(account_charge(&callers[2], 1001));
    assert_int_equal(broken_off, 1);
    assert_int_equal(pushed, 1);
    assert_int_equal(callers[0].charged, 0);
    assert_false(account_charge(&callers[1], half + 1000)); /* nobody holds more than itself */
    fixed = true;
    assert_false(account_charge(&callers[3], half + 1000));
    assert_int_equal(broken_off, 1);
    assert_int_equal(accounts.buffered, half + 1);
    discharge_all();
    tear_down();
}

static void memory_that_all_share_is_taken_from_who_has_the_most(void **state)
{
    (void)state;
    set_up(64);
    for (unsigned i = 0; i < BUFFERS_BYTES_MAX / BUFFERS_BYTES_PER_UID_MAX; i++) {
        join(i, 1 + i);
        assert_true(account_charge(&callers[i], BUFFERS_BYTES_PER_UID_MAX - (i == 2 ? 0 : 10)));
    }
    join(20, 20);
    assert_true(account_charge(&callers[20], 100));
    assert_int_equal(broken_off, 1);
    assert_int_equal(callers[2].charged, 0);
    discharge_all();
    tear_down();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_always_a_place_for_another_user),
        cmocka_unit_test(what_is_closed_takes_no_place_and_keeps_its_account),
        cmocka_unit_test(requests_under_way_are_bounded_by_user),
        cmocka_unit_test(users_take_turns_and_so_do_their_connections),
        cmocka_unit_test(what_is_half_done_goes_on_before_the_next),
        cmocka_unit_test(who_is_gone_has_no_turn),
        cmocka_unit_test(a_share_is_smaller_while_others_ask),
        cmocka_unit_test(who_holds_the_most_pays),
        cmocka_unit_test(memory_that_all_share_is_taken_from_who_has_the_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
