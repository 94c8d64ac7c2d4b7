#include "peers.h"

#include <grp.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define RIGHTS_USUAL (RIGHT_BIT(RIGHT_VERIFY) | RIGHT_BIT(RIGHT_AUTHORIZE))

/* Letters, digits and separators only: the name appears in the log, in `status` and in other parts of the file. */
static void read_name(struct yaml *yaml, yaml_node_t *value, void *into)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *text = yaml_text(yaml, value);

    if (text == NULL)
        return;
    if (*text == '\0' || text[strspn(text, letters)] != '\0' || strlen(text) > PEER_NAME_BYTES_MAX)
        yaml_fault(yaml, value, "`%s` is not a valid peer name; write 1 to %d letters, digits, `.`, `_` and `-`", text,
                   PEER_NAME_BYTES_MAX);
    else
        *(const char **)into = text;
}

/* -1: neither a number nor a name on this machine. */
static int look_up(const char *text, bool group, uint32_t *ret)
{
    if (*text != '\0' && text[strspn(text, "0123456789")] == '\0') {
        unsigned long long number = strtoull(text, NULL, 10);

        *ret = (uint32_t)number;
        return strlen(text) <= 10 && number < UINT32_MAX ? 0 : -1; /* the last one means "no id" */
    }
    const struct passwd *user = group ? NULL : getpwnam(text);
    const struct group *members = group ? getgrnam(text) : NULL;

    if (user == NULL && members == NULL)
        return -1;
    *ret = group ? members->gr_gid : user->pw_uid;
    return 0;
}

static void add_id(struct yaml *yaml, yaml_node_t *node, struct ids *ids, bool group)
{
    const char *text = yaml_text(yaml, node);
    uint32_t id;

    if (text == NULL)
        return;
    if (look_up(text, group, &id) < 0)
        yaml_fault(yaml, node, "this machine has no %s `%s`; create it: %s --system %s, or write the numeric id", group ? "group" : "user",
                   text, group ? "groupadd" : "useradd", text);
    else if (ids->count == CONFIG_LIST_MAX)
        yaml_fault(yaml, node, "more than %d entries", CONFIG_LIST_MAX);
    else if (ids_have(ids, id))
        yaml_fault(yaml, node, "`%s` is given twice; keep one", text);
    else
        ids->list[ids->count++] = id;
}

/* How many values the node has; at least 1, so that an empty list differs from a missing one. */
static size_t room_of(const yaml_node_t *value)
{
    size_t items =
        value->type == YAML_SEQUENCE_NODE ? (size_t)(value->data.sequence.items.top - value->data.sequence.items.start) : 0;

    return items > CONFIG_LIST_MAX ? CONFIG_LIST_MAX : items + 1;
}

static void read_ids(struct yaml *yaml, yaml_node_t *value, struct ids *ids, bool group)
{
    yaml_node_t *item;

    ids->list = arena_get(yaml->arena, room_of(value) * sizeof *ids->list);
    if (value->type != YAML_SEQUENCE_NODE) {
        add_id(yaml, value, ids, group);
        return;
    }
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);)
        add_id(yaml, item, ids, group);
    if (value->data.sequence.items.start == value->data.sequence.items.top)
        yaml_fault(yaml, value, "the list is empty; write for example [1003]");
}

static void read_uids(struct yaml *yaml, yaml_node_t *value, void *into)
{
    read_ids(yaml, value, into, false);
}

static void read_gids(struct yaml *yaml, yaml_node_t *value, void *into)
{
    read_ids(yaml, value, into, true);
}

/* `revoke` and the like are one right. */
static int method_choice(struct yaml *yaml, yaml_node_t *node)
{
    static const char *const names[] = {"verify", "authorize", "token", "refresh", "admin", NULL};
    static const char *const of_admin[] = {"revoke", "unrevoke", "revocations", "status", "reload", NULL};
    const char *text = yaml_text(yaml, node);

    for (unsigned i = 0; text != NULL && of_admin[i] != NULL; i++) {
        if (strcmp(text, of_admin[i]) == 0) {
            yaml_fault(yaml, node, "`%s` is included in admin; write admin", text);
            return -1;
        }
    }
    return text != NULL ? yaml_choice(yaml, node, names) : -1;
}

static void read_methods(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct peer_config *peer = into;
    yaml_node_t *item;

    peer->rights = 0;
    peer->rights_are_said = true;
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        int choice = method_choice(yaml, item);

        if (choice >= 0)
            peer->rights |= RIGHT_BIT(RIGHT_VERIFY + choice);
    }
}

static void read_mentions(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct mentions *mentions = into;
    yaml_node_t *item;

    mentions->list = arena_get(yaml->arena, room_of(value) * sizeof *mentions->list);
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        const char *text = yaml_text(yaml, item);

        if (mentions->count == CONFIG_LIST_MAX)
            yaml_fault(yaml, item, "more than %d entries", CONFIG_LIST_MAX);
        else if (text != NULL)
            mentions->list[mentions->count++] = (struct mention){{text, strlen(text)}, yaml_place(yaml, item)};
    }
    if (value->type == YAML_SEQUENCE_NODE && value->data.sequence.items.start == value->data.sequence.items.top)
        yaml_fault(yaml, value,
                   "the list is empty; leave the key out to allow all, or write `methods: []` for a peer that may call nothing");
}

static void read_count(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text == NULL)
        return;
    unsigned long count = text[strspn(text, "0123456789")] == '\0' && strlen(text) <= 6 ? strtoul(text, NULL, 10) : 0;

    if (count == 0)
        yaml_fault(yaml, value, "`%s` is not a number from 1 to 999999; leave the key out for no limit", text);
    else
        *(unsigned *)into = (unsigned)count;
}

#define PEER(member) offsetof(struct peer_config, member)
static const struct yaml_key peer_keys[] = {
    {"name", read_name, PEER(name), true, NULL},
    {"uid", read_uids, PEER(uids), false, NULL},
    {"gid", read_gids, PEER(gids), false, NULL},
    {"methods", read_methods, 0, false, NULL},
    {"issuers", read_mentions, PEER(issuers), false, NULL},
    {"audiences", read_mentions, PEER(audiences), false, NULL},
    {"rate", yaml_read_rate, PEER(rate), false, NULL},
    {"connections", read_count, PEER(connections), false, NULL},
    {"in_flight", read_count, PEER(in_flight), false, NULL},
    {0},
};

/* The id that the kernel shows for a user of another namespace. If /proc cannot be read, the traditional value. */
static uint32_t overflow_id(const char *path)
{
    FILE *file = fopen(path, "re");
    unsigned id = 65534;

    if (file == NULL)
        return id;
    if (fscanf(file, "%u", &id) != 1)
        id = 65534;
    fclose(file);
    return id;
}

static void check_overflow(struct yaml *yaml, yaml_node_t *item, const struct ids *ids, uint32_t overflow)
{
    if (ids_have(ids, overflow))
        yaml_fault(yaml, item,
                   "%u is the kernel's overflow id, which it shows for every unmapped user or group, so it never matches; write the service's own "
                   "id",
                   overflow);
}

/* An id must not be in an earlier entry, because that entry would apply. */
static void check_ids(struct yaml *yaml, yaml_node_t *item, const struct peer_config *other, const struct peer_config *peer)
{
    bool user = peer->uids.count > 0;
    const struct ids *ids = user ? &peer->uids : &peer->gids;

    for (unsigned k = 0; k < ids->count; k++) {
        if (ids_have(user ? &other->uids : &other->gids, ids->list[k]))
            yaml_fault(yaml, item, "%s %u is already in the entry `%s`, and the first matching entry applies; take it out here",
                       user ? "uid" : "gid", ids->list[k], other->name != NULL ? other->name : "");
    }
}

static void check_peer(struct yaml *yaml, yaml_node_t *item, const struct peers_config *peers, const struct peer_config *peer)
{
    bool has_uid = peer->uids.list != NULL, has_gid = peer->gids.list != NULL;

    if (!has_uid && !has_gid)
        yaml_fault(yaml, item, "the entry has neither `uid` nor `gid`; write for example uid: 1003");
    else if (has_uid && has_gid)
        yaml_fault(yaml, item, "the entry has both `uid` and `gid`; write two entries, because the first matching entry applies");
    check_overflow(yaml, item, &peer->uids, peers->overflow_uid);
    check_overflow(yaml, item, &peer->gids, peers->overflow_gid);
    for (unsigned i = 0; i < peers->count; i++)
        check_ids(yaml, item, &peers->list[i], peer);
    if (peer->name != NULL && peers_named(peers, peer->name) != NULL)
        yaml_fault(yaml, item, "two peers are named `%s`; give each its own name", peer->name);
}

static void read_peer(struct yaml *yaml, yaml_node_t *item, struct peers_config *peers)
{
    struct peer_config *peer = &peers->list[peers->count];

    peer->place = yaml_place(yaml, item);
    peer->tally = arena_get(yaml->arena, sizeof *peer->tally);
    yaml_read_map(yaml, item, peer_keys, peer);
    if (!peer->rights_are_said)
        peer->rights = RIGHTS_USUAL;
    if (item->type == YAML_MAPPING_NODE)
        check_peer(yaml, item, peers, peer);
    peers->asks_groups = peers->asks_groups || peer->gids.count > 0;
    peers->admin_is_named = peers->admin_is_named || (peer->rights & RIGHT_BIT(RIGHT_ADMIN)) != 0;
    peers->count++;
}

void config_read_peers(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct peers_config *peers = into;
    yaml_node_t *item;

    peers->configured = true;
    peers->overflow_uid = overflow_id("/proc/sys/kernel/overflowuid");
    peers->overflow_gid = overflow_id("/proc/sys/kernel/overflowgid");
    peers->list = arena_get(yaml->arena, CONFIG_PEERS_MAX * sizeof *peers->list);
    peers->stranger.tally = arena_get(yaml->arena, sizeof *peers->stranger.tally);
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);) {
        if (peers->count == CONFIG_PEERS_MAX) {
            yaml_fault(yaml, item, "more than %d peers", CONFIG_PEERS_MAX);
            return;
        }
        read_peer(yaml, item, peers);
    }
    if (value->type == YAML_SEQUENCE_NODE && peers->count == 0)
        yaml_fault(yaml, value, "the list is empty, so nobody could call; leave the key out to allow every process that the socket's mode lets in");
}

/* The name under which an issuer is one of the peer's; NULL: that issuer is not configured. */
static const struct text *issuer_name(const struct config *config, struct text text)
{
    for (unsigned i = 0; i < config->issuer_count; i++) {
        const struct texts *names = &config->issuers[i].rules.names;

        if (texts_have(names, text.at, text.bytes))
            return &names->list[0];
    }
    return NULL;
}

static void add_bound(struct yaml *yaml, const struct mention *mention, struct text text, struct texts *texts)
{
    if (texts_have(texts, text.at, text.bytes))
        fault_add(yaml->faults, mention->place, "`%s` is given twice; keep one", mention->text.at);
    else
        texts->list[texts->count++] = text;
}

static void check_issuers(struct yaml *yaml, const struct config *config, struct peer_config *peer)
{
    peer->bounds.any_issuer = peer->issuers.list == NULL;
    peer->bounds.issuers.list = arena_get(yaml->arena, (peer->issuers.count + 1) * sizeof *peer->bounds.issuers.list);
    for (unsigned i = 0; i < peer->issuers.count; i++) {
        const struct mention *mention = &peer->issuers.list[i];
        const struct text *name = issuer_name(config, mention->text);
        const char *nearest = name == NULL ? config_nearest_issuer(config, mention->text.at) : NULL;

        if (name != NULL)
            add_bound(yaml, mention, *name, &peer->bounds.issuers);
        else
            fault_add(yaml->faults, mention->place, "the issuer `%s` is not configured%s%s%s", mention->text.at,
                      nearest != NULL ? "; did you mean `" : "; write one of `issuers`", nearest != NULL ? nearest : "",
                      nearest != NULL ? "`?" : "");
    }
}

/* An audience that none of the peer's issuers has would make each of its questions `wrong_audience`. */
static bool is_audience_of(const struct config *config, const struct peer_config *peer, struct text text)
{
    for (unsigned i = 0; i < config->issuer_count; i++) {
        const struct issuer *rules = &config->issuers[i].rules;

        if (rules->names.count > 0 && bounds_have_issuer(&peer->bounds, rules) &&
            texts_have(&rules->audiences, text.at, text.bytes))
            return true;
    }
    return false;
}

static void check_audiences(struct yaml *yaml, const struct config *config, struct peer_config *peer)
{
    static atomic_ullong last;

    peer->bounds.any_audience = peer->audiences.list == NULL;
    peer->bounds.audiences.list = arena_get(yaml->arena, (peer->audiences.count + 1) * sizeof *peer->bounds.audiences.list);
    for (unsigned i = 0; i < peer->audiences.count; i++) {
        const struct mention *mention = &peer->audiences.list[i];

        if (is_audience_of(config, peer, mention->text))
            add_bound(yaml, mention, mention->text, &peer->bounds.audiences);
        else
            fault_add(yaml->faults, mention->place, "`%s` is not an audience of %s; add it to the issuer's `audiences`",
                      mention->text.at, peer->issuers.count > 0 ? "this peer's issuers" : "an issuer");
    }
    if (!peer->bounds.any_audience)
        peer->bounds.id = atomic_fetch_add(&last, 1) + 1;
}

void config_check_peers(struct yaml *yaml, struct config *config)
{
    if (config->issuer_count == 0)
        return; /* the fault was added */
    for (unsigned i = 0; i < config->peers.count; i++) {
        struct peer_config *peer = &config->peers.list[i];

        check_issuers(yaml, config, peer);
        check_audiences(yaml, config, peer);
    }
}
