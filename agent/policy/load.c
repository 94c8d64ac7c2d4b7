/* Loads a policy from its file: it reports every fault with its place, and nothing is in force unless all of it is good. */
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "index.h"
#include "load_rules.h"
#include "load_tests.h"
#include "policy.h"
#include "values.h"

/* Adds what a role contains to every role that contains it. False: a role contains itself. */
static bool close_role(struct policy *policy, unsigned role, uint8_t *state)
{
    if (state[role] != 0)
        return state[role] == 2;
    state[role] = 1;
    for (unsigned other = 0; other < policy->roles.count; other++) {
        if (other == role || !name_set_has(&policy->contains[role], other))
            continue;
        if (!close_role(policy, other, state))
            return false;
        for (unsigned i = 0; i < NAME_WORDS; i++)
            policy->contains[role].words[i] |= policy->contains[other].words[i];
    }
    state[role] = 2;
    return true;
}

static void read_hierarchy(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct reading *reading = into;
    struct policy *policy = reading->policy;
    uint8_t state[POLICY_NAMES_MAX] = {0};

    reading->has_hierarchy = true;
    if (value->type != YAML_MAPPING_NODE) {
        yaml_fault(yaml, value, "expected roles and the roles that each contains, for example {admin: [manager], manager: [user]}");
        return;
    }
    for (yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        yaml_node_t *name_node = yaml_node(yaml, pair->key), *list = yaml_node(yaml, pair->value);
        const char *name = yaml_text(yaml, name_node);
        struct texts contained = {NULL, 0};
        int role = name != NULL && *name != '\0' ? name_number(&policy->roles, as_text(name), true) : -1;

        if (role < 0) {
            yaml_fault(yaml, name_node, "the role's name is empty, or the policy has more than %d roles", POLICY_NAMES_MAX);
            continue;
        }
        if (state[role] != 0)
            yaml_fault(yaml, name_node, "the role `%s` is given twice; keep one", name);
        state[role] = 1;
        name_set_add(&reading->listed, (unsigned)role);
        if (list->type != YAML_SEQUENCE_NODE || list->data.sequence.items.start < list->data.sequence.items.top)
            policy_read_list(yaml, list, &contained);
        for (unsigned i = 0; i < contained.count; i++) {
            int other = name_number(&policy->roles, contained.list[i], true);

            if (other == role)
                yaml_fault(yaml, list, "the role `%s` contains itself", name);
            else if (other < 0)
                yaml_fault(yaml, list, "more than %d different roles", POLICY_NAMES_MAX);
            if (other >= 0) {
                name_set_add(&policy->contains[role], (unsigned)other);
                name_set_add(&reading->listed, (unsigned)other);
            }
        }
    }
    memset(state, 0, sizeof state);
    for (unsigned role = 0; role < policy->roles.count; role++) {
        if (!close_role(policy, role, state)) {
            yaml_fault(yaml, value, "the role `%s` contains itself through other roles; take one of them out of the circle",
                       policy->roles.names[role].at);
            return;
        }
    }
}

static void read_version(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    (void)into;
    if (text != NULL && strcmp(text, "1") != 0)
        yaml_fault(yaml, value, "`version: %s` is not supported; write version: 1", text);
}

static void read_case_insensitive(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct reading *reading = into;

    yaml_read_bool(yaml, value, &reading->policy->ignores_case);
}

static const struct yaml_key top_keys[] = {
    {"version", read_version, 0, true, NULL}, {"roles", read_hierarchy, 0, false, NULL},
    {"case_insensitive", read_case_insensitive, 0, false, NULL}, {"rules", policy_read_rules, 0, true, NULL},
    {"tests", policy_read_tests, offsetof(struct reading, policy), false, NULL}, {0},
};

static int build_indexes(struct policy *policy)
{
    bool denies = false;

    for (unsigned i = 0; i < policy->rule_count && !denies; i++)
        denies = policy->rules[i].deny && policy->rules[i].patterns.count > 0;
    policy->index = index_new(policy, false);
    if (policy->index == NULL)
        return -1;
    if (!denies || (policy->keeps == 0 && !policy->ignores_case))
        return 0;
    policy->denials = index_new(policy, true);
    return policy->denials != NULL ? 0 : -1;
}

struct policy *policy_load(const char *path, const struct config *config, struct faults *faults)
{
    struct policy *policy = calloc(1, sizeof *policy);
    struct reading reading = {.policy = policy, .config = config};
    unsigned before = faults->count;

    if (policy == NULL) {
        fault_add(faults, (struct place){path, 0, 0}, "out of memory");
        return NULL;
    }
    policy->references = 1;
    policy->decisions = arena_get(&policy->arena, sizeof *policy->decisions);
    policy->contains = arena_get(&policy->arena, POLICY_NAMES_MAX * sizeof *policy->contains);
    struct yaml *yaml = yaml_open(path, POLICY_FILE_BYTES_MAX, &policy->arena, faults);

    if (yaml != NULL) {
        policy->path = yaml->path;
        memcpy(policy->sum, yaml->sum, sizeof policy->sum);
        yaml_read_map(yaml, yaml_root(yaml), top_keys, &reading);
        yaml_close(yaml);
        policy_check_denials(policy, faults);
        for (unsigned role = 0; role < policy->roles.count; role++)
            name_set_add(&policy->contains[role], role); /* each contains itself */
        if (faults->count == before)
            policy_advise(policy, config, reading.has_hierarchy ? &reading.listed : NULL);
        if (faults->count == before && build_indexes(policy) < 0)
            fault_add(faults, (struct place){path, 0, 0}, "out of memory");
    }
    if (faults->count > before || yaml == NULL) {
        policy_drop(policy);
        return NULL;
    }
    return policy;
}

bool policy_is_same(const struct policy *a, const struct policy *b)
{
    return memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

struct policy *policy_hold(struct policy *policy)
{
    if (policy != NULL)
        policy->references++;
    return policy;
}

void policy_drop(struct policy *policy)
{
    if (policy == NULL || --policy->references > 0)
        return;
    index_free(policy->index);
    index_free(policy->denials);
    faults_clear(&policy->warnings);
    arena_free(&policy->arena);
    free(policy);
}
