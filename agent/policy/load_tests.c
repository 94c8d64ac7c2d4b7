/* `tests:`, the examples in a policy's file that test the policy. */
#include "load_tests.h"

#include <string.h>

#include "values.h"

static void read_test_claims(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct policy_test *test = into;

    if (value->type != YAML_MAPPING_NODE)
        yaml_fault(yaml, value, "expected the claims of a token, for example {sub: alice, role: user}");
    else
        test->claims = yaml_to_wire(yaml, value, &test->claims_bytes);
}

static void read_test_text(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text != NULL)
        *(struct text *)into = (struct text){text, strlen(text)};
}

static void read_expect(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char *const expected[] = {"allow", "401", "403", NULL};
    static const unsigned statuses[] = {200, 401, 403};
    int choice = yaml_choice(yaml, value, expected);

    if (choice >= 0)
        *(unsigned *)into = statuses[choice];
}

void policy_read_tests(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const struct yaml_key keys[] = {
        {"claims", read_test_claims, 0, false, NULL},
        {"action", read_test_text, offsetof(struct policy_test, action), true, NULL},
        {"resource", read_test_text, offsetof(struct policy_test, resource), true, NULL},
        {"expect", read_expect, offsetof(struct policy_test, expect), true, NULL},
        {0},
    };
    struct policy *policy = *(struct policy **)into;
    yaml_node_t *item;

    if (value->type == YAML_SEQUENCE_NODE)
        policy->tests = arena_get(yaml->arena, sizeof *policy->tests *
                                                   ((size_t)(value->data.sequence.items.top - value->data.sequence.items.start) + 1));
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        struct policy_test *test = &policy->tests[policy->test_count++];

        test->place = yaml_place(yaml, item);
        yaml_read_map(yaml, item, keys, test);
    }
}
