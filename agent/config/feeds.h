/* `revocation:`, the part of the configuration that says where revocations come from besides the operators. */
#ifndef ASSAY_CONFIG_FEEDS_H
#define ASSAY_CONFIG_FEEDS_H

#include "agent/token/issuer.h"
#include "yaml.h"

struct feed_config {
    const char *path;     /* of an NDJSON file; NULL: it is one of the others */
    const char *url;      /* of a list over HTTPS; NULL: likewise */
    const char *redis;    /* of a Redis or Valkey; NULL: likewise */
    const char *stream;   /* there */
    const char *source;   /* its name in the list: file:PATH, the URL, the URL with #stream */
    const char *ca_file, *token_file, *password_file; /* NULL: the system's authorities; none */
    double interval;      /* seconds between questions over HTTPS */
    struct texts issuers; /* it may speak for; none: for all */
    bool undo;            /* may it take back its own words? */
    bool undo_is_said;
    bool start_without;   /* the agent is ready, and says yes, before this feed was read once */
    struct place place;
};

static inline bool feed_is_remote(const struct feed_config *feed)
{
    return feed->path == NULL;
}

struct revocation_config {
    double max_age; /* seconds for which a feed may not have been readable; 0: any */
    struct feed_config feeds[CONFIG_FEEDS_MAX];
    unsigned feed_count;
};

/* A reader for yaml.h's tables: into a struct revocation_config. */
void config_read_revocation(struct yaml *yaml, yaml_node_t *value, void *revocation);

#endif
