/* No order of steps lets a token be accepted in a call that began after its revocation, or the withdrawal of its key, was answered:
   not while the agent decides, commits and tells, nor across its end, its death and the next one's start. The code is the agent's
   and the library's own; tests/model has the same as a model. And of the mistakes that could be made, each is found. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "fastpath_agent.h"
#include "fastpath_client.h"
#include "schedules.h"

enum asker { CLIENT, KEEPER, OPERATOR };
enum call { NOT_CALLED, IS_ASKED, IS_ANSWERED };

/* What a run is about. */
static struct plan {
    bool knows;        /* the client and the agent have seen the token before */
    enum item change;  /* ITEM_REVOKE or ITEM_RELOAD */
    bool kill, stop;   /* how the first agent ends, if it does */
    bool another_page; /* the client fetches the next one's */
    unsigned calls;
    unsigned preemptions;
    enum mistake mistake;
} plan;

static unsigned current; /* which agent can be reached; 2: none */
static bool forbidden;   /* it was answered that the token is no longer good */
static bool change_is_asked;
static const char *violation;
static unsigned calls_left, waits_left;
static enum call call, hello;
static bool began_forbidden;
static uint8_t answer[8192];
static size_t answer_bytes;
static int page = -1;
static unsigned long repeated, accepted, refused, too_late; /* over all runs */

static void answered(unsigned asker, const uint8_t *bytes, size_t size, int descriptor)
{
    if (asker == CLIENT && call == IS_ASKED) {
        memcpy(answer, bytes, size);
        answer_bytes = size;
        call = IS_ANSWERED;
    } else if (asker == KEEPER && hello == IS_ASKED) {
        page = dup(descriptor);
        hello = IS_ANSWERED;
    } else if (asker == OPERATOR && bytes[3] == 0xc0) {
        forbidden = true; /* [1, msgid, nil, …] */
    }
}

static void found(bool yes)
{
    if (yes && began_forbidden)
        violation = "a token was accepted in a call that began after it was answered that it is no longer good";
    accepted += yes;
    refused += !yes;
    too_late += began_forbidden;
    calls_left--;
    call = NOT_CALLED;
}

static bool client_can(unsigned index)
{
    (void)index;
    return call == IS_ANSWERED || (call == NOT_CALLED && calls_left > 0);
}

static void client_acts(unsigned index)
{
    (void)index;
    if (call == IS_ANSWERED) {
        found(side_takes(good_token, answer, answer_bytes, 1));
        return;
    }
    began_forbidden = forbidden;
    if (side_repeats(good_token)) {
        repeated++;
        found(true);
        return;
    }
    call = IS_ASKED;
    if (current == 2 || !agent_asked(current, CLIENT, ITEM_VERIFY))
        found(false);
}

/* Another thread of the client's, that fetches the next agent's page. */
static bool keeper_can(unsigned index)
{
    (void)index;
    return hello == IS_ANSWERED || (hello == NOT_CALLED && current == 1 && plan.another_page);
}

static void keeper_acts(unsigned index)
{
    (void)index;
    if (hello == NOT_CALLED) {
        hello = IS_ASKED;
        (void)agent_asked(current, KEEPER, ITEM_HELLO);
        return;
    }
    side_use_page(page);
    close(page);
    page = -1;
    hello = IS_ASKED; /* once is enough */
}

static bool operator_can(unsigned index)
{
    (void)index;
    return !change_is_asked && current < 2;
}

static void operator_acts(unsigned index)
{
    (void)index;
    change_is_asked = agent_asked(current, OPERATOR, plan.change);
}

/* The end of the first agent, and the beginning of the second. What was not answered is asked again. */
static bool fate_can(unsigned index)
{
    (void)index;
    return (plan.kill || plan.stop) && (current == 0 || current == 2);
}

/* Places in the scenario. */
#define LOOP_OF(agent)   (agent)
#define WRITER_OF(agent) (2 + (agent))
#define OTHER_THREAD     5
#define FATE             7

static void fate_acts(unsigned index)
{
    (void)index;
    if (current == 2) {
        agent_begins(1);
        current = 1;
        return;
    }
    if (plan.kill) {
        schedule_kill(LOOP_OF(0));
        schedule_kill(WRITER_OF(0));
    } else {
        agent_ends(0);
    }
    current = 2;
    change_is_asked = forbidden;
    if (call == IS_ASKED)
        found(false);
}

/* An agent that ends in order does so between its steps. */
static bool fate_can_stop(unsigned index)
{
    return fate_can(index) && (current == 2 || !plan.stop || !(writer_can_go_on(0) || loop_can_go_on(0)));
}

static bool clock_can(unsigned index)
{
    (void)index;
    return current > 0 && waits_left > 0 && !plan.another_page;
}

/* Time passes when the first agent is gone: before, its heart would beat. The first wait is shorter than a heartbeat is believed
 * in; both are longer than what the next agent waits. */
static void clock_acts(unsigned index)
{
    (void)index;
    agents_wait(waits_left-- == 2 ? 1.85 : 0.25);
}

static const char *violated(void)
{
    return violation;
}

static void let_go_on(unsigned agent)
{
    for (bool goes = true; goes;) {
        goes = false;
        for (; loop_can_go_on(agent); goes = true)
            loop_goes_on(agent);
        for (; writer_can_go_on(agent); goes = true)
            writer_goes_on(agent);
    }
}

/* A client with its page, and if it is to know the token, after it was verified once. */
static void set_up(void)
{
    mistake = MISTAKE_NONE;
    agents_begin();
    side_open(schedule_point);
    violation = NULL;
    forbidden = change_is_asked = began_forbidden = false;
    call = hello = NOT_CALLED;
    calls_left = plan.calls;
    waits_left = 2;
    current = 0;
    mistake = plan.mistake;
    side_read_heartbeat_last(mistake == HEARTBEAT_IS_READ_LAST);
    agent_begins(0);
    hello = IS_ASKED;
    agent_asked(0, KEEPER, ITEM_HELLO);
    let_go_on(0);
    keeper_acts(0);
    hello = NOT_CALLED;
    assert_true(side_has_page());
    if (!plan.knows)
        return;
    call = IS_ASKED;
    agent_asked(0, CLIENT, ITEM_VERIFY);
    let_go_on(0);
    assert_int_equal(call, IS_ANSWERED);
    assert_true(side_takes(good_token, answer, answer_bytes, 1));
    assert_true(side_repeats(good_token));
    call = NOT_CALLED;
    if (!plan.another_page)
        return;
    fate_acts(0); /* when all this happens is another plan's */
    fate_acts(0);
    operator_acts(0);
    let_go_on(1);
    agents_wait(2.1);
    let_go_on(1);
    assert_true(forbidden);
}

static void tear_down(void)
{
    if (page >= 0)
        close(page);
    page = -1;
    side_close();
    agents_end();
}

/* Where agents die, or pages are replaced, it is that which may happen in the middle of a step; the others' orders are looked at
   where they live. */
static bool interrupts(unsigned actor)
{
    return plan.another_page ? actor == OTHER_THREAD : plan.kill ? actor == FATE : true;
}

static const struct scenario scenario = {
    .actors = {{"first loop", loop_can_go_on, loop_goes_on, 0},
               {"second loop", loop_can_go_on, loop_goes_on, 1},
               {"first writer", writer_can_go_on, writer_goes_on, 0},
               {"second writer", writer_can_go_on, writer_goes_on, 1},
               {"client", client_can, client_acts, 0},
               {"client's other thread", keeper_can, keeper_acts, 0},
               {"operator", operator_can, operator_acts, 0},
               {"fate", fate_can_stop, fate_acts, 0},
               {"clock", clock_can, clock_acts, 0}},
    .count = 9,
    .interrupts = interrupts,
    .set_up = set_up,
    .tear_down = tear_down,
    .violated = violated,
};

static struct explored explore(struct plan its)
{
    plan = its;
    repeated = accepted = refused = too_late = 0;
    struct explored explored = schedules_explore(&scenario, plan.preemptions);

    printf("%lu runs, %lu calls accepted (%lu from memory), %lu not, %lu begun too late%s%s\n", explored.runs, accepted, repeated,
           refused, too_late, explored.violation != NULL ? "; found: " : "", explored.violation != NULL ? explored.trace : "");
    return explored;
}

static void never(struct plan its)
{
    struct explored explored = explore(its);

    assert_null(explored.violation);
    assert_true((plan.another_page || (accepted > 0 && repeated > 0)) && refused > 0 && too_late > 0);
}

static void a_revoked_token_is_refused_from_then_on(void **state)
{
    (void)state;
    never((struct plan){.knows = true, .change = ITEM_REVOKE, .calls = 2, .preemptions = 2});
    never((struct plan){.change = ITEM_REVOKE, .calls = 2, .preemptions = 1});
}

static void a_token_of_a_key_that_was_withdrawn_is_refused_from_then_on(void **state)
{
    (void)state;
    never((struct plan){.knows = true, .change = ITEM_RELOAD, .calls = 2, .preemptions = 1});
    never((struct plan){.change = ITEM_RELOAD, .calls = 2, .preemptions = 1});
}

static void the_next_agent_after_one_that_was_killed_is_believed(void **state)
{
    (void)state;
    never((struct plan){.knows = true, .change = ITEM_REVOKE, .kill = true, .calls = 1, .preemptions = 1});
    never((struct plan){.knows = true, .change = ITEM_REVOKE, .kill = true, .another_page = true, .calls = 1, .preemptions = 2});
}

static void the_next_agent_after_one_that_ended_is_believed(void **state)
{
    (void)state;
    never((struct plan){.knows = true, .change = ITEM_REVOKE, .stop = true, .calls = 1, .preemptions = 0});
}

static void every_mistake_is_found(void **state)
{
    static const struct plan plans[MISTAKES] = {
        [NO_COUNTER_GROWS] = {.knows = true, .change = ITEM_REVOKE, .calls = 1},
        [COUNTERS_GROW_BEFORE_THE_COMMIT] = {.knows = true, .change = ITEM_REVOKE, .calls = 2},
        [ANSWERED_BEFORE_COUNTERS_GROW] = {.knows = true, .change = ITEM_REVOKE, .calls = 1, .preemptions = 1},
        [OLD_VIEW_IS_KEPT] = {.change = ITEM_REVOKE, .calls = 2, .preemptions = 1},
        [NO_GENERATION_GROWS] = {.knows = true, .change = ITEM_RELOAD, .calls = 1},
        [NOTHING_IS_HELD_BACK] = {.knows = true, .change = ITEM_REVOKE, .kill = true, .calls = 1},
        [NO_MARKER_IS_LEFT] = {.knows = true, .change = ITEM_REVOKE, .kill = true, .calls = 1},
        [PAGE_IS_NOT_CLOSED] = {.knows = true, .change = ITEM_REVOKE, .stop = true, .calls = 1},
        [HEARTBEAT_IS_READ_LAST] =
            {.knows = true, .change = ITEM_REVOKE, .kill = true, .another_page = true, .calls = 1, .preemptions = 2},
    };

    (void)state;
    for (unsigned its = MISTAKE_NONE + 1; its < MISTAKES; its++) {
        struct plan plan_of_it = plans[its];

        plan_of_it.mistake = its;
        printf("mistake %u: ", its);
        assert_non_null(explore(plan_of_it).violation);
    }
}

/* Which shard of its memory a client takes depends on the processor that it runs on: there is to be one. */
static void stay_on_one_processor(void)
{
    cpu_set_t all, one;

    CPU_ZERO(&one);
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    for (unsigned i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++) {
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    }
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revoked_token_is_refused_from_then_on),
        cmocka_unit_test(a_token_of_a_key_that_was_withdrawn_is_refused_from_then_on),
        cmocka_unit_test(the_next_agent_after_one_that_was_killed_is_believed),
        cmocka_unit_test(the_next_agent_after_one_that_ended_is_believed),
        cmocka_unit_test(every_mistake_is_found),
    };

    stay_on_one_processor();
    agents_answered = answered;
    agents_open();
    int status = cmocka_run_group_tests(tests, NULL, NULL);

    agents_close();
    return status;
}
