/* Reads `tests:`, for policy_load. */
#ifndef ASSAY_LOAD_TESTS_H
#define ASSAY_LOAD_TESTS_H

#include "policy.h"

/* For a table of keys: `policy` is a struct policy **. */
void policy_read_tests(struct yaml *yaml, yaml_node_t *value, void *policy);

#endif
