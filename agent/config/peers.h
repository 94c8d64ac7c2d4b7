/* `peers:`, the part of the configuration that says who may ask what, how often, and about whose tokens. */
#ifndef ASSAY_CONFIG_PEERS_H
#define ASSAY_CONFIG_PEERS_H

#include <sys/types.h>

#include "agent/token/bounds.h"
#include "yaml.h"

/* Zero is the one that nobody has; everybody has the next. The last one comes with the one to verify. */
enum right { RIGHT_NONE = 0, RIGHT_PING, RIGHT_VERIFY, RIGHT_AUTHORIZE, RIGHT_TOKEN, RIGHT_REFRESH, RIGHT_ADMIN, RIGHT_HELLO };
#define RIGHT_BIT(right) (1U << (right))

struct ids {
    uint32_t *list;
    unsigned count;
};
bool ids_have(const struct ids *ids, uint32_t id);

/* What an entry's peers have open and have done. It changes, on the loop's thread, in a configuration that does not; whoever
   replaces that carries it over by name. */
struct peer_tally {
    unsigned connections, in_flight;
    uint64_t requests, refused, rate_limited, turned_away;
    double tokens;      /* requests that may be made at once, */
    uint64_t tokens_at; /* as of then: milliseconds of the loop's clock */
};

/* Texts whose meaning is looked up when the whole file has been read. */
struct mentions {
    struct mention {
        struct text text;
        struct place place;
    } * list;
    unsigned count;
};

struct peer_config {
    const char *name; /* NULL: who matches no entry */
    struct ids uids, gids;
    unsigned rights; /* RIGHT_BIT of each */
    bool rights_are_said;
    struct mentions issuers, audiences;
    struct bounds bounds;            /* what these two mean */
    double rate;                     /* requests a second; 0: any */
    unsigned connections, in_flight; /* at most; 0: any */
    struct peer_tally *tally;
    struct place place;
};

struct peers_config {
    bool configured; /* otherwise whoever the socket's mode lets in may verify and authorize */
    struct peer_config *list;
    unsigned count;
    struct peer_config stranger;
    bool asks_groups;    /* an entry names a group */
    bool admin_is_named; /* an entry has `admin` */
    uid_t overflow_uid;  /* what the kernel shows of users and groups that do not exist here: anybody's */
    gid_t overflow_gid;
};

struct config;

/* A reader for yaml.h's tables: into a struct peers_config. Looks up users and groups. */
void config_read_peers(struct yaml *yaml, yaml_node_t *value, void *peers);

/* What they say about issuers and audiences, which may stand behind them in the file. */
void config_check_peers(struct yaml *yaml, struct config *config);

/* Who is asked about, as the kernel knows him. */
struct identity {
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    unsigned group_count;
    bool groups_are_unknown; /* they could not be had, or are too many */
};

/* The first entry that matches; `stranger` if none does. Where an entry could match by a group and groups are unknown, the search
   ends: it may have been written to shut its members out. */
const struct peer_config *peers_match(const struct peers_config *peers, const struct identity *who);

/* NULL: there is none of that name. */
const struct peer_config *peers_named(const struct peers_config *peers, const char *name);

/* One request is made: may it be, by the entry's rate? `now`: milliseconds of a clock that is never set. */
bool peers_take_token(const struct peer_config *peer, uint64_t now);
bool peers_take_more(const struct peer_config *peer, unsigned count); /* for the same request */

/* What was done under the old configuration counts on. Open connections do not: they are matched anew. */
void peers_carry_over(const struct peers_config *old, const struct peers_config *new);

#endif
