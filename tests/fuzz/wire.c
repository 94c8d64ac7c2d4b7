/* What wire_measure calls a whole message is one: msgpack-c reads it and takes the same bytes, our own cursor too; and no byte less. */
#include <msgpack.h>

#include "agent/base/limits.h"
#include "client/wire/wire.h"
#include "tests/fuzz/target.h"

static const struct wire_limits limits = {FRAME_BYTES_MAX, FRAME_NODES_MAX, FRAME_DEPTH_MAX};

static void walk(const uint8_t *bytes, size_t size)
{
    struct wire_cursor whole = {bytes, bytes + size}, step = whole;
    struct wire_item item;
    uint64_t left = 1;

    CHECK(wire_skip(&whole) == WIRE_OK && whole.at == bytes + size);
    for (; left > 0; left--) {
        CHECK(wire_next(&step, &item) == WIRE_OK);
        left += item.type == WIRE_ARRAY ? item.count : item.type == WIRE_MAP ? 2 * (uint64_t)item.count : 0;
    }
    CHECK(step.at == bytes + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length = 0, other, used = 0;
    char *bytes = exactly(data, size);
    enum wire_status status = wire_measure((const uint8_t *)bytes, size, &limits, &length);

    CHECK(status == WIRE_OK || status == WIRE_MORE || status == WIRE_BAD);
    if (status == WIRE_OK) {
        msgpack_zone *zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
        msgpack_object object;

        CHECK(length > 0 && length <= size && length <= FRAME_BYTES_MAX);
        CHECK(zone != NULL && msgpack_unpack(bytes, length, &used, zone, &object) == MSGPACK_UNPACK_SUCCESS && used == length);
        msgpack_zone_free(zone);
        walk((const uint8_t *)bytes, length);
        for (other = 0; other < length; other += 1 + length / 64)
            CHECK(wire_measure((const uint8_t *)bytes, other, &limits, &used) == WIRE_MORE);
    } else if (status == WIRE_MORE) {
        CHECK(size < FRAME_BYTES_MAX);
    }
    free(bytes);
    return 0;
}
