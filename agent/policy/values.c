#include "values.h"

#include <math.h>
#include <string.h>

#include "client/wire/wire.h"

#define CLAIMS_BYTES_MAX 32768 /* of one test's claims */
#define CLAIMS_DEPTH_MAX 16

void text_add(struct arena *arena, struct texts *texts, struct text text)
{
    if ((texts->count & (texts->count - 1)) == 0) { /* a power of two, or zero: the list is full */
        struct text *more = arena_get(arena, (texts->count == 0 ? 1 : texts->count * 2) * sizeof *more);

        if (texts->count > 0)
            memcpy(more, texts->list, texts->count * sizeof *more);
        texts->list = more;
    }
    texts->list[texts->count++] = text;
}

static void put_scalar(struct yaml *yaml, yaml_node_t *node, struct wire_writer *out)
{
    const char *text = yaml_text(yaml, node);
    double number;

    if (text == NULL)
        return;
    bool numeric = yaml_is_number(node, &number);

    if (yaml_is_plain(node) && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0))
        wire_put_bool(out, *text == 't');
    else if (yaml_is_plain(node) && (strcmp(text, "null") == 0 || strcmp(text, "~") == 0 || *text == '\0'))
        wire_put_nil(out);
    else if (numeric && fabs(number) < 9007199254740992.0 && !(floor(number) < number))
        wire_put_int(out, (int64_t)number);
    else if (numeric)
        wire_put_double(out, number);
    else
        wire_put_text(out, text);
}

/* A token with a repeated name is malformed, so a test's claims must not have one either. */
static void refuse_names_twice(struct yaml *yaml, yaml_node_t *map)
{
    for (yaml_node_pair_t *later = map->data.mapping.pairs.start; later < map->data.mapping.pairs.top; later++) {
        yaml_node_t *name = yaml_node(yaml, later->key);

        for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < later && name->type == YAML_SCALAR_NODE; pair++) {
            yaml_node_t *other = yaml_node(yaml, pair->key);

            if (other->type == YAML_SCALAR_NODE && other->data.scalar.length == name->data.scalar.length &&
                memcmp(other->data.scalar.value, name->data.scalar.value, name->data.scalar.length) == 0)
                yaml_fault(yaml, name, "`%s` is given twice; keep one", name->data.scalar.value);
        }
    }
}

static void put_node(struct yaml *yaml, yaml_node_t *node, struct wire_writer *out, unsigned depth)
{
    yaml_node_t *item;

    if (depth == 0) {
        yaml_fault(yaml, node, "the claims are nested deeper than %d levels", CLAIMS_DEPTH_MAX);
        return;
    }
    if (node->type == YAML_SCALAR_NODE) {
        put_scalar(yaml, node, out);
    } else if (node->type == YAML_SEQUENCE_NODE) {
        wire_put_array(out, (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start));
        for (unsigned i = 0; yaml_next_item(yaml, node, &i, &item);)
            put_node(yaml, item, out, depth - 1);
    } else {
        refuse_names_twice(yaml, node);
        wire_put_map(out, (uint32_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start));
        for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
            wire_put_text(out, yaml_text(yaml, yaml_node(yaml, pair->key)));
            put_node(yaml, yaml_node(yaml, pair->value), out, depth - 1);
        }
    }
}

const uint8_t *yaml_to_wire(struct yaml *yaml, yaml_node_t *node, size_t *ret_bytes)
{
    uint8_t wire[CLAIMS_BYTES_MAX];
    struct wire_writer out;
    unsigned before = yaml->faults->count;

    wire_writer_init(&out, wire, sizeof wire);
    put_node(yaml, node, &out, CLAIMS_DEPTH_MAX);
    if (out.full)
        yaml_fault(yaml, node, "the claims have more than %d bytes", CLAIMS_BYTES_MAX);
    if (yaml->faults->count > before)
        return NULL;
    *ret_bytes = wire_written(&out);
    return (const uint8_t *)arena_text(yaml->arena, (const char *)wire, *ret_bytes);
}
