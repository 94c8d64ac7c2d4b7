/* Memory that runs out while the rules are compiled: there is no index then, and nothing is left behind. */
#include "agent_policy.h"

#include <stdbool.h>
#include <stdio.h>

#include "agent/policy/index.h"

static bool failing;
static unsigned left; /* allocations that still succeed */

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
    return failing && left-- == 0 ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *block, size_t size)
{
    return failing && left-- == 0 ? NULL : __real_realloc(block, size);
}

/* So that what grows the tables is a literal once, and a `*`, a claim, an action, a rule at the other times. */
static struct policy *make_policy(unsigned shift)
{
    static char text[65536];
    size_t used = (size_t)snprintf(text, sizeof text, "version: 1\nrules:\n");

    for (unsigned i = 0; i < shift; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "- {name: s%u, resources: [/s%u]}\n", i, i);
    for (unsigned i = 0; i < 130; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "- {name: a%u, resources: [/a%u, \"/b/{c%u}\", \"/c/%u/*\", /**], actions: [x%u]}\n- {name: b%u}\n", i, i,
                                 i, i, i, i);
    return policy_of(text);
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 5; shift++) {
        struct policy *policy = make_policy(shift);
        struct index *index = NULL;
        unsigned tries = 0;

        for (; index == NULL; tries++) {
            left = tries;
            failing = true;
            index = index_new(policy, false);
            failing = false;
        }
        assert_true(tries > 10);
        index_free(index);
        policy_drop(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
