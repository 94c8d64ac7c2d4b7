/* The part of policy_load that reads `rules:`. */
#ifndef ASSAY_LOAD_RULES_H
#define ASSAY_LOAD_RULES_H

#include "policy.h"

/* What is being read: the policy, and what its file is compared with. */
struct reading {
    struct policy *policy;
    const struct config *config;
    bool has_hierarchy;
    struct name_set listed; /* roles that the hierarchy mentions */
};

/* For a table of keys: a struct texts. A list of texts that is not empty and has no entry twice. */
void policy_read_list(struct yaml *yaml, yaml_node_t *value, void *texts);

/* For a table of keys: a struct reading. */
void policy_read_rules(struct yaml *yaml, yaml_node_t *value, void *reading);

/* When the whole file is read: deny rules that could be got around where case is ignored. */
void policy_check_denials(const struct policy *policy, struct faults *faults);

#endif
