#include "batch_groups.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define PLACES (2 * FEED_BATCH_GROUPS_MAX) /* a power of two */

static bool grow(void **at, size_t *room, size_t needed, size_t size)
{
    size_t larger = *room == 0 ? 256 : *room;
    void *grown;

    if (needed <= *room)
        return true;
    while (larger < needed)
        larger *= 2;
    grown = realloc(*at, larger * size);
    if (grown == NULL)
        return false;
    *at = grown;
    *room = larger;
    return true;
}

void groups_clear(struct groups *groups)
{
    free(groups->list);
    free(groups->names);
    free(groups->table);
}

struct text group_issuer(const struct groups *groups, const struct group *group)
{
    return (struct text){groups->names + group->issuer_at, group->issuer_bytes};
}

static bool is_of(const struct groups *groups, const struct group *group, const struct record *record)
{
    return group->kind == record->kind && group->issuer_bytes == record->issuer.bytes &&
           memcmp(groups->names + group->issuer_at, record->issuer.at, record->issuer.bytes) == 0;
}

static int add(struct groups *groups, const struct record *record, uint16_t *place)
{
    size_t bytes = groups->names_bytes + record->issuer.bytes;

    if (groups->count == FEED_BATCH_GROUPS_MAX || bytes > FEED_BATCH_NAMES_BYTES_MAX)
        return FEED_BATCH_GROUPS_MAX;
    if (!grow((void **)&groups->list, &groups->room, groups->count + 1, sizeof *groups->list) ||
        !grow((void **)&groups->names, &groups->names_room, bytes + 1, 1))
        return -1;
    memcpy(groups->names + groups->names_bytes, record->issuer.at, record->issuer.bytes);
    groups->list[groups->count] =
        (struct group){.kind = record->kind, .issuer_at = groups->names_bytes, .issuer_bytes = record->issuer.bytes};
    groups->names_bytes = bytes;
    *place = (uint16_t)++groups->count;
    return (int)groups->count - 1;
}

int groups_find(struct groups *groups, const struct record *record)
{
    if (groups->table == NULL && (groups->table = calloc(PLACES, sizeof *groups->table)) == NULL)
        return -1;
    size_t at = XXH3_64bits(record->issuer.at, record->issuer.bytes) + record->kind;

    for (;; at++) {
        uint16_t *place = &groups->table[at & (PLACES - 1)];

        if (*place == 0)
            return add(groups, record, place);
        if (is_of(groups, &groups->list[*place - 1], record))
            return *place - 1;
    }
}
