/* The buckets that were found in a damaged file, of all ages: which of them is the newest for which hashes. */
#ifndef ASSAY_SALVAGE_MAP_H
#define ASSAY_SALVAGE_MAP_H

#include "agent/state/entries.h"

struct found_bucket {
    uint8_t first[ENTRY_KEY_BYTES], last[ENTRY_KEY_BYTES];
    uint64_t transaction, offset;
    size_t bytes;
};

struct salvage_map {
    struct found_bucket *buckets;
    size_t count, room;
};

int salvage_map_add(struct salvage_map *map, const struct bucket *bucket, uint64_t offset, size_t bytes); /* -1: out of memory */
void salvage_map_clear(struct salvage_map *map);

/* Calls `each` for every entry of the newest bucket for its hash, in order, until it returns non-zero, which is returned. Returns the part of all
   hashes for which no bucket was found. -1: out of memory, or the file can no longer be read. */
int salvage_map_walk(struct salvage_map *map, int fd, enum table table, int (*each)(void *context, const uint8_t *entry),
                     void *context, double *ret_lost);

#endif
