#include "yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

struct arena_block {
    struct arena_block *next;
    max_align_t bytes[];
};

void *arena_get(struct arena *arena, size_t size)
{
    struct arena_block *block = calloc(1, sizeof *block + size);

    if (block == NULL) { /* so little memory that nothing else would work either */
        fputs("out of memory\n", stderr);
        _exit(1);
    }
    block->next = arena->blocks;
    arena->blocks = block;
    return block->bytes;
}

char *arena_text(struct arena *arena, const char *text, size_t bytes)
{
    char *copy = arena_get(arena, bytes + 1);

    memcpy(copy, text, bytes);
    return copy;
}

void arena_free(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->next;
        free(block);
    }
}

struct place yaml_place(const struct yaml *yaml, const yaml_node_t *node)
{
    return (struct place){yaml->path, (unsigned)node->start_mark.line + 1, (unsigned)node->start_mark.column + 1};
}

static struct place place_of(const struct yaml *yaml, yaml_mark_t mark)
{
    return (struct place){yaml->path, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static void fault_syntax(struct yaml *yaml, const yaml_parser_t *parser)
{
    fault_add(yaml->faults, place_of(yaml, parser->problem_mark), "this is not valid YAML: %s",
              parser->problem != NULL ? parser->problem : "it cannot be read");
}

/* The state of the survey. */
struct survey {
    unsigned depth;
    unsigned documents;
};

/* NULL, or why this event ends the reading. */
static const char *refuse_event(struct survey *survey, yaml_event_type_t type)
{
    switch (type) {
    case YAML_ALIAS_EVENT:
        return "YAML aliases (*name) are not supported; write the value out";
    case YAML_DOCUMENT_START_EVENT:
        return ++survey->documents > 1 ? "a second YAML document begins here; write everything into one" : NULL;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return ++survey->depth > YAML_DEPTH_MAX ? "lists and mappings are nested deeper than any setting needs" : NULL;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        survey->depth--;
        return NULL;
    default:
        return NULL;
    }
}

/* Runs before the document is built: a few nested aliases make a document larger than any memory, and libyaml's time grows with the square of the
   nesting. Events come while the file is read, so this ends at the first of either. */
static int survey_file(struct yaml *yaml, FILE *file)
{
    struct survey survey = {0, 0};
    yaml_parser_t parser;
    int status = 0;

    if (yaml_parser_initialize(&parser) != 1) {
        fault_add(yaml->faults, (struct place){yaml->path, 0, 0}, "out of memory");
        return -1;
    }
    yaml_parser_set_input_file(&parser, file);
    for (bool done = false; !done && status == 0;) {
        yaml_event_t event;

        if (yaml_parser_parse(&parser, &event) != 1) {
            fault_syntax(yaml, &parser);
            status = -1;
            break;
        }
        const char *why = refuse_event(&survey, event.type);

        if (why != NULL) {
            fault_add(yaml->faults, place_of(yaml, event.start_mark), "%s", why);
            status = -1;
        }
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    rewind(file);
    return status;
}

static int parse(struct yaml *yaml, FILE *file)
{
    yaml_parser_t parser;

    if (survey_file(yaml, file) < 0)
        return -1;
    if (yaml_parser_initialize(&parser) != 1) {
        fault_add(yaml->faults, (struct place){yaml->path, 0, 0}, "out of memory");
        return -1;
    }
    yaml_parser_set_input_file(&parser, file);
    int status = yaml_parser_load(&parser, &yaml->document) == 1 ? 0 : -1;

    if (status < 0)
        fault_syntax(yaml, &parser);
    yaml_parser_delete(&parser);
    return status;
}

/* -1: the file cannot be read to its end. */
static int sum(FILE *file, uint64_t ret_sum[2])
{
    XXH3_state_t *state = XXH3_createState();
    char piece[16384];
    size_t got;

    if (state == NULL)
        return -1;
    XXH3_128bits_reset(state);
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        XXH3_128bits_update(state, piece, got);
    XXH128_hash_t hash = XXH3_128bits_digest(state);

    XXH3_freeState(state);
    ret_sum[0] = hash.low64;
    ret_sum[1] = hash.high64;
    return ferror(file) != 0 ? -1 : 0;
}

/* Reading a file that is not regular may never end, or never begin. */
static FILE *open_regular(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat found;
    FILE *file = NULL;

    if (fd >= 0 && fstat(fd, &found) == 0 && !S_ISREG(found.st_mode))
        errno = S_ISDIR(found.st_mode) ? EISDIR : EINVAL;
    else if (fd >= 0)
        file = fdopen(fd, "r");
    if (file == NULL && fd >= 0) {
        int error = errno;

        close(fd);
        errno = error;
    }
    return file;
}

struct yaml *yaml_open(const char *path, long bytes_max, struct arena *arena, struct faults *faults)
{
    FILE *file = open_regular(path);

    if (file == NULL) {
        fault_add(faults, (struct place){path, 0, 0}, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    struct yaml *yaml = arena_get(arena, sizeof *yaml);

    yaml->path = arena_text(arena, path, strlen(path));
    yaml->faults = faults;
    yaml->arena = arena;
    if (fseek(file, 0, SEEK_END) != 0 || ftell(file) > bytes_max) {
        fault_add(faults, (struct place){path, 0, 0}, "it is not a regular file of at most %ld bytes", bytes_max);
        fclose(file);
        return NULL;
    }
    rewind(file);
    int status = sum(file, yaml->sum);

    if (status < 0)
        fault_add(faults, (struct place){path, 0, 0}, "cannot be read: %s", strerror(errno));
    rewind(file);
    status = status == 0 ? parse(yaml, file) : -1;

    fclose(file);
    if (status < 0)
        return NULL;
    if (yaml_root(yaml) == NULL) {
        fault_add(faults, (struct place){path, 1, 1}, "the file is empty");
        yaml_document_delete(&yaml->document);
        return NULL;
    }
    return yaml;
}

void yaml_close(struct yaml *yaml)
{
    if (yaml != NULL)
        yaml_document_delete(&yaml->document);
}

yaml_node_t *yaml_root(struct yaml *yaml)
{
    return yaml_document_get_root_node(&yaml->document);
}

yaml_node_t *yaml_node(struct yaml *yaml, int index)
{
    return yaml_document_get_node(&yaml->document, index);
}

static const struct yaml_key *find_key(const struct yaml_key *keys, const char *name)
{
    for (; keys->name != NULL; keys++) {
        if (strcmp(keys->name, name) == 0)
            return keys;
    }
    return NULL;
}

#define MAP_KEYS_MAX 32

static void fault_unknown_key(struct yaml *yaml, yaml_node_t *node, const struct yaml_key *keys, const char *name)
{
    const char *names[MAP_KEYS_MAX + 1];
    unsigned count = 0;

    for (; keys->name != NULL && count < MAP_KEYS_MAX; keys++)
        names[count++] = keys->name;
    names[count] = NULL;
    const char *nearest = nearest_name(name, names);

    if (nearest != NULL)
        yaml_fault(yaml, node, "unknown key `%s`; did you mean `%s`?", name, nearest);
    else
        yaml_fault(yaml, node, "unknown key `%s`; the keys allowed here begin with `%s`, `%s`", name, names[0], count > 1 ? names[1] : names[0]);
}

static void read_pair(struct yaml *yaml, const struct yaml_key *keys, yaml_node_pair_t *pair, bool *seen, void *into)
{
    yaml_node_t *name_node = yaml_node(yaml, pair->key), *value = yaml_node(yaml, pair->value);
    const char *name = yaml_text(yaml, name_node);
    const struct yaml_key *key = name != NULL ? find_key(keys, name) : NULL;

    if (name == NULL)
        return;
    if (key == NULL)
        fault_unknown_key(yaml, name_node, keys, name);
    else if (seen[key - keys])
        yaml_fault(yaml, name_node, "`%s` is given twice; keep one", name);
    else if (key->not_built != NULL)
        yaml_fault(yaml, name_node, "`%s` needs %s, and this assayd was built without it; take the key out", name, key->not_built);
    else
        key->read(yaml, value, (char *)into + key->offset);
    if (key != NULL)
        seen[key - keys] = true;
}

void yaml_read_map(struct yaml *yaml, yaml_node_t *map, const struct yaml_key *keys, void *into)
{
    bool seen[MAP_KEYS_MAX] = {false};

    if (map->type != YAML_MAPPING_NODE) {
        yaml_fault(yaml, map, "expected keys with values, for example `%s: …`", keys->name);
        return;
    }
    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top; pair++)
        read_pair(yaml, keys, pair, seen, into);
    for (const struct yaml_key *key = keys; key->name != NULL; key++) {
        if (key->required && !seen[key - keys])
            yaml_fault(yaml, map, "`%s` is missing", key->name);
    }
}

bool yaml_next_item(struct yaml *yaml, yaml_node_t *sequence, unsigned *index, yaml_node_t **ret_item)
{
    if (sequence->type != YAML_SEQUENCE_NODE) {
        yaml_fault(yaml, sequence, "expected a list, for example [a, b]");
        return false;
    }
    if (sequence->data.sequence.items.start + *index >= sequence->data.sequence.items.top)
        return false;
    *ret_item = yaml_node(yaml, sequence->data.sequence.items.start[(*index)++]);
    return true;
}

const char *yaml_text(struct yaml *yaml, yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE) {
        yaml_fault(yaml, node, "expected a single value, not a list or keys");
        return NULL;
    }
    if (memchr(node->data.scalar.value, '\0', node->data.scalar.length) != NULL) {
        yaml_fault(yaml, node, "the value contains a NUL character");
        return NULL;
    }
    return arena_text(yaml->arena, (const char *)node->data.scalar.value, node->data.scalar.length);
}

bool yaml_is_plain(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}
