#include "salvage_map.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A boundary between hashes. `end`: after the last one. */
struct place_of {
    uint8_t key[ENTRY_KEY_BYTES];
    bool end;
};

int salvage_map_add(struct salvage_map *map, const struct bucket *bucket, uint64_t offset, size_t bytes)
{
    if (map->count == map->room) {
        size_t room = map->room == 0 ? 256 : 2 * map->room;
        struct found_bucket *larger = realloc(map->buckets, room * sizeof *larger);

        if (larger == NULL)
            return -1;
        map->buckets = larger;
        map->room = room;
    }
    struct found_bucket *found = &map->buckets[map->count++];

    memcpy(found->first, bucket->first, ENTRY_KEY_BYTES);
    memcpy(found->last, bucket->last, ENTRY_KEY_BYTES);
    found->transaction = bucket->transaction;
    found->offset = offset;
    found->bytes = bytes;
    return 0;
}

void salvage_map_clear(struct salvage_map *map)
{
    free(map->buckets);
    *map = (struct salvage_map){NULL, 0, 0};
}

static int compare_places(const void *a, const void *b)
{
    const struct place_of *x = a, *y = b;

    return x->end != y->end ? (x->end ? 1 : -1) : memcmp(x->key, y->key, ENTRY_KEY_BYTES);
}

static int newest_first(const void *a, const void *b)
{
    const struct found_bucket *x = a, *y = b;

    return x->transaction == y->transaction ? 0 : x->transaction > y->transaction ? -1 : 1;
}

static struct place_of behind(const uint8_t *last)
{
    struct place_of place = {.end = true};

    memcpy(place.key, last, ENTRY_KEY_BYTES);
    for (unsigned i = ENTRY_KEY_BYTES; i-- > 0;) {
        if (++place.key[i] != 0) {
            place.end = false;
            break;
        }
    }
    return place;
}

/* Where all buckets begin and end, each once, in order, plus the beginning and end of all hashes. */
static struct place_of *all_places(const struct salvage_map *map, size_t *ret_count)
{
    struct place_of *places = calloc(2 * map->count + 2, sizeof *places);
    size_t count = 0, kept = 0;

    if (places == NULL)
        return NULL;
    count++; /* all zero: the first hash */
    places[count++].end = true;
    for (size_t i = 0; i < map->count; i++) {
        memcpy(places[count++].key, map->buckets[i].first, ENTRY_KEY_BYTES);
        places[count++] = behind(map->buckets[i].last);
    }
    qsort(places, count, sizeof *places, compare_places);
    for (size_t i = 1; i < count; i++) {
        if (compare_places(&places[kept], &places[i]) != 0)
            places[++kept] = places[i];
    }
    *ret_count = kept + 1;
    return places;
}

static size_t find_place(const struct place_of *places, size_t count, const struct place_of *place)
{
    const struct place_of *found = bsearch(place, places, count, sizeof *places, compare_places);

    return (size_t)(found - places);
}

/* The next range that has no owner yet, as far as known: paths are shortened as they are walked. */
static size_t next_free(size_t *next, size_t at)
{
    size_t end = at;

    while (next[end] != end)
        end = next[end];
    while (next[at] != end) {
        size_t then = next[at];

        next[at] = end;
        at = then;
    }
    return end;
}

/* Each range between two boundaries belongs to the newest bucket that covers it. */
static void give_away(const struct salvage_map *map, const struct place_of *places, size_t count, size_t *owners, size_t *next)
{
    for (size_t i = 0; i < count; i++) {
        owners[i] = SIZE_MAX;
        next[i] = i;
    }
    for (size_t i = 0; i < map->count; i++) {
        struct place_of first = {.end = false}, end = behind(map->buckets[i].last);

        memcpy(first.key, map->buckets[i].first, ENTRY_KEY_BYTES);
        size_t to = find_place(places, count, &end);

        for (size_t at = next_free(next, find_place(places, count, &first)); at < to; at = next_free(next, at)) {
            owners[at] = i;
            next[at] = at + 1;
        }
    }
}

static double fraction_at(const struct place_of *place)
{
    double fraction = 0, unit = 1;

    for (unsigned i = 0; i < 8; i++) {
        unit /= 256;
        fraction += place->key[i] * unit;
    }
    return place->end ? 1 : fraction;
}

static int walk_stretch(const struct found_bucket *found, int fd, enum table table, const struct place_of *from,
                        const struct place_of *to, int (*each)(void *context, const uint8_t *entry), void *context)
{
    uint8_t value[4096];
    struct bucket bucket;
    int status = 0;

    if (found->bytes > sizeof value || pread(fd, value, found->bytes, (off_t)found->offset) != (ssize_t)found->bytes ||
        !bucket_read(table, (struct bytes){value, found->bytes}, &bucket))
        return -1;
    for (unsigned i = 0; status == 0 && i < bucket.count; i++) {
        const uint8_t *entry = bucket.entries + i * ENTRY_BYTES;

        if (memcmp(entry, from->key, ENTRY_KEY_BYTES) >= 0 && (to->end || memcmp(entry, to->key, ENTRY_KEY_BYTES) < 0))
            status = each(context, entry);
    }
    return status;
}

int salvage_map_walk(struct salvage_map *map, int fd, enum table table, int (*each)(void *context, const uint8_t *entry),
                     void *context, double *ret_lost)
{
    size_t count = 0;
    struct place_of *places = all_places(map, &count);
    size_t *owners = calloc(count + 1, sizeof *owners), *next = calloc(count + 1, sizeof *next);
    int status = places != NULL && owners != NULL && next != NULL ? 0 : -1;

    *ret_lost = 0;
    if (status == 0) {
        if (map->count > 0)
            qsort(map->buckets, map->count, sizeof *map->buckets, newest_first);
        give_away(map, places, count, owners, next);
    }
    for (size_t i = 0; status == 0 && i + 1 < count; i++) {
        if (owners[i] == SIZE_MAX)
            *ret_lost += fraction_at(&places[i + 1]) - fraction_at(&places[i]);
        else
            status = walk_stretch(&map->buckets[owners[i]], fd, table, &places[i], &places[i + 1], each, context);
    }
    free(places);
    free(owners);
    free(next);
    return status;
}
