/* `peers:`, the part of the configuration that says which callers may call which methods, how often, and for whose tokens. */
#ifndef ASSAY_CONFIG_PEERS_H
#define ASSAY_CONFIG_PEERS_H

#include <sys/types.h>

#include "agent/token/bounds.h"
#include "yaml.h"

/* Nobody has right 0; everybody has the next one, ping. The last right comes with the right to verify. */
enum right { RIGHT_NONE = 0, RIGHT_PING, RIGHT_VERIFY, RIGHT_AUTHORIZE, RIGHT_TOKEN, RIGHT_REFRESH, RIGHT_ADMIN, RIGHT_HELLO };
#define RIGHT_BIT(right) (1U << (right))

struct ids {
    uint32_t *list;
    unsigned count;
};
bool ids_have(const struct ids *ids, uint32_t id);

/* The open connections and past requests of an entry's peers. It changes, on the loop's thread, although the configuration does not; a reload
   carries it over by name. */
struct peer_tally {
    unsigned connections, in_flight;
    uint64_t requests, refused, rate_limited, turned_away;
    double tokens;      /* requests that may be made at once, */
    uint64_t tokens_at; /* as of this moment: milliseconds of the loop's clock */
};

/* Names that are looked up after the whole file has been read. */
struct mentions {
    struct mention {
        struct text text;
        struct place place;
    } * list;
    unsigned count;
};

struct peer_config {
    const char *name; /* NULL: the entry for peers that match no other */
    struct ids uids, gids;
    unsigned rights; /* RIGHT_BIT of each */
    bool rights_are_said;
    struct mentions issuers, audiences;
    struct bounds bounds;            /* the meaning of these two */
    double rate;                     /* requests a second; 0: no limit */
    unsigned connections, in_flight; /* maximum; 0: no limit */
    struct peer_tally *tally;
    struct place place;
};

struct peers_config {
    bool configured; /* if not configured, every process that the socket's mode lets in may verify and authorize */
    struct peer_config *list;
    unsigned count;
    struct peer_config stranger;
    bool asks_groups;    /* an entry names a group */
    bool admin_is_named; /* an entry has `admin` */
    uid_t overflow_uid;  /* what the kernel shows for every user and group that is not mapped here */
    gid_t overflow_gid;
};

struct config;

/* A reader for yaml.h's tables: into a struct peers_config. Looks up users and groups. */
void config_read_peers(struct yaml *yaml, yaml_node_t *value, void *peers);

/* Checks the issuers and audiences that peers name, which may come later in the file. */
void config_check_peers(struct yaml *yaml, struct config *config);

/* A caller as the kernel identifies it. */
struct identity {
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    unsigned group_count;
    bool groups_are_unknown; /* the kernel did not return them, or they are too many */
};

/* The first entry that matches; `stranger` if none does. If the groups are unknown and an entry could match by a group, the search ends there,
   because that entry may have been written to shut its members out. */
const struct peer_config *peers_match(const struct peers_config *peers, const struct identity *who);

/* NULL: no entry has that name, or `name` is NULL. */
const struct peer_config *peers_named(const struct peers_config *peers, const char *name);

/* Counts one request. False: it exceeds the entry's rate. `now`: milliseconds of a monotonic clock. */
bool peers_take_token(const struct peer_config *peer, uint64_t now);
bool peers_take_more(const struct peer_config *peer, unsigned count); /* more decisions of the same request */

/* Carries the counts over from the old configuration. Open connections are not carried over: they are matched again. */
void peers_carry_over(const struct peers_config *old, const struct peers_config *new);

#endif
