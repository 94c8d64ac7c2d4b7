/* Lines in the log about peers: as many a second as there is room for, so that a flood of peers does not become a flood of lines. */
#ifndef ASSAY_PEER_LOG_H
#define ASSAY_PEER_LOG_H

#include "peer.h"

/* May one more line be written this second? The decisions' lines are among them. Tells how many were left out when there is room again. */
bool peer_log_may(double now);

/* The agent closed a connection because its peer broke a rule. */
void peer_log_broken_off(const struct peer *peer, const char *why);

/* The agent closed a connection because its entry of `peers` has as many as it may. */
void peer_log_turned_away(const struct peer *peer);

/* No entry of `peers` matches. The line says what to write to let the peer in. */
void peer_log_stranger(const struct peer *peer);

#endif
