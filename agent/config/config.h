/* The configuration file, read and checked whole. Never changed afterwards: a reload makes another. */
#ifndef ASSAY_CONFIG_H
#define ASSAY_CONFIG_H

#include <sys/types.h>

#include "agent/config/feeds.h"
#include "agent/config/yaml.h"
#include "agent/token/issuer.h"

#define CONFIG_PATH_DEFAULT "/etc/assay/assayd.yaml"
#define SOCKET_PATH_DEFAULT "/run/assay/assayd.sock"
#define STATE_PATH_DEFAULT "/var/lib/assay"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_decisions { DECISIONS_OFF, DECISIONS_DENIED, DECISIONS_ALL };

/* One issuer's block: what verification needs, and where its keys come from. */
struct issuer_config {
    struct issuer rules; /* its `keys` is empty: keys/ fills it in a copy */
    const char *key_file; /* relative to the configuration's folder if it was written so */
    const char *key_kid;  /* NULL: none was given */
    struct place key_place;
    struct place place;
};

struct config {
    unsigned references;
    struct arena arena;
    const char *path;
    const char *socket_path;
    mode_t socket_mode;
    gid_t socket_group; /* (gid_t)-1: the agent's */
    const char *state_path;
    const char *policy_path; /* NULL: none, and nobody may do anything */
    struct revocation_config revocation;
    struct issuer_config *issuers;
    unsigned issuer_count;
    uint64_t cache_bytes;
    bool fast_path; /* the page is handed out */
    unsigned threads;
    enum log_level log_level;
    bool log_json;
    enum log_decisions log_decisions;
};

/* Reads the file. NULL: there is at least one fault. It looks up groups and must not be called on the loop's thread. */
struct config *config_load(const char *path, struct faults *faults);
struct config *config_hold(struct config *config);
void config_drop(struct config *config); /* NULL is fine */

/* The part of it that reads `issuers:`. */
void config_read_issuers(struct yaml *yaml, yaml_node_t *value, void *config);

/* Claims and the values that they may have, for `claims:` of an issuer or of a policy's rule. */
void config_read_claim_rules(struct yaml *yaml, yaml_node_t *value, struct claim_rule **ret_rules, unsigned *ret_count);

/* Of all spellings of all issuers the one that was probably meant, or NULL. */
const char *config_nearest_issuer(const struct config *config, const char *name);

#endif
