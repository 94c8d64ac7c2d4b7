#include "values.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire.h"

#define CLAIMS_BYTES_MAX 32768 /* of one test's claims */
#define CLAIMS_DEPTH_MAX 16

void text_add(struct arena *arena, struct texts *texts, struct text text)
{
    if ((texts->count & (texts->count - 1)) == 0) { /* a power of two, or none: it is full */
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
    char *end;

    if (text == NULL)
        return;
    double number = strtod(text, &end);
    bool numeric = yaml_is_plain(node) && (isdigit((unsigned char)*text) || *text == '-') && *end == '\0' && isfinite(number);

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

static void put_node(struct yaml *yaml, yaml_node_t *node, struct wire_writer *out, unsigned depth)
{
    yaml_node_t *item;

    if (depth == 0) {
        yaml_fault(yaml, node, "claims more than %d levels deep", CLAIMS_DEPTH_MAX);
        return;
    }
    if (node->type == YAML_SCALAR_NODE) {
        put_scalar(yaml, node, out);
    } else if (node->type == YAML_SEQUENCE_NODE) {
        wire_put_array(out, (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start));
        for (unsigned i = 0; yaml_next_item(yaml, node, &i, &item);)
            put_node(yaml, item, out, depth - 1);
    } else {
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
        yaml_fault(yaml, node, "claims of more than %d bytes", CLAIMS_BYTES_MAX);
    if (yaml->faults->count > before)
        return NULL;
    *ret_bytes = wire_written(&out);
    return (const uint8_t *)arena_text(yaml->arena, (const char *)wire, *ret_bytes);
}
