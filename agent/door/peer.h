/* Who is at the other end of a connection: the kernel's word (SO_PEERCRED, SO_PEERGROUPS), and what that user may ask. */
#ifndef ASSAY_PEER_H
#define ASSAY_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/config/peers.h"

struct config;

/* All zero: nobody, who may ping. */
struct peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
    unsigned rights;                 /* RIGHT_BIT of each */
    const struct peer_config *entry; /* of the configuration in force; NULL: that has no `peers` */
    struct bounds bounds;
    bool is_overflow; /* it has the uid that the kernel shows of whoever does not exist here */
};

/* 0, or -1 if the kernel does not say. It may nothing yet. */
int peer_of(int fd, struct peer *ret_peer);

/* What it may under this configuration, which must live as long as the peer or until the next call. What groups it is in the kernel
   says, which keeps those of the moment in which it connected. */
void peer_rank(struct peer *peer, int fd, const struct config *config);

/* The same for somebody who came another way, with the rights of the entry of this name. False: there is none, and it may nothing.
   Of the peer only uid, gid and pid are left as they are. A waiter that points to its bounds needs the configuration: hold it. */
bool peer_named(const struct config *config, const char *name, struct peer *ret_peer);

/* Its entry counts a connection of it more, with this many requests in flight, after peer_rank or peer_named. peer_leave counts it
   no more: from there on it may nothing, and points into no configuration. */
void peer_join(const struct peer *peer, unsigned in_flight);
void peer_leave(struct peer *peer, unsigned in_flight);

/* Has its entry, with this connection, more of them than it may? Counted then. */
bool peer_is_too_many(const struct peer *peer);

/* A request more in flight. False: its entry allows no more, and none is counted. */
bool peer_hold(const struct peer *peer);
void peer_release(const struct peer *peer);

/* Is it none of the configuration's? */
bool peer_is_stranger(const struct peer *peer);

/* One request, which is counted. `now`: milliseconds of the loop's clock. */
enum peer_verdict { PEER_FORBIDDEN = 0, PEER_LIMITED, PEER_MAY };
enum peer_verdict peer_ask(const struct peer *peer, enum right right, uint64_t now);

/* The same request asks for so many decisions more: each counts in `rate`. False: that is used up. */
bool peer_ask_more(const struct peer *peer, unsigned decisions);

/* About whose tokens it may say something as an administrator. Who is one only because no entry is: about all. */
const struct bounds *peer_admin_bounds(const struct peer *peer);

/* Why it gets no page, and so no stamps; NULL: it may. What a client says again by itself is not counted. */
const char *peer_page_refusal(const struct peer *peer);

/* In words, for the peer itself: why it may not call this. */
#define PEER_WORDS_BYTES 384
void peer_explain(const struct peer *peer, enum right right, const char *method, char words[PEER_WORDS_BYTES]);

#endif
