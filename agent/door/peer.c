#include "peer.h"

#include <sys/socket.h>
#include <unistd.h>

int peer_of(int fd, struct peer *ret_peer)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 || size != sizeof credentials)
        return -1;
    *ret_peer = (struct peer){credentials.uid, credentials.gid, credentials.pid};
    return 0;
}

bool peer_may(const struct peer *peer, enum right right)
{
    return right != RIGHT_ADMIN || peer->uid == 0 || peer->uid == geteuid();
}
