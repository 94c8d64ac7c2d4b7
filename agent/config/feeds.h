/* `revocation:`, the part of the configuration that says where revocations come from besides the operators. */
#ifndef ASSAY_CONFIG_FEEDS_H
#define ASSAY_CONFIG_FEEDS_H

#include "agent/config/yaml.h"
#include "agent/token/issuer.h"

struct feed_config {
    const char *path;     /* of an NDJSON file */
    const char *source;   /* its name in the list: file:PATH */
    struct texts issuers; /* it may speak for; none: for all */
    bool undo;            /* may it take back its own words? */
};

struct revocation_config {
    double max_age; /* seconds for which a feed may not have been readable; 0: any */
    struct feed_config feeds[CONFIG_FEEDS_MAX];
    unsigned feed_count;
};

/* A reader for yaml.h's tables: into a struct revocation_config. */
void config_read_revocation(struct yaml *yaml, yaml_node_t *value, void *revocation);

#endif
