#include "pointer.h"

#include <string.h>

bool pointer_is_valid(struct text pointer)
{
    if (pointer.bytes == 0 || *pointer.at != '/')
        return false;
    for (size_t i = 0; i < pointer.bytes; i++) {
        if (pointer.at[i] == '~' && (i + 1 == pointer.bytes || (pointer.at[i + 1] != '0' && pointer.at[i + 1] != '1')))
            return false;
    }
    return true;
}

/* Does the reference token of a pointer spell this name, with ~1 for / and ~0 for ~? */
static bool spells(struct text token, const char *name, size_t bytes)
{
    size_t at = 0;

    for (size_t i = 0; i < token.bytes; i++, at++) {
        char c = token.at[i];

        if (c == '~')
            c = token.at[++i] == '1' ? '/' : '~';
        if (at == bytes || name[at] != c)
            return false;
    }
    return at == bytes;
}

static bool step_into_map(struct wire_cursor *value, uint32_t pairs, struct text token)
{
    struct wire_item name;

    for (; pairs > 0 && wire_next(value, &name) == WIRE_OK; pairs--) {
        if (name.type == WIRE_STR && spells(token, name.str, name.count))
            return true;
        if (wire_skip(value) != WIRE_OK)
            return false;
    }
    return false;
}

/* Digits without a leading zero; "-" and indexes past the end lead to nothing. */
static bool step_into_array(struct wire_cursor *value, uint32_t elements, struct text token)
{
    uint32_t index = 0;

    if (token.bytes == 0 || token.bytes > 6 || (token.bytes > 1 && *token.at == '0'))
        return false;
    for (size_t i = 0; i < token.bytes; i++) {
        if (token.at[i] < '0' || token.at[i] > '9')
            return false;
        index = index * 10 + (uint32_t)(token.at[i] - '0');
    }
    if (index >= elements)
        return false;
    for (; index > 0; index--) {
        if (wire_skip(value) != WIRE_OK)
            return false;
    }
    return true;
}

bool claims_point(const struct claims *claims, struct text pointer, struct wire_cursor *ret_value)
{
    struct wire_cursor value = {claims->wire, claims->wire + claims->bytes};
    const char *end = pointer.at + pointer.bytes;

    for (const char *at = pointer.at; at < end;) {
        const char *start = at + 1, *slash = start < end ? memchr(start, '/', (size_t)(end - start)) : NULL;
        struct text token = {start, (size_t)((slash != NULL ? slash : end) - start)};
        struct wire_item item;

        if (wire_next(&value, &item) != WIRE_OK)
            return false;
        if (item.type == WIRE_MAP ? !step_into_map(&value, item.count, token)
                                  : item.type != WIRE_ARRAY || !step_into_array(&value, item.count, token))
            return false;
        at = start + token.bytes;
    }
    *ret_value = value;
    return true;
}

bool claims_find(const struct claims *claims, struct text name, struct wire_cursor *ret_value)
{
    return name.bytes > 0 && *name.at == '/' ? claims_point(claims, name, ret_value) : claim_find(claims, name, ret_value);
}
