#include "holders.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* Two values for each slot: its description by its number, and its number by a digest of the description. A slot's value: count 8, kind 1, length
   of the source 2, source, issuer. */
#define HEAD_BYTES     11
#define SLOT_BYTES_MAX (HEAD_BYTES + SOURCE_NAME_BYTES + SLOT_ISSUER_BYTES_MAX)

static struct bytes number_key(uint16_t number, uint8_t key[3])
{
    key[0] = 'n';
    key[1] = (uint8_t)(number >> 8);
    key[2] = (uint8_t)number;
    return (struct bytes){key, 3};
}

static struct bytes digest_key(const uint8_t *value, size_t size, uint8_t key[17])
{
    XXH128_hash_t digest = XXH3_128bits(value + 8, size - 8); /* without the count */

    key[0] = 'd';
    memcpy(key + 1, &digest, 16);
    return (struct bytes){key, 17};
}

static size_t slot_write(uint8_t value[SLOT_BYTES_MAX], struct text issuer, enum record_kind kind, const char *source)
{
    size_t source_bytes = strnlen(source, SOURCE_NAME_BYTES - 1);
    size_t issuer_bytes = issuer.bytes < SLOT_ISSUER_BYTES_MAX ? issuer.bytes : SLOT_ISSUER_BYTES_MAX;

    store_number(value, 0, 8);
    value[8] = (uint8_t)kind;
    store_number(value + 9, source_bytes, 2);
    memcpy(value + HEAD_BYTES, source, source_bytes);
    if (issuer_bytes > 0)
        memcpy(value + HEAD_BYTES + source_bytes, issuer.at, issuer_bytes);
    return HEAD_BYTES + source_bytes + issuer_bytes;
}

static int slot_parse(struct bytes value, struct slot *ret)
{
    const uint8_t *at = value.at;

    if (value.size < HEAD_BYTES || value.size > SLOT_BYTES_MAX)
        return -1;
    size_t source_bytes = (size_t)stored_number(at + 9, 2);

    if (source_bytes >= SOURCE_NAME_BYTES || HEAD_BYTES + source_bytes > value.size)
        return -1;
    size_t issuer_bytes = value.size - HEAD_BYTES - source_bytes;

    if (issuer_bytes > SLOT_ISSUER_BYTES_MAX)
        return -1;
    ret->count = stored_number(at, 8);
    ret->kind = (enum record_kind)at[8];
    memcpy(ret->source, at + HEAD_BYTES, source_bytes);
    ret->source[source_bytes] = '\0';
    memcpy(ret->issuer, at + HEAD_BYTES + source_bytes, issuer_bytes);
    ret->issuer[issuer_bytes] = '\0';
    return 0;
}

/* The digest is not a secret hash: an attacker who can choose an issuer's name could make two slots with one digest, so the description under the
   number is compared. */
static int find(struct view *view, const uint8_t *slot, size_t size, uint16_t *ret)
{
    uint8_t key[17], number[3];
    struct bytes value;
    int found = view_get(view, TABLE_SLOTS, digest_key(slot, size, key), &value);

    if (found <= 0)
        return found;
    if (value.size != 2)
        return -1;
    *ret = (uint16_t)stored_number(value.at, 2);
    if (view_get(view, TABLE_SLOTS, number_key(*ret, number), &value) != 1 || value.size != size ||
        memcmp((const uint8_t *)value.at + 8, slot + 8, size - 8) != 0)
        return -1;
    return 1;
}

static int make_slot(struct view *view, const uint8_t *slot, size_t size, uint16_t number)
{
    uint8_t digest[17], key[3], bytes[2], next[2];

    store_number(bytes, number, 2);
    store_number(next, number + 1U, 2);
    if (view_put(view, TABLE_SLOTS, digest_key(slot, size, digest), (struct bytes){bytes, 2}) < 0 ||
        view_put(view, TABLE_SLOTS, number_key(number, key), (struct bytes){slot, size}) < 0)
        return -1;
    return view_put(view, TABLE_META, (struct bytes){"slots", 5}, (struct bytes){next, 2});
}

int slot_number(struct view *view, struct text issuer, enum record_kind kind, const char *source, bool make, uint16_t *ret)
{
    uint8_t slot[SLOT_BYTES_MAX];
    size_t size = slot_write(slot, issuer, kind, source);
    struct bytes next;
    int found = find(view, slot, size, ret);

    if (found != 0)
        return found;
    if (view_get(view, TABLE_META, (struct bytes){"slots", 5}, &next) != 1 || next.size != 2)
        return -1;
    uint16_t number = (uint16_t)stored_number(next.at, 2);

    if (number >= REVOCATION_SLOTS_MAX) { /* a feed that names thousands of issuers: counted together */
        size = slot_write(slot, (struct text){"(others)", 8}, kind, source);
        found = find(view, slot, size, ret);
        if (found != 0)
            return found;
    }
    if (!make)
        return 0;
    if (number == UINT16_MAX || make_slot(view, slot, size, number) < 0)
        return -1;
    *ret = number;
    return 1;
}

int slot_read(struct view *view, uint16_t number, struct slot *ret)
{
    uint8_t key[3];
    struct bytes value;

    return view_get(view, TABLE_SLOTS, number_key(number, key), &value) == 1 ? slot_parse(value, ret) : -1;
}

int slot_count(struct view *view, uint16_t number, int64_t change)
{
    uint8_t key[3], copy[SLOT_BYTES_MAX];
    struct bytes value, at = number_key(number, key);

    if (change == 0)
        return 0;
    if (view_get(view, TABLE_SLOTS, at, &value) != 1 || value.size < HEAD_BYTES || value.size > sizeof copy)
        return -1;
    memcpy(copy, value.at, value.size);
    store_number(copy, stored_number(copy, 8) + (uint64_t)change, 8);
    return view_put(view, TABLE_SLOTS, at, (struct bytes){copy, value.size});
}

struct walk {
    int (*each)(void *context, const struct slot *slot);
    void *context;
};

static int walk_one(void *context, struct bytes key, struct bytes value)
{
    struct walk *walk = context;
    struct slot slot;

    if (key.size != 3)
        return 0;
    if (slot_parse(value, &slot) < 0)
        return -1;
    return slot.count > 0 ? walk->each(walk->context, &slot) : 0;
}

int slot_each(struct view *view, int (*each)(void *context, const struct slot *slot), void *context)
{
    struct walk walk = {each, context};

    return view_each(view, TABLE_SLOTS, walk_one, &walk);
}
