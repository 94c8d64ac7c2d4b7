/* Log lines about peers, limited to a number a second, so that a flood of peers does not become a flood of lines. */
#ifndef ASSAY_PEER_LOG_H
#define ASSAY_PEER_LOG_H

#include "peer.h"

/* May one more line be written this second? Lines about decisions count too. Logs how many were left out once lines are allowed again. */
bool peer_log_may(double now);

/* The agent closed a connection because its peer broke a rule. */
void peer_log_broken_off(const struct peer *peer, const char *why);

/* The agent closed a connection because its entry of `peers` has its maximum. */
void peer_log_turned_away(const struct peer *peer);

/* No entry of `peers` matches. The line says what to write to let the peer in. */
void peer_log_stranger(const struct peer *peer);

#endif
