#include "peer.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "agent/config/config.h"

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

int peer_of(int fd, struct peer *ret_peer)
{
    struct ucred credentials;
    socklen_t size = sizeof credentials;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0 || size != sizeof credentials)
        return -1;
    *ret_peer = (struct peer){.uid = credentials.uid, .gid = credentials.gid, .pid = credentials.pid};
    return 0;
}

/* The kernel returns all of them or none. */
static void read_groups(int fd, const struct peer *peer, gid_t groups[PEER_GROUPS_MAX], struct identity *who)
{
    socklen_t size = PEER_GROUPS_MAX * sizeof *groups;

    who->groups_are_unknown = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0;
    who->group_count = who->groups_are_unknown ? 0 : (unsigned)(size / sizeof *groups);
    if (who->groups_are_unknown)
        log_warning("the peer is in too many groups, so entries of `peers` with a `gid`, and entries after those, do not match it",
                    LOG_NUMBER("uid", peer->uid), LOG_NUMBER("most", PEER_GROUPS_MAX));
}

static bool is_administrator(const struct peer *peer)
{
    return peer->uid == 0 || peer->uid == geteuid();
}

static unsigned with_hello(unsigned rights)
{
    return (rights & RIGHT_BIT(RIGHT_VERIFY)) != 0 ? rights | RIGHT_BIT(RIGHT_HELLO) : rights;
}

static void use_entry(struct peer *peer, const struct peer_config *entry)
{
    peer->entry = entry;
    peer->rights = with_hello(entry->rights);
    peer->bounds = entry->bounds;
}

void peer_rank(struct peer *peer, int fd, const struct config *config)
{
    const struct peers_config *peers = &config->peers;
    gid_t groups[PEER_GROUPS_MAX];
    struct identity who = {.uid = peer->uid, .gid = peer->gid, .groups = groups};

    peer->entry = NULL;
    peer->rights = with_hello(RIGHT_BIT(RIGHT_VERIFY) | RIGHT_BIT(RIGHT_AUTHORIZE));
    peer->bounds = no_bounds;
    if (peers->configured) {
        if (peers->asks_groups)
            read_groups(fd, peer, groups, &who);
        use_entry(peer, peers_match(peers, &who));
        peer->is_overflow = peer->uid == peers->overflow_uid;
    }
    if (is_administrator(peer) && !peers->admin_is_named) /* otherwise nobody could change the configuration */
        peer->rights |= RIGHT_BIT(RIGHT_ADMIN);
}

bool peer_named(const struct config *config, const char *name, struct peer *ret_peer)
{
    static const struct peer nobody;
    const struct peer_config *entry = peers_named(&config->peers, name);

    *ret_peer = (struct peer){.uid = ret_peer->uid, .gid = ret_peer->gid, .pid = ret_peer->pid, .bounds = nobody.bounds};
    if (entry != NULL)
        use_entry(ret_peer, entry);
    return entry != NULL;
}

void peer_join(const struct peer *peer, unsigned in_flight)
{
    if (peer->entry == NULL)
        return;
    peer->entry->tally->connections++;
    peer->entry->tally->in_flight += in_flight;
}

void peer_leave(struct peer *peer, unsigned in_flight)
{
    if (peer->entry != NULL) {
        peer->entry->tally->connections--;
        peer->entry->tally->in_flight -= in_flight;
    }
    *peer = (struct peer){.uid = peer->uid, .gid = peer->gid, .pid = peer->pid};
}

bool peer_is_too_many(const struct peer *peer)
{
    const struct peer_config *entry = peer->entry;

    if (entry == NULL || entry->connections == 0 || entry->tally->connections <= entry->connections)
        return false;
    entry->tally->turned_away++;
    return true;
}

bool peer_hold(const struct peer *peer)
{
    const struct peer_config *entry = peer->entry;

    if (entry == NULL)
        return true;
    if (entry->in_flight > 0 && entry->tally->in_flight >= entry->in_flight)
        return false;
    entry->tally->in_flight++;
    return true;
}

void peer_release(const struct peer *peer)
{
    if (peer->entry != NULL)
        peer->entry->tally->in_flight--;
}

bool peer_is_stranger(const struct peer *peer)
{
    return peer->entry != NULL && peer->entry->name == NULL;
}

/* Libraries call hello by themselves, and without success if there is a rate. */
static bool is_free(enum right right)
{
    return right == RIGHT_PING || right == RIGHT_HELLO;
}

enum peer_verdict peer_ask(const struct peer *peer, enum right right, uint64_t now)
{
    bool may = right == RIGHT_PING || (peer->rights & RIGHT_BIT(right)) != 0;

    if (peer->entry == NULL)
        return may ? PEER_MAY : PEER_FORBIDDEN;
    struct peer_tally *tally = peer->entry->tally;

    tally->requests++;
    if (!may) {
        tally->refused++;
        return PEER_FORBIDDEN;
    }
    if (!(peer->entry->rate > 0) || is_free(right) || peers_take_token(peer->entry, now))
        return PEER_MAY;
    tally->rate_limited++;
    return PEER_LIMITED;
}

bool peer_ask_more(const struct peer *peer, unsigned decisions)
{
    if (peer->entry == NULL || !(peer->entry->rate > 0) || peers_take_more(peer->entry, decisions))
        return true;
    peer->entry->tally->rate_limited++;
    return false;
}

const struct bounds *peer_admin_bounds(const struct peer *peer)
{
    return peer->entry != NULL && (peer->entry->rights & RIGHT_BIT(RIGHT_ADMIN)) == 0 ? &no_bounds : &peer->bounds;
}

const char *peer_page_refusal(const struct peer *peer)
{
    return peer->entry != NULL && peer->entry->rate > 0 ? "this peer has a `rate`, so the agent must see each of its requests"
                                                        : NULL;
}

static const char *right_name(enum right right)
{
    static const char *const names[] = {"", "ping", "verify", "authorize", "token", "refresh", "admin", "verify"};

    return names[right];
}

void peer_explain(const struct peer *peer, enum right right, const char *method, char words[PEER_WORDS_BYTES])
{
    if (peer->entry == NULL)
        snprintf(words, PEER_WORDS_BYTES,
                 "uid %u may not call %s; without `peers` in the configuration only root and the agent's own user (uid %u) may call it",
                 peer->uid, method, geteuid());
    else if (!peer_is_stranger(peer))
        snprintf(words, PEER_WORDS_BYTES, "peer `%s` (uid %u, gid %u) may not call %s; add %s to its `methods`", peer->entry->name,
                 peer->uid, peer->gid, method, right_name(right));
    else if (peer->is_overflow)
        snprintf(words, PEER_WORDS_BYTES,
                 "uid %u, gid %u is the kernel's overflow id for an unmapped user: no entry of `peers` matches it, so it may not call %s; run the "
                 "service as its own user",
                 peer->uid, peer->gid, method);
    else
        snprintf(words, PEER_WORDS_BYTES,
                 "no entry of `peers` matches uid %u, gid %u, so it may not call %s; to allow it, add the line: - {name: …, uid: %u}",
                 peer->uid, peer->gid, method, peer->uid);
}
