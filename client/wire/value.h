/* An answer as a tree of values: an array of nodes in the order of the message, in which each node knows how many nodes belong to it.
   Strings are terminated, and are UTF-8 without a NUL inside; names in a map are strings. */
#ifndef ASSAY_CLIENT_VALUE_H
#define ASSAY_CLIENT_VALUE_H

#include "wire.h"

struct value {
    enum wire_type type;
    uint32_t count; /* array: elements; map: pairs; string: bytes */
    uint32_t span;  /* nodes of this value, including itself */
    union {
        bool boolean;
        uint64_t uint;
        int64_t sint;
        double real;
        const char *str;
    };
};

struct value_size {
    size_t nodes;
    size_t text_bytes;
};

/* The memory that the value at the cursor needs. Returns 0, or ASSAY_E_PROTOCOL for strings and names that are not allowed. wire_measure
   has checked the bytes, and so bounds the recursion here. */
int value_size(struct wire_cursor cursor, struct value_size *ret_size);

/* Builds the value in memory of that size. */
void value_build(struct wire_cursor cursor, struct value *nodes, char *text);

/* Both, in one allocation that the caller frees. Returns 0, ASSAY_E_PROTOCOL or ASSAY_E_NO_MEMORY. */
int value_read(struct wire_cursor cursor, struct value **ret_value);

/* The first child of an array or map, and the next sibling of a value. A map's children are name, value, name, value… */
static inline const struct value *value_first(const struct value *value)
{
    return value + 1;
}

static inline const struct value *value_next(const struct value *value)
{
    return value + value->span;
}

/* The value of that name in a map; NULL if there is none, or if it is not a map. */
const struct value *value_member(const struct value *map, const char *name);

/* The same, if the value has that type; else NULL. */
const struct value *value_member_of(const struct value *map, const char *name, enum wire_type type);

#endif
