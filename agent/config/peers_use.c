/* The configured peers in use: which entry a peer matches, its rate, and the counts that outlive a configuration. */
#include <string.h>

#include "peers.h"

bool ids_have(const struct ids *ids, uint32_t id)
{
    for (unsigned i = 0; i < ids->count; i++) {
        if (ids->list[i] == id)
            return true;
    }
    return false;
}

static bool has_group(const struct peers_config *peers, const struct ids *gids, const struct identity *who)
{
    if (who->gid != peers->overflow_gid && ids_have(gids, who->gid))
        return true;
    for (unsigned i = 0; i < who->group_count; i++) {
        if (who->groups[i] != peers->overflow_gid && ids_have(gids, who->groups[i]))
            return true;
    }
    return false;
}

const struct peer_config *peers_match(const struct peers_config *peers, const struct identity *who)
{
    if (who->uid == peers->overflow_uid)
        return &peers->stranger;
    for (unsigned i = 0; i < peers->count; i++) {
        const struct peer_config *peer = &peers->list[i];

        if (ids_have(&peer->uids, who->uid) || has_group(peers, &peer->gids, who))
            return peer;
        if (peer->gids.count > 0 && who->groups_are_unknown)
            break;
    }
    return &peers->stranger;
}

const struct peer_config *peers_named(const struct peers_config *peers, const char *name)
{
    for (unsigned i = 0; name != NULL && i < peers->count; i++) {
        if (peers->list[i].name != NULL && strcmp(peers->list[i].name, name) == 0)
            return &peers->list[i];
    }
    return NULL;
}

/* A bucket that holds one second's requests, and at least one. It was empty when the clock began, so it is full by now. */
bool peers_take_token(const struct peer_config *peer, uint64_t now)
{
    struct peer_tally *tally = peer->tally;
    double most = peer->rate > 1 ? peer->rate : 1, more = (double)(now - tally->tokens_at) / 1000 * peer->rate;

    tally->tokens_at = now;
    tally->tokens = tally->tokens + more < most ? tally->tokens + more : most;
    if (tally->tokens < 1 - 1e-9) /* ten tenths do not add up to exactly one */
        return false;
    tally->tokens -= 1;
    return true;
}

/* The request already has one token and needs more. If it needs more than the bucket holds, the bucket must be full, and goes below zero. */
bool peers_take_more(const struct peer_config *peer, unsigned count)
{
    struct peer_tally *tally = peer->tally;
    double most = peer->rate > 1 ? peer->rate - 1 : 0;

    if (tally->tokens < (count < most ? count : most) - 1e-9) {
        tally->tokens += 1; /* a request that is refused as a whole costs nothing */
        return false;
    }
    tally->tokens -= count;
    return true;
}

static void carry_over(const struct peer_tally *old, struct peer_tally *new)
{
    *new = *old;
    new->connections = new->in_flight = 0;
}

void peers_carry_over(const struct peers_config *old, const struct peers_config *new)
{
    if (!old->configured || !new->configured)
        return;
    carry_over(old->stranger.tally, new->stranger.tally);
    for (unsigned i = 0; i < new->count; i++) {
        const struct peer_config *before = peers_named(old, new->list[i].name);

        if (before != NULL)
            carry_over(before->tally, new->list[i].tally);
    }
}
