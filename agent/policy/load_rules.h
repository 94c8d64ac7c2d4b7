/* Reads `rules:`, for policy_load. */
#ifndef ASSAY_LOAD_RULES_H
#define ASSAY_LOAD_RULES_H

#include "policy.h"

/* The state of reading: the policy, and what its file is compared with. */
struct reading {
    struct policy *policy;
    const struct config *config;
    bool has_hierarchy;
    struct name_set listed; /* the roles that the hierarchy mentions */
};

/* For a table of keys: into a struct texts. Reads a list of strings that is not empty and has no duplicates. */
void policy_read_list(struct yaml *yaml, yaml_node_t *value, void *texts);

/* For a table of keys: into a struct reading. */
void policy_read_rules(struct yaml *yaml, yaml_node_t *value, void *reading);

/* After the whole file was read: finds deny rules that a caller could bypass where servers ignore case. */
void policy_check_denials(const struct policy *policy, struct faults *faults);

#endif
