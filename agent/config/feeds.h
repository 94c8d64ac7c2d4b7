/* `revocation:`, the part of the configuration that says where revocations come from, in addition to operators. */
#ifndef ASSAY_CONFIG_FEEDS_H
#define ASSAY_CONFIG_FEEDS_H

#include "agent/token/issuer.h"
#include "yaml.h"

struct feed_config {
    const char *path;     /* of an NDJSON file; NULL: another kind */
    const char *url;      /* of a list over HTTPS; NULL: another kind */
    const char *redis;    /* of a Redis or Valkey; NULL: another kind */
    const char *stream;   /* the stream in that Redis */
    const char *source;   /* its name in the list: file:PATH, the URL, or the URL with #stream */
    const char *ca_file, *token_file, *password_file; /* NULL: the system's authorities; no token; no password */
    double interval;      /* seconds between requests over HTTPS */
    struct texts issuers; /* whose tokens it may revoke; empty: every issuer's */
    bool undo;            /* may it undo its own revocations? */
    bool undo_is_said;
    bool start_without;   /* the agent is ready, and accepts tokens, before it has read this feed once */
    struct place place;
};

static inline bool feed_is_remote(const struct feed_config *feed)
{
    return feed->path == NULL;
}

struct revocation_config {
    double max_age; /* seconds for which a feed may be unreadable before tokens become undecided; 0: no limit */
    struct feed_config feeds[CONFIG_FEEDS_MAX];
    unsigned feed_count;
};

/* A reader for yaml.h's tables: into a struct revocation_config. */
void config_read_revocation(struct yaml *yaml, yaml_node_t *value, void *revocation);

#endif
