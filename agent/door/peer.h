/* The peer of a connection, as the kernel identifies it (SO_PEERCRED, SO_PEERGROUPS), and what it may ask. */
#ifndef ASSAY_PEER_H
#define ASSAY_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/config/peers.h"

struct config;

/* All zero: an unknown peer, which may only ping. */
struct peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    unsigned rights;                 /* RIGHT_BIT of each */
    const struct peer_config *entry; /* in the configuration in force; NULL: it has no `peers` */
    struct bounds bounds;
    bool is_overflow; /* it has the overflow uid, which the kernel shows for every unmapped user */
};

/* 0, or -1 if the kernel does not identify the peer. The peer has no rights yet. */
int peer_of(int fd, struct peer *ret_peer);

/* Sets the rights under this configuration, which must live as long as the peer or until the next call. The kernel reports the peer's groups as
   they were when it connected. */
void peer_rank(struct peer *peer, int fd, const struct config *config);

/* The same for a peer that came another way, with the rights of the entry of this name. False: there is no such entry, and the peer has no rights.
   Only uid, gid and pid of the peer are left unchanged. A waiter that points to its bounds needs the configuration: hold it. */
bool peer_named(const struct config *config, const char *name, struct peer *ret_peer);

/* Counts one more connection of its entry, with this many requests in flight, after peer_rank or peer_named. peer_leave ends the count: from then
   on the peer has no rights, and points into no configuration. */
void peer_join(const struct peer *peer, unsigned in_flight);
void peer_leave(struct peer *peer, unsigned in_flight);

/* Does its entry have more connections than it may, this one included? Then it is counted. */
bool peer_is_too_many(const struct peer *peer);

/* Counts one more request in flight. False: its entry allows no more, and it was not counted. */
bool peer_hold(const struct peer *peer);
void peer_release(const struct peer *peer);

/* Does the peer match no entry of the configuration? */
bool peer_is_stranger(const struct peer *peer);

/* Judges and counts one request. `now`: milliseconds of the loop's clock. */
enum peer_verdict { PEER_FORBIDDEN = 0, PEER_LIMITED, PEER_MAY };
enum peer_verdict peer_ask(const struct peer *peer, enum right right, uint64_t now);

/* The same request asks for this many more decisions: each counts in `rate`. False: the rate is used up. */
bool peer_ask_more(const struct peer *peer, unsigned decisions);

/* The issuers whose tokens it may administer. A peer that is an administrator only because no entry is: all issuers. */
const struct bounds *peer_admin_bounds(const struct peer *peer);

/* Why it gets no page, and so no stamps; NULL: it may have them. The agent cannot count the answers that a client repeats by itself. */
const char *peer_page_refusal(const struct peer *peer);

/* Text for the peer: why it may not call this method. */
#define PEER_WORDS_BYTES 384
void peer_explain(const struct peer *peer, enum right right, const char *method, char words[PEER_WORDS_BYTES]);

#endif
