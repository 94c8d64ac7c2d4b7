/* Reads a YAML file against a table of the keys that it may have. libyaml's documents keep the line and column of every node, so each fault can
   say where it is. The reader refuses YAML's surprises: unknown and repeated keys, aliases, `yes` and `on` as booleans. */
#ifndef ASSAY_YAML_H
#define ASSAY_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

#include "fault.h"

/* Memory that lives as long as the configuration read into it, and is freed as a whole. */
struct arena {
    struct arena_block *blocks;
};
void *arena_get(struct arena *arena, size_t size); /* zeroed; ends the process if out of memory, since only configurations use it */
char *arena_text(struct arena *arena, const char *text, size_t bytes);
void arena_free(struct arena *arena);

struct yaml {
    const char *path;
    yaml_document_t document;
    uint64_t sum[2]; /* of the file's bytes: a different sum means different content */
    struct faults *faults;
    struct arena *arena;
};

/* Opens and parses. NULL: the fault was added. */
struct yaml *yaml_open(const char *path, long bytes_max, struct arena *arena, struct faults *faults);
void yaml_close(struct yaml *yaml); /* NULL is fine */
yaml_node_t *yaml_root(struct yaml *yaml);

/* The node with that number. Each place has its own node, because yaml_open refuses aliases. */
yaml_node_t *yaml_node(struct yaml *yaml, int index);

struct place yaml_place(const struct yaml *yaml, const yaml_node_t *node);
#define yaml_fault(yaml, node, ...) fault_add((yaml)->faults, yaml_place(yaml, node), __VA_ARGS__)

/* One key that a mapping may have. `read` stores the value at `offset` of the structure that is filled. */
struct yaml_key {
    const char *name;
    void (*read)(struct yaml *yaml, yaml_node_t *value, void *into);
    size_t offset;
    bool required;
    const char *not_built; /* the feature that the key needs and that this build does not have */
};

/* Reads a mapping. The table ends with a name of NULL. */
void yaml_read_map(struct yaml *yaml, yaml_node_t *map, const struct yaml_key *keys, void *into);

/* The items of a sequence in turn. False: after the last one, or with a fault if the node is not a sequence. *index begins at 0. */
bool yaml_next_item(struct yaml *yaml, yaml_node_t *sequence, unsigned *index, yaml_node_t **ret_item);

/* A scalar's text; NULL with a fault if the node is not a scalar. Lives in the arena. */
const char *yaml_text(struct yaml *yaml, yaml_node_t *node);

/* Was the scalar written without quotes? */
bool yaml_is_plain(const yaml_node_t *node);

/* Is it a plain scalar and a number as in JSON (RFC 8259 section 6)? So a claim in a file means the same as in a token. */
bool yaml_is_number(const yaml_node_t *node, double *ret);

/* Readers for tables. */
void yaml_read_text(struct yaml *yaml, yaml_node_t *value, void *into);     /* const char ** */
void yaml_read_path(struct yaml *yaml, yaml_node_t *value, void *into);     /* const char **: relative to the file's own folder */
void yaml_read_bool(struct yaml *yaml, yaml_node_t *value, void *into);     /* bool *: true or false */
void yaml_read_seconds(struct yaml *yaml, yaml_node_t *value, void *into);  /* double *: 500ms, 30s, 10m, 24h, 7d */
void yaml_read_size(struct yaml *yaml, yaml_node_t *value, void *into);     /* uint64_t *: bytes: 64MiB, 1GiB, 512KiB */
void yaml_read_rate(struct yaml *yaml, yaml_node_t *value, void *into);     /* double *: a second: 50000/s, 300/m */

/* The index of the text in a list that ends with NULL, or -1 with a fault that names the nearest one. */
int yaml_choice(struct yaml *yaml, yaml_node_t *value, const char *const *choices);

#endif
