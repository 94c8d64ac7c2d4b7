/* Who is at the other end of a connection: the kernel's word (SO_PEERCRED), and what that user may ask. */
#ifndef ASSAY_PEER_H
#define ASSAY_PEER_H

#include <stdbool.h>
#include <sys/types.h>

enum right { RIGHT_PING, RIGHT_VERIFY, RIGHT_ADMIN };

struct peer {
    uid_t uid;
    gid_t gid;
    pid_t pid;
};

/* 0, or -1 if the kernel does not say. */
int peer_of(int fd, struct peer *ret_peer);

/* Whoever the socket's mode lets in may verify; root and the agent's own user may administer. */
bool peer_may(const struct peer *peer, enum right right);

#endif
