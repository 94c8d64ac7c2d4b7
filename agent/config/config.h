/* The configuration file, read and checked as a whole. It never changes afterwards: a reload creates another. */
#ifndef ASSAY_CONFIG_H
#define ASSAY_CONFIG_H

#include <sys/socket.h>
#include <sys/types.h>

#include "agent/base/limits.h"
#include "agent/base/log.h"
#include "agent/token/issuer.h"
#include "feeds.h"
#include "peers.h"
#include "yaml.h"

#define CONFIG_PATH_DEFAULT "/etc/assay/assayd.yaml"
#define SOCKET_PATH_DEFAULT "/run/assay/assayd.sock"
#define STATE_PATH_DEFAULT "/var/lib/assay"

enum log_decisions { DECISIONS_OFF, DECISIONS_DENIED, DECISIONS_ALL };

/* Where an issuer's keys come from: a file, or the issuer over HTTPS, at `jwks_uri` or at the URL that discovery finds. */
struct key_source {
    const char *name; /* the name in logs and answers */
    const char *file; /* NULL: over HTTPS. Relative to the configuration's folder if it was written so */
    const char *kid;  /* of a file's key; NULL: not given */
    const char *jwks_uri; /* NULL: a file, or discovery */
    bool discovery;
    const char *ca_file, *token_file; /* NULL: the system's authorities; no bearer token */
    double timeout; /* seconds, of a whole fetch */
    double refresh, cooldown, max_age; /* seconds */
    struct place place;
};

/* One issuer's block: what verification needs, and where the issuer's keys come from. */
struct issuer_config {
    struct issuer rules; /* its `keys` is empty: keys/ fills in a copy of it */
    struct key_source keys;
    struct place place;
};

/* Where gateways and probes may connect over HTTP: a Unix socket, or a port of the loopback interface. */
struct http_config {
    const char *listen; /* as written in the file; NULL: not configured */
    const char *path;   /* of the Unix socket; NULL: a TCP port */
    mode_t mode;
    gid_t group;                /* (gid_t)-1: the agent's */
    struct sockaddr_storage at; /* the address and port */
    const char *peer;           /* callers over TCP get the rights of this peer; NULL: not configured */
    struct place place;
};

struct audit_claims {
    const char *names[AUDIT_CLAIMS_MAX];
    unsigned count;
};

/* Where lines about decisions go, and what they contain. */
struct audit_config {
    const char *to;    /* as written in the file; NULL: not configured */
    const char *file;  /* NULL: stdout, or the log */
    bool to_stdout;
    struct audit_claims claims, mask;
    const char *shown[AUDIT_CLAIMS_MAX]; /* the names of `claims` in the lines */
    double drop_allowed;                 /* this share of the lines about allowed requests is left out */
    struct place place, mask_place;
};

struct config {
    unsigned references;
    struct arena arena;
    const char *path;
    const char *socket_path;
    mode_t socket_mode;
    gid_t socket_group; /* (gid_t)-1: the agent's */
    struct http_config http;
    const char *state_path;
    const char *policy_path; /* NULL: no policy, so nothing is allowed */
    struct revocation_config revocation;
    struct peers_config peers;
    struct issuer_config *issuers;
    unsigned issuer_count;
    uint64_t cache_bytes;
    bool fast_path; /* clients get the shared page */
    unsigned threads;
    enum log_level log_level;
    bool log_json;
    enum log_decisions log_decisions;
    struct audit_config audit;
};

/* Reads the file. NULL: at least one fault. It looks up groups, so do not call it on the loop's thread. */
struct config *config_load(const char *path, struct faults *faults);
struct config *config_hold(struct config *config);
void config_drop(struct config *config); /* NULL is fine */

/* `mode` and `group` of a socket. */
void config_read_mode(struct yaml *yaml, yaml_node_t *value, void *mode);
void config_read_group(struct yaml *yaml, yaml_node_t *value, void *group);

/* Reads `audit:`. */
void config_read_audit(struct yaml *yaml, yaml_node_t *value, void *audit);

/* Is this claim replaced by a digest? */
bool audit_masks(const struct audit_config *audit, const char *claim);

/* Reads `http:`. */
void config_read_http(struct yaml *yaml, yaml_node_t *value, void *http);

/* Checks what `http:` says of peers, which may come later in the file. */
void config_check_http(struct yaml *yaml, const struct config *config);

/* Reads `issuers:`; and the function that reads `keys:` into a key_source, which is checked as a whole at the issuer's end. */
void config_read_issuers(struct yaml *yaml, yaml_node_t *value, void *config);
void config_read_keys(struct yaml *yaml, yaml_node_t *value, void *source);
void config_read_key_time(struct yaml *yaml, yaml_node_t *value, void *seconds);
void config_read_places(struct yaml *yaml, yaml_node_t *value, void *claim_places);

/* Readers for yaml.h's tables, each into a const char *: an https URL; a readable file; a file that not every user can read. */
void config_read_https(struct yaml *yaml, yaml_node_t *value, void *into);
void config_read_readable(struct yaml *yaml, yaml_node_t *value, void *into);
void config_read_secret(struct yaml *yaml, yaml_node_t *value, void *into);

void config_check_keys(struct yaml *yaml, yaml_node_t *node, const struct issuer *rules, struct key_source *source);

/* Reads claims and the values that they may have, for `claims:` of an issuer or of a policy's rule. */
void config_read_claim_rules(struct yaml *yaml, yaml_node_t *value, struct claim_rule **ret_rules, unsigned *ret_count);

/* The spelling of any issuer that is nearest to the name, or NULL. */
const char *config_nearest_issuer(const struct config *config, const char *name);

#endif
