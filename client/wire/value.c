/* Makes two passes over the message: the first counts and refuses, the second builds into memory of exactly that size and cannot fail.
   Nodes lie in the message's order, so the first child is the next node and the next sibling is `span` nodes further: no pointers between
   nodes, one allocation, one free(). */
#include "value.h"

#include <stdlib.h>
#include <string.h>

#include "exports.h"
#include "utf8.h"

/* With a NUL inside, "admin\0…" would equal "admin" for every caller that reads a C string. */
static bool is_text(const char *text, size_t bytes)
{
    return (bytes == 0 || memchr(text, '\0', bytes) == NULL) && utf8_is_valid(text, bytes);
}

/* Recursive, as deep as the message: ANSWER_DEPTH_MAX. */
static int add_size(struct wire_cursor *cursor, bool is_name, struct value_size *total)
{
    struct wire_item item;

    if (wire_next(cursor, &item) != WIRE_OK || (is_name && item.type != WIRE_STR))
        return ASSAY_E_PROTOCOL;
    total->nodes++;
    if (item.type == WIRE_STR) {
        total->text_bytes += (size_t)item.count + 1;
        return is_text(item.str, item.count) ? 0 : ASSAY_E_PROTOCOL;
    }
    uint64_t children = item.type == WIRE_ARRAY ? item.count : item.type == WIRE_MAP ? 2 * (uint64_t)item.count : 0;
    int status = 0;

    for (uint64_t i = 0; status == 0 && i < children; i++) /* of a map: name, value, name, … */
        status = add_size(cursor, item.type == WIRE_MAP && i % 2 == 0, total);
    return status;
}

int value_size(struct wire_cursor cursor, struct value_size *ret_size)
{
    struct value_size total = {0, 0};
    int status = add_size(&cursor, false, &total);

    if (status == 0)
        *ret_size = total;
    return status;
}

/* Returns the node after the value's nodes. */
static struct value *build(struct wire_cursor *cursor, struct value *node, char **text)
{
    struct wire_item item;
    struct value *next = node + 1;

    if (wire_next(cursor, &item) != WIRE_OK)
        item = (struct wire_item){.type = WIRE_NIL}; /* value_size has made sure that this does not happen */
    *node = (struct value){.type = item.type, .count = item.count, .uint = item.uint};

    if (item.type == WIRE_BOOL) {
        node->boolean = item.boolean;
    } else if (item.type == WIRE_STR) {
        node->str = memcpy(*text, item.str, item.count);
        (*text)[item.count] = '\0';
        *text += (size_t)item.count + 1;
    } else if (item.type == WIRE_ARRAY || item.type == WIRE_MAP) {
        uint64_t children = item.type == WIRE_MAP ? 2 * (uint64_t)item.count : item.count;

        for (; children > 0; children--)
            next = build(cursor, next, text);
    } else {
        node->count = 0;
    }
    node->span = (uint32_t)(next - node);
    return next;
}

void value_build(struct wire_cursor cursor, struct value *nodes, char *text)
{
    build(&cursor, nodes, &text);
}

int value_read(struct wire_cursor cursor, struct value **ret_value)
{
    struct value_size size;
    int status = value_size(cursor, &size);

    if (status != 0)
        return status;
    struct value *nodes = malloc(size.nodes * sizeof *nodes + size.text_bytes);

    if (nodes == NULL)
        return ASSAY_E_NO_MEMORY;
    value_build(cursor, nodes, (char *)(nodes + size.nodes));
    *ret_value = nodes;
    return 0;
}

const struct value *value_member(const struct value *map, const char *name)
{
    if (map == NULL || map->type != WIRE_MAP)
        return NULL;
    const struct value *key = value_first(map);

    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *value = value_next(key);

        if (strcmp(key->str, name) == 0)
            return value;
        key = value_next(value);
    }
    return NULL;
}

const struct value *value_member_of(const struct value *map, const char *name, enum wire_type type)
{
    const struct value *value = value_member(map, name);

    return value != NULL && value->type == type ? value : NULL;
}
