#include "line.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/token/json.h"
#include "client/wire/utf8.h"

const char line_failed[] = "out of memory while reading it";
const char line_broken[] = "it is not a JSON object (RFC 8259), or it repeats a name";

#define LINE_DEPTH_MAX 2 /* {"undo": {…}} */

struct line_reader {
    msgpack_zone *zone;
    char digits[RECORD_DIGITS_BYTES];
    uint8_t wire[WIRE_BYTES_OF_JSON(FEED_LINE_BYTES_MAX)];
};

struct line_reader *line_reader_new(void)
{
    struct line_reader *reader = calloc(1, sizeof *reader);

    if (reader != NULL)
        reader->zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    if (reader != NULL && reader->zone != NULL)
        return reader;
    free(reader);
    return NULL;
}

void line_reader_free(struct line_reader *reader)
{
    if (reader == NULL)
        return;
    msgpack_zone_free(reader->zone);
    free(reader);
}

/* An unknown member, from a later version, may narrow a record: the line is kept until a version understands it. */
static const char *check_members(const msgpack_object_map *map)
{
    for (uint32_t i = 0; i < map->size; i++) {
        struct text name;

        if (!object_text(&map->ptr[i].key, &name) || !record_has_member(name))
            return "it has a member that this version of assayd does not know";
    }
    return NULL;
}

static const char *read_record(struct line_reader *reader, const msgpack_object *object, bool applies, struct record *ret)
{
    if (object->type != MSGPACK_OBJECT_MAP)
        return "it is not a revocation record";
    const char *why = check_members(&object->via.map);

    if (why == NULL)
        why = record_read(&object->via.map, applies, reader->digits, ret);
    if (why == NULL && ret->issuer.at == NULL)
        why = "`iss` is missing";
    return why;
}

static const char *read_object(struct line_reader *reader, const msgpack_object *object, struct line *ret)
{
    struct text name;
    bool undo = object->type == MSGPACK_OBJECT_MAP && object->via.map.size == 1 &&
                object_text(&object->via.map.ptr[0].key, &name) && text_is(name, "undo", 4);

    ret->undo = undo;
    return read_record(reader, undo ? &object->via.map.ptr[0].val : object, !undo, &ret->record);
}

const char *line_read(struct line_reader *reader, const char *text, size_t bytes, struct line *ret)
{
    struct wire_writer writer;
    msgpack_object object;

    if (bytes > FEED_LINE_BYTES_MAX)
        return "it is longer than 16 KiB";
    wire_writer_init(&writer, reader->wire, sizeof reader->wire);
    utf8_skip_mark(&text, &bytes); /* of the first line; valid JSON does not begin with it */
    if (json_to_wire(text, bytes, LINE_DEPTH_MAX, &writer) < 0)
        return line_broken;
    msgpack_zone_clear(reader->zone);
    if (msgpack_unpack((const char *)reader->wire, wire_written(&writer), NULL, reader->zone, &object) != MSGPACK_UNPACK_SUCCESS)
        return line_failed; /* json_to_wire's output is well formed */
    return read_object(reader, &object, ret);
}
