/* Our JSON against jansson's: what we accept it accepts too, and reads as the same values; what it accepts and we refuse must break a
   rule of ours (an object at the top, the depth). The first byte is the depth. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "agent/base/limits.h"
#include "agent/token/json.h"
#include "tests/fuzz/target.h"

static void compare(struct wire_cursor *wire, const json_t *json);

static void compare_object(struct wire_cursor *wire, const json_t *json, uint32_t pairs)
{
    struct wire_item name;

    CHECK(json_is_object(json) && json_object_size(json) == pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        CHECK(wire_next(wire, &name) == WIRE_OK && name.type == WIRE_STR);
        const json_t *value = json_object_getn(json, name.str, name.count);

        CHECK(value != NULL);
        compare(wire, value);
    }
}

static void compare(struct wire_cursor *wire, const json_t *json)
{
    struct wire_item item;

    CHECK(wire_next(wire, &item) == WIRE_OK);
    switch (item.type) {
    case WIRE_NIL:
        CHECK(json_is_null(json));
        break;
    case WIRE_BOOL:
        CHECK(item.boolean ? json_is_true(json) : json_is_false(json));
        break;
    case WIRE_UINT:
        CHECK(json_is_real(json) && json_real_value(json) >= (double)item.uint && json_real_value(json) <= (double)item.uint);
        break;
    case WIRE_INT:
        CHECK(json_is_real(json) && json_real_value(json) >= (double)item.sint && json_real_value(json) <= (double)item.sint);
        break;
    case WIRE_DOUBLE:
        CHECK(json_is_real(json) && isfinite(item.real) && json_real_value(json) >= item.real && json_real_value(json) <= item.real);
        break;
    case WIRE_STR:
        CHECK(json_is_string(json) && json_string_length(json) == item.count && memcmp(json_string_value(json), item.str, item.count) == 0);
        CHECK(memchr(item.str, '\0', item.count) == NULL);
        break;
    case WIRE_ARRAY:
        CHECK(json_is_array(json) && json_array_size(json) == item.count);
        for (uint32_t i = 0; i < item.count; i++)
            compare(wire, json_array_get(json, i));
        break;
    case WIRE_MAP:
        compare_object(wire, json, item.count);
        break;
    default:
        CHECK(false);
    }
}

static unsigned depth_of(json_t *json)
{
    unsigned deepest = 0, depth;
    const char *name;
    json_t *value;
    size_t i;

    json_object_foreach (json, name, value) {
        depth = depth_of(value);
        deepest = depth > deepest ? depth : deepest;
    }
    json_array_foreach (json, i, value) {
        depth = depth_of(value);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (json_is_object(json) || json_is_array(json));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t room[WIRE_BYTES_OF_JSON(BASE64URL_MAX)];
    struct wire_writer writer;
    struct json_fault fault;
    json_error_t error;

    if (size == 0 || size - 1 > BASE64URL_MAX)
        return 0;
    unsigned depth = 1 + *data % 16;
    char *text = exactly(data + 1, --size);

    wire_writer_init(&writer, room, WIRE_BYTES_OF_JSON(size));
    bool accepted = json_to_wire_or_why(text, size, depth, &writer, &fault) == 0;
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

    if (accepted) {
        struct wire_cursor wire = {writer.start, writer.at};

        CHECK(!writer.full && json != NULL);
        compare(&wire, json);
        CHECK(wire.at == wire.end);
        CHECK(depth_of(json) <= depth);
    } else {
        CHECK(fault.at >= text && fault.at <= text + size && *fault.why != '\0');
        /* jansson takes a byte of zero for white space, where it stands between values. */
        CHECK(json == NULL || !json_is_object(json) || depth_of(json) > depth || memchr(text, '\0', size) != NULL);
    }
    json_decref(json);
    free(text);
    return 0;
}
