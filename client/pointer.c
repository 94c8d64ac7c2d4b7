/* Reference tokens are compared in place, escapes included, so a lookup allocates nothing. */
#include "pointer.h"

#include <string.h>

#include "client/wire/exports.h"

/* Checks the syntax of the whole pointer first: a malformed one is reported as such, even if its beginning points to no value. */
static bool is_pointer(const char *pointer)
{
    if (*pointer != '\0' && *pointer != '/')
        return false;
    for (const char *at = pointer; *at != '\0'; at++)
        if (at[0] == '~' && at[1] != '0' && at[1] != '1')
            return false;
    return true;
}

/* True if the reference token, with ~0 for ~ and ~1 for /, equals this name. */
static bool names(const char *token, const char *end, const char *name)
{
    for (; token < end; token++, name++) {
        char meant = *token;

        if (meant == '~')
            meant = *++token == '0' ? '~' : '/';
        if (meant != *name)
            return false;
    }
    return *name == '\0';
}

static const struct value *member(const struct value *map, const char *token, const char *end)
{
    const struct value *name = value_first(map);

    for (uint32_t i = 0; i < map->count; i++) {
        const struct value *value = value_next(name);

        if (names(token, end, name->str))
            return value;
        name = value_next(value);
    }
    return NULL;
}

/* Reads digits without leading zeros. "-", the element after the last, never exists. */
static const struct value *element(const struct value *array, const char *token, const char *end)
{
    uint64_t index = 0;

    if (token == end || (*token == '0' && end - token > 1))
        return NULL;
    for (; token < end; token++) {
        if (*token < '0' || *token > '9')
            return NULL;
        index = 10 * index + (uint64_t)(*token - '0');
        if (index >= array->count)
            return NULL;
    }
    const struct value *value = value_first(array);

    while (index-- > 0)
        value = value_next(value);
    return value;
}

int pointer_find(const struct value *root, const char *pointer, const struct value **ret_value)
{
    const struct value *value = root;

    if (!is_pointer(pointer))
        return ASSAY_E_ARGUMENT;
    while (*pointer == '/') {
        const char *token = pointer + 1;
        const char *end = strchrnul(token, '/');

        if (value->type == WIRE_MAP)
            value = member(value, token, end);
        else
            value = value->type == WIRE_ARRAY ? element(value, token, end) : NULL;
        if (value == NULL)
            return ASSAY_E_NO_CLAIM;
        pointer = end;
    }
    *ret_value = value;
    return 0;
}
