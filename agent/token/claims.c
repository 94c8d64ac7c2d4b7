#include "claims.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bounds.h"

static const struct text names[CLAIM_COUNT] = {
#define CLAIM_TEXT(name, text) {text, sizeof text - 1},
    CLAIMS(CLAIM_TEXT)
#undef CLAIM_TEXT
};

const struct bounds no_bounds = {.any_issuer = true, .any_audience = true};

struct text as_text(const char *terminated)
{
    return (struct text){terminated, strlen(terminated)};
}

bool text_is(struct text text, const char *at, size_t bytes)
{
    return text.bytes == bytes && (bytes == 0 || memcmp(text.at, at, bytes) == 0);
}

bool texts_have(const struct texts *texts, const char *at, size_t bytes)
{
    for (unsigned i = 0; i < texts->count; i++) {
        if (text_is(texts->list[i], at, bytes))
            return true;
    }
    return false;
}

void claims_index(struct claims *claims, const uint8_t *wire, size_t bytes)
{
    struct wire_cursor cursor = {wire, wire + bytes};
    struct wire_item map, name;

    memset(claims, 0, sizeof *claims);
    claims->wire = wire;
    claims->bytes = bytes;
    if (wire_next(&cursor, &map) != WIRE_OK || map.type != WIRE_MAP)
        return;
    for (uint32_t pairs = map.count; pairs > 0 && wire_next(&cursor, &name) == WIRE_OK; pairs--) {
        for (enum claim claim = 0; claim < CLAIM_COUNT; claim++) {
            if (text_is(names[claim], name.str, name.count))
                claims->at[claim] = (uint32_t)(cursor.at - wire);
        }
        if (wire_skip(&cursor) != WIRE_OK)
            return;
    }
}

bool claims_have(const struct claims *claims, enum claim claim)
{
    return claims->at[claim] != 0;
}

enum claim audience_claim_of(const struct issuer *issuer)
{
    static const enum claim claims[] = {[AUDIENCE_IN_AUD] = CLAIM_AUD, [AUDIENCE_IN_CLIENT_ID] = CLAIM_CLIENT_ID, [AUDIENCE_IN_CLIENT] = CLAIM_CLIENT};

    return claims[issuer->audience_in];
}

struct wire_cursor claim_cursor(const struct claims *claims, enum claim claim)
{
    const uint8_t *end = claims->wire + claims->bytes;

    return (struct wire_cursor){claims_have(claims, claim) ? claims->wire + claims->at[claim] : end, end};
}

struct wire_item claim_item(const struct claims *claims, enum claim claim)
{
    struct wire_cursor cursor = claim_cursor(claims, claim);
    struct wire_item item = {0};

    (void)wire_next(&cursor, &item);
    return item;
}

bool claim_find(const struct claims *claims, struct text wanted, struct wire_cursor *ret_value)
{
    struct wire_cursor cursor = {claims->wire, claims->wire + claims->bytes};
    struct wire_item map, name;

    if (wire_next(&cursor, &map) != WIRE_OK || map.type != WIRE_MAP)
        return false;
    for (uint32_t pairs = map.count; pairs > 0 && wire_next(&cursor, &name) == WIRE_OK; pairs--) {
        if (text_is(wanted, name.str, name.count)) {
            *ret_value = cursor;
            return true;
        }
        if (wire_skip(&cursor) != WIRE_OK)
            return false;
    }
    return false;
}

bool item_number(const struct wire_item *item, double *ret)
{
    switch (item->type) {
    case WIRE_UINT:
        *ret = (double)item->uint;
        return true;
    case WIRE_INT:
        *ret = (double)item->sint;
        return true;
    case WIRE_DOUBLE:
        *ret = item->real;
        return true;
    default:
        return false;
    }
}

struct text item_digits(const struct wire_item *item, char room[DIGITS_BYTES])
{
    if (item->type == WIRE_UINT)
        return (struct text){room, (size_t)snprintf(room, DIGITS_BYTES, "%" PRIu64, item->uint)};
    if (item->type == WIRE_INT)
        return (struct text){room, (size_t)snprintf(room, DIGITS_BYTES, "%" PRId64, item->sint)};
    return (struct text){NULL, 0};
}

bool any_text(struct wire_cursor value, bool (*says)(const void *context, const char *at, size_t bytes), const void *context)
{
    struct wire_item item, member;

    if (wire_next(&value, &item) != WIRE_OK)
        return false;
    if (item.type == WIRE_STR)
        return says(context, item.str, item.count);
    if (item.type != WIRE_ARRAY)
        return false;
    for (uint32_t left = item.count; left > 0; left--) {
        struct wire_cursor before = value;

        if (wire_next(&value, &member) != WIRE_OK)
            return false;
        if (member.type == WIRE_STR && says(context, member.str, member.count))
            return true;
        value = before;
        if (wire_skip(&value) != WIRE_OK)
            return false;
    }
    return false;
}
