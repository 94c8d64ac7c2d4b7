/* Values in a policy's file: claims as in tokens, and lists that grow. */
#ifndef ASSAY_VALUES_H
#define ASSAY_VALUES_H

#include "agent/config/yaml.h"
#include "agent/token/issuer.h"

/* A YAML value as MessagePack, in the arena: plain true, false, null and numbers mean the same as in JSON, all others are strings. NULL: the fault
   was added. */
const uint8_t *yaml_to_wire(struct yaml *yaml, yaml_node_t *node, size_t *ret_bytes);

/* Adds to a list in the arena's memory. */
void text_add(struct arena *arena, struct texts *texts, struct text text);

#endif
