#include "unreadable.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "agent/revocation/holders.h"

/* The key is a digest of source and line, so that a line that is read again is kept once. Value: number 8, length of the source 2, source, line. */
int unreadable_write(struct view *view, const char *source, uint64_t number, const char *text, size_t bytes)
{
    uint8_t value[10 + SOURCE_NAME_BYTES + UNREADABLE_BYTES_MAX];
    size_t source_bytes = strlen(source);
    uint64_t kept;

    store_number(value, number, 8);
    store_number(value + 8, source_bytes, 2);
    memcpy(value + 10, source, source_bytes);
    memcpy(value + 10 + source_bytes, text, bytes);
    XXH128_hash_t digest = XXH3_128bits(value + 8, 2 + source_bytes + bytes);

    if (unreadable_count(view, &kept) < 0)
        return -1;
    if (kept >= UNREADABLE_KEPT_MAX)
        return 0;
    return view_put(view, TABLE_UNREAD, (struct bytes){&digest, sizeof digest}, (struct bytes){value, 10 + source_bytes + bytes});
}

struct again {
    struct view *view;
    int (*again)(void *context, const char *source, uint64_t number, const char *text, size_t bytes);
    void *context;
    unsigned count;
    uint8_t done[UNREADABLE_KEPT_MAX][16];
};

static int try_one(void *context, struct bytes key, struct bytes value)
{
    struct again *again = context;
    const uint8_t *at = value.at;
    char source[SOURCE_NAME_BYTES];

    if (value.size < 10 || key.size != 16)
        return -1;
    size_t source_bytes = (size_t)stored_number(at + 8, 2);

    if (source_bytes >= sizeof source || 10 + source_bytes > value.size)
        return -1;
    memcpy(source, at + 10, source_bytes);
    source[source_bytes] = '\0';
    int status = again->again(again->context, source, stored_number(at, 8), (const char *)at + 10 + source_bytes,
                              value.size - 10 - source_bytes);

    if (status == 1 && again->count < UNREADABLE_KEPT_MAX)
        memcpy(again->done[again->count++], key.at, 16);
    return status < 0 ? -1 : 0;
}

int unreadable_each(struct view *view,
                    int (*again)(void *context, const char *source, uint64_t number, const char *text, size_t bytes), void *context)
{
    struct again *all = calloc(1, sizeof *all);

    if (all == NULL)
        return -1;
    all->again = again;
    all->context = context;
    int status = view_each(view, TABLE_UNREAD, try_one, all);

    for (unsigned i = 0; status == 0 && i < all->count; i++)
        status = view_delete(view, TABLE_UNREAD, (struct bytes){all->done[i], 16});
    free(all);
    return status;
}

int unreadable_count(struct view *view, uint64_t *ret)
{
    return view_count(view, TABLE_UNREAD, ret);
}
