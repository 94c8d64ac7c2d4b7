/* `roles:` and `scopes:` of an issuer: the places in its tokens where they are. */
#include "config.h"

#include <string.h>

#include "agent/token/pointer.h"

/* A claim's name as a pointer to it (RFC 6901 section 3). False: it does not fit. */
static bool write_pointer(const char *name, char *pointer, size_t room)
{
    const char *end = pointer + room - 2;

    *pointer++ = '/';
    for (; *name != '\0'; name++) {
        if (pointer >= end)
            return false;
        if (*name == '~' || *name == '/') {
            *pointer++ = '~';
            *pointer++ = *name == '~' ? '0' : '1';
        } else {
            *pointer++ = *name;
        }
    }
    *pointer = '\0';
    return true;
}

static void read_pointer(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);
    char pointer[512];

    if (text == NULL)
        return;
    if (pointer_is_valid(as_text(text)))
        *(struct text *)into = as_text(text);
    else if (*text == '/' || *text == '\0' || !write_pointer(text, pointer, sizeof pointer))
        yaml_fault(yaml, value, "`%s` is not a JSON pointer to a claim (RFC 6901); it begins with /, and inside a name ~ is written ~0 and / is "
                                "written ~1", text);
    else
        yaml_fault(yaml, value, "`%s` is not a JSON pointer to a claim (RFC 6901); the pointer to the claim of this name is `%s`", text, pointer);
}

static void read_separator(struct yaml *yaml, yaml_node_t *value, void *into)
{
    const char *text = yaml_text(yaml, value);

    if (text == NULL)
        return;
    if (strlen(text) != 1 || *text < ' ' || *text == 0x7f)
        yaml_fault(yaml, value, "expected one character, the one that separates names in the string, for example \",\"");
    else
        *(char *)into = *text;
}

static const struct yaml_key place_keys[] = {
    {"pointer", read_pointer, offsetof(struct claim_place, pointer), true, NULL},
    {"names", yaml_read_bool, offsetof(struct claim_place, names), false, NULL},
    {"separator", read_separator, offsetof(struct claim_place, separator), false, NULL},
    {0},
};

static void add_place(struct yaml *yaml, yaml_node_t *value, struct claim_places *places)
{
    struct claim_place place = {.pointer = {NULL, 0}};

    if (value->type == YAML_MAPPING_NODE)
        yaml_read_map(yaml, value, place_keys, &place);
    else
        read_pointer(yaml, value, &place.pointer);
    if (place.pointer.at == NULL)
        return; /* the fault was added */
    if (place.names && place.separator != '\0')
        yaml_fault(yaml, value, "`names` applies to an object and `separator` to a string; leave one out");
    for (unsigned i = 0; i < places->count; i++) {
        if (text_is(places->list[i].pointer, place.pointer.at, place.pointer.bytes))
            yaml_fault(yaml, value, "`%s` is given twice; keep one", place.pointer.at);
    }
    if (places->count == CLAIM_PLACES_MAX)
        yaml_fault(yaml, value, "more than %d places", CLAIM_PLACES_MAX);
    else
        places->list[places->count++] = place;
}

void config_read_places(struct yaml *yaml, yaml_node_t *value, void *into)
{
    struct claim_places *places = into;
    yaml_node_t *item;

    places->list = arena_get(yaml->arena, CLAIM_PLACES_MAX * sizeof *places->list);
    if (value->type != YAML_SEQUENCE_NODE) {
        add_place(yaml, value, places);
        return;
    }
    for (unsigned i = 0; yaml_next_item(yaml, value, &i, &item);)
        add_place(yaml, item, places);
    if (places->count == 0)
        yaml_fault(yaml, value, "the list is empty; leave the key out for the usual claims");
}
