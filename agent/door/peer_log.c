#include "peer_log.h"

#include <stdio.h>

#include "agent/base/core.h"
#include "agent/base/limits.h"
#include "agent/base/log.h"

bool peer_log_may(double now)
{
    static int64_t second;
    static unsigned lines, left_out;

    if ((int64_t)now != second) {
        unsigned silent = left_out;

        second = (int64_t)now;
        lines = left_out = 0;
        if (silent > 0)
            log_warning("too many log lines about peers; some were left out", LOG_NUMBER("count", silent));
    }
    if (lines < AUDIT_LINES_PER_SECOND_MAX) {
        lines++;
        return true;
    }
    left_out++;
    return false;
}

void peer_log_broken_off(const struct peer *peer, const char *why)
{
    if (peer_log_may(unix_now()))
        log_warning("a connection was closed", LOG_TEXT("why", why), LOG_NUMBER("uid", peer->uid), LOG_NUMBER("pid", peer->pid));
}

void peer_log_turned_away(const struct peer *peer)
{
    if (peer_log_may(unix_now()))
        log_warning("a connection was closed, because its peer has the maximum number of connections", LOG_TEXT("peer", peer->entry->name),
                    LOG_NUMBER("connections", peer->entry->connections), LOG_NUMBER("uid", peer->uid), LOG_NUMBER("pid", peer->pid));
}

void peer_log_stranger(const struct peer *peer)
{
    char line[64];

    snprintf(line, sizeof line, "- {name: NAME, uid: %u}", peer->uid);
    if (peer_log_may(unix_now()))
        log_warning("a caller matches no entry of `peers`", LOG_TEXT("to_let_it_in", line), LOG_NUMBER("uid", peer->uid),
                    LOG_NUMBER("gid", peer->gid), LOG_NUMBER("pid", peer->pid));
}
