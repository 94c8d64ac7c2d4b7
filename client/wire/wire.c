#include "wire.h"

#include <string.h>

static uint64_t big_endian(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static double as_double(const uint8_t *bytes, unsigned size)
{
    if (size == 4) {
        uint32_t bits = (uint32_t)big_endian(bytes, 4);
        float value;

        memcpy(&value, &bits, sizeof value);
        return (double)value;
    }
    uint64_t bits = big_endian(bytes, 8);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void set_signed(struct wire_item *item, int64_t value)
{
    if (value < 0) {
        item->type = WIRE_INT;
        item->sint = value;
    } else {
        item->type = WIRE_UINT;
        item->uint = (uint64_t)value;
    }
}

static int64_t sign_extend(uint64_t value, unsigned size)
{
    unsigned shift = 64 - 8 * size;

    return (int64_t)(value << shift) >> shift;
}

/* What follows the first byte: how many bytes of a number or of a count. 0xc1 and the extension types have no entry. */
enum tail { TAIL_BAD, TAIL_NONE, TAIL_UINT, TAIL_SINT, TAIL_REAL, TAIL_STR, TAIL_ARRAY, TAIL_MAP };
static const struct {
    uint8_t kind;
    uint8_t size;
} tails[32] = {
    [0xc0 - 0xc0] = {TAIL_NONE, 0},  [0xc2 - 0xc0] = {TAIL_NONE, 0},  [0xc3 - 0xc0] = {TAIL_NONE, 0},
    [0xc4 - 0xc0] = {TAIL_STR, 1},   [0xc5 - 0xc0] = {TAIL_STR, 2},   [0xc6 - 0xc0] = {TAIL_STR, 4},
    [0xca - 0xc0] = {TAIL_REAL, 4},  [0xcb - 0xc0] = {TAIL_REAL, 8},  [0xcc - 0xc0] = {TAIL_UINT, 1},
    [0xcd - 0xc0] = {TAIL_UINT, 2},  [0xce - 0xc0] = {TAIL_UINT, 4},  [0xcf - 0xc0] = {TAIL_UINT, 8},
    [0xd0 - 0xc0] = {TAIL_SINT, 1},  [0xd1 - 0xc0] = {TAIL_SINT, 2},  [0xd2 - 0xc0] = {TAIL_SINT, 4},
    [0xd3 - 0xc0] = {TAIL_SINT, 8},  [0xd9 - 0xc0] = {TAIL_STR, 1},   [0xda - 0xc0] = {TAIL_STR, 2},
    [0xdb - 0xc0] = {TAIL_STR, 4},   [0xdc - 0xc0] = {TAIL_ARRAY, 2}, [0xdd - 0xc0] = {TAIL_ARRAY, 4},
    [0xde - 0xc0] = {TAIL_MAP, 2},   [0xdf - 0xc0] = {TAIL_MAP, 4},
};

static enum wire_status take_str(struct wire_cursor *cursor, const uint8_t *at, uint64_t bytes, struct wire_item *ret_item)
{
    if (bytes > (uint64_t)(cursor->end - at))
        return WIRE_MORE;
    ret_item->type = WIRE_STR;
    ret_item->count = (uint32_t)bytes;
    ret_item->str = (const char *)at;
    cursor->at = at + bytes;
    return WIRE_OK;
}

/* Reads what comes after a first byte of 0xc0 to 0xdf. */
static enum wire_status take_tail(struct wire_cursor *cursor, const uint8_t *at, uint8_t first, struct wire_item *ret_item)
{
    unsigned kind = tails[first - 0xc0].kind, size = tails[first - 0xc0].size;

    if (kind == TAIL_BAD)
        return WIRE_BAD;
    if (size > (size_t)(cursor->end - at))
        return WIRE_MORE;
    uint64_t value = big_endian(at, size);

    at += size;
    switch (kind) {
    case TAIL_NONE:
        ret_item->type = first == 0xc0 ? WIRE_NIL : WIRE_BOOL;
        ret_item->boolean = first == 0xc3;
        break;
    case TAIL_UINT:
        ret_item->type = WIRE_UINT;
        ret_item->uint = value;
        break;
    case TAIL_SINT:
        set_signed(ret_item, sign_extend(value, size));
        break;
    case TAIL_REAL:
        ret_item->type = WIRE_DOUBLE;
        ret_item->real = as_double(at - size, size);
        break;
    case TAIL_STR:
        return take_str(cursor, at, value, ret_item);
    default:
        ret_item->type = kind == TAIL_MAP ? WIRE_MAP : WIRE_ARRAY;
        ret_item->count = (uint32_t)value;
        break;
    }
    cursor->at = at;
    return WIRE_OK;
}

enum wire_status wire_next(struct wire_cursor *cursor, struct wire_item *ret_item)
{
    const uint8_t *at = cursor->at;

    if (at == cursor->end)
        return WIRE_MORE;
    uint8_t first = *at++;

    if (first >= 0xa0 && first < 0xc0)
        return take_str(cursor, at, first & 0x1f, ret_item);
    if (first >= 0xc0 && first < 0xe0)
        return take_tail(cursor, at, first, ret_item);
    if (first < 0x80 || first >= 0xe0) {
        set_signed(ret_item, (int8_t)first);
    } else {
        ret_item->type = first < 0x90 ? WIRE_MAP : WIRE_ARRAY;
        ret_item->count = first & 0x0f;
    }
    cursor->at = at;
    return WIRE_OK;
}

/* The announced length of a string, of which only a part may be present. */
static uint64_t announced_string(const struct wire_cursor *cursor)
{
    size_t left = (size_t)(cursor->end - cursor->at);

    if (left == 0 || *cursor->at < 0xc0 || *cursor->at >= 0xe0)
        return 0;
    unsigned kind = tails[*cursor->at - 0xc0].kind, size = tails[*cursor->at - 0xc0].size;

    return kind == TAIL_STR && size < left ? big_endian(cursor->at + 1, size) : 0;
}

enum wire_status wire_measure(const uint8_t *bytes, size_t size, const struct wire_limits *limits, size_t *ret_bytes)
{
    struct wire_cursor cursor = {bytes, bytes + (size < limits->most_bytes ? size : limits->most_bytes)};
    uint64_t left[WIRE_DEPTH_MAX + 1] = {1}; /* values still to come, at each depth */
    uint64_t nodes = 0, promised = 1;        /* promised: how many values the heads have announced, each at least one byte */
    unsigned depth = 0;

    for (;;) {
        while (left[depth] == 0) {
            if (depth == 0) {
                *ret_bytes = (size_t)(cursor.at - bytes);
                return WIRE_OK;
            }
            depth--;
        }
        struct wire_item item = {0};
        enum wire_status status = wire_next(&cursor, &item);

        if (status == WIRE_MORE && (size >= limits->most_bytes || announced_string(&cursor) > limits->most_bytes))
            return WIRE_BAD;
        if (status != WIRE_OK)
            return status;
        left[depth]--;
        promised--;
        if (++nodes > limits->most_nodes)
            return WIRE_BAD;
        if (item.type != WIRE_ARRAY && item.type != WIRE_MAP)
            continue;
        uint64_t values = item.type == WIRE_MAP ? 2 * (uint64_t)item.count : item.count;

        promised += values;
        if (depth == limits->most_depth || depth == WIRE_DEPTH_MAX)
            return WIRE_BAD;
        if (promised + nodes > limits->most_nodes || promised > limits->most_bytes - (size_t)(cursor.at - bytes))
            return WIRE_BAD;
        left[++depth] = values;
    }
}

/* Makes no items: a lookup steps over the claims before its own, so this takes most of a decision's time. */
enum wire_status wire_skip(struct wire_cursor *cursor)
{
    const uint8_t *at = cursor->at, *end = cursor->end;

    for (uint64_t left = 1; left > 0; left--) {
        if (at == end)
            return WIRE_MORE;
        uint8_t first = *at++;
        uint64_t bytes = 0;

        if (first >= 0xa0 && first < 0xc0) {
            bytes = first & 0x1f;
        } else if (first >= 0x80 && first < 0xa0) {
            left += (first & 0x0f) * (first < 0x90 ? 2U : 1U);
        } else if (first >= 0xc0 && first < 0xe0) {
            unsigned kind = tails[first - 0xc0].kind, size = tails[first - 0xc0].size;

            if (kind == TAIL_BAD)
                return WIRE_BAD;
            if (size > (size_t)(end - at))
                return WIRE_MORE;
            uint64_t value = kind >= TAIL_STR ? big_endian(at, size) : 0;

            at += size;
            bytes = kind == TAIL_STR ? value : 0;
            left += kind == TAIL_MAP ? 2 * value : kind == TAIL_ARRAY ? value : 0;
        }
        if (bytes > (uint64_t)(end - at))
            return WIRE_MORE;
        at += bytes;
    }
    cursor->at = at;
    return WIRE_OK;
}

bool wire_is(const struct wire_item *item, const char *text)
{
    return item->type == WIRE_STR && strlen(text) == item->count && memcmp(item->str, text, item->count) == 0;
}

bool wire_find(struct wire_cursor map, const char *key, struct wire_cursor *ret_value)
{
    struct wire_item item;

    if (wire_next(&map, &item) != WIRE_OK || item.type != WIRE_MAP)
        return false;
    for (uint32_t pairs = item.count; pairs > 0; pairs--) {
        struct wire_item name;

        if (wire_next(&map, &name) != WIRE_OK || name.type == WIRE_ARRAY || name.type == WIRE_MAP)
            return false;
        if (wire_is(&name, key)) {
            *ret_value = map;
            return true;
        }
        if (wire_skip(&map) != WIRE_OK)
            return false;
    }
    return false;
}

void wire_writer_init(struct wire_writer *writer, void *buffer, size_t size)
{
    writer->start = writer->at = buffer;
    writer->end = writer->start + size;
    writer->full = false;
}

size_t wire_written(const struct wire_writer *writer)
{
    return (size_t)(writer->at - writer->start);
}

void wire_put_raw(struct wire_writer *writer, const void *bytes, size_t size)
{
    if (writer->full || size > (size_t)(writer->end - writer->at)) {
        writer->full = true;
        return;
    }
    if (size > 0)
        memcpy(writer->at, bytes, size);
    writer->at += size;
}

/* Writes a first byte, and after it the number in `size` bytes, big-endian. */
static void put_head(struct wire_writer *writer, uint8_t first, uint64_t value, unsigned size)
{
    uint8_t head[9] = {first};

    for (unsigned i = 0; i < size; i++)
        head[size - i] = (uint8_t)(value >> (8 * i));
    wire_put_raw(writer, head, size + 1);
}

void wire_put_nil(struct wire_writer *writer)
{
    put_head(writer, 0xc0, 0, 0);
}

void wire_put_bool(struct wire_writer *writer, bool value)
{
    put_head(writer, value ? 0xc3 : 0xc2, 0, 0);
}

void wire_put_uint(struct wire_writer *writer, uint64_t value)
{
    if (value < 0x80)
        put_head(writer, (uint8_t)value, 0, 0);
    else if (value <= UINT8_MAX)
        put_head(writer, 0xcc, value, 1);
    else if (value <= UINT16_MAX)
        put_head(writer, 0xcd, value, 2);
    else if (value <= UINT32_MAX)
        put_head(writer, 0xce, value, 4);
    else
        put_head(writer, 0xcf, value, 8);
}

void wire_put_int(struct wire_writer *writer, int64_t value)
{
    if (value >= 0)
        wire_put_uint(writer, (uint64_t)value);
    else if (value >= -32)
        put_head(writer, (uint8_t)value, 0, 0);
    else if (value >= INT8_MIN)
        put_head(writer, 0xd0, (uint64_t)value, 1);
    else if (value >= INT16_MIN)
        put_head(writer, 0xd1, (uint64_t)value, 2);
    else if (value >= INT32_MIN)
        put_head(writer, 0xd2, (uint64_t)value, 4);
    else
        put_head(writer, 0xd3, (uint64_t)value, 8);
}

void wire_put_double(struct wire_writer *writer, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_head(writer, 0xcb, bits, 8);
}

void wire_put_str_head(struct wire_writer *writer, size_t bytes)
{
    if (bytes < 32)
        put_head(writer, (uint8_t)(0xa0 | bytes), 0, 0);
    else if (bytes <= UINT8_MAX)
        put_head(writer, 0xd9, bytes, 1);
    else if (bytes <= UINT16_MAX)
        put_head(writer, 0xda, bytes, 2);
    else
        put_head(writer, 0xdb, bytes, 4);
}

void wire_put_str(struct wire_writer *writer, const char *text, size_t bytes)
{
    wire_put_str_head(writer, bytes);
    wire_put_raw(writer, text, bytes);
}

void wire_put_text(struct wire_writer *writer, const char *text)
{
    if (text == NULL)
        wire_put_nil(writer);
    else
        wire_put_str(writer, text, strlen(text));
}

void wire_put_array(struct wire_writer *writer, uint32_t elements)
{
    if (elements < 16)
        put_head(writer, (uint8_t)(0x90 | elements), 0, 0);
    else if (elements <= UINT16_MAX)
        put_head(writer, 0xdc, elements, 2);
    else
        put_head(writer, 0xdd, elements, 4);
}

void wire_put_map(struct wire_writer *writer, uint32_t pairs)
{
    if (pairs < 16)
        put_head(writer, (uint8_t)(0x80 | pairs), 0, 0);
    else if (pairs <= UINT16_MAX)
        put_head(writer, 0xde, pairs, 2);
    else
        put_head(writer, 0xdf, pairs, 4);
}
