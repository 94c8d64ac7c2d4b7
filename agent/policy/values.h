/* Values of a policy's file: claims as tokens have them, and lists that grow. */
#ifndef ASSAY_VALUES_H
#define ASSAY_VALUES_H

#include "agent/config/yaml.h"
#include "agent/token/issuer.h"

/* A YAML value as MessagePack, in the arena: plain true, false, null and numbers are what they are in JSON, the rest is text. NULL: the
   fault has been added. */
const uint8_t *yaml_to_wire(struct yaml *yaml, yaml_node_t *node, size_t *ret_bytes);

/* Adds to a list whose memory is the arena's. */
void text_add(struct arena *arena, struct texts *texts, struct text text);

#endif
