#include "granted.h"

#include <stdio.h>
#include <string.h>

#include "agent/token/pointer.h"
#include "client/wire/utf8.h"

/* Sizes in MessagePack. */
#define STR_HEAD_BYTES_MAX   5
#define ARRAY_HEAD_BYTES_MAX 5

/* The callback. */
struct listener {
    void (*each)(void *context, const char *at, size_t bytes);
    void *context;
};

/* The parts between the separators, without the blanks around them. */
static void tell_parts(const struct listener *listener, const char *at, size_t bytes, char separator)
{
    const char *end = at + bytes;

    while (at < end) {
        const char *found = memchr(at, separator, (size_t)(end - at)), *stop = found != NULL ? found : end, *next = found != NULL ? found + 1 : end;

        while (at < stop && *at == ' ')
            at++;
        while (stop > at && stop[-1] == ' ')
            stop--;
        if (stop > at)
            listener->each(listener->context, at, (size_t)(stop - at));
        at = next;
    }
}

static bool tell_texts(const struct listener *listener, struct wire_cursor value, uint32_t count)
{
    bool all_texts = true;
    struct wire_item member;

    for (; count > 0; count--) {
        struct wire_cursor at = value;

        if (wire_next(&at, &member) != WIRE_OK || wire_skip(&value) != WIRE_OK)
            return false;
        if (member.type == WIRE_STR)
            listener->each(listener->context, member.str, member.count);
        all_texts = all_texts && member.type == WIRE_STR;
    }
    return all_texts;
}

/* {"admin": false} makes nobody an admin. */
static bool says_yes(const struct wire_item *value)
{
    double number;

    switch (value->type) {
    case WIRE_BOOL:
        return value->boolean;
    case WIRE_STR:
    case WIRE_ARRAY:
    case WIRE_MAP:
        return value->count > 0;
    default:
        return item_number(value, &number) && (number < 0 || number > 0);
    }
}

static void tell_names(const struct listener *listener, struct wire_cursor object, uint32_t pairs)
{
    struct wire_item name, value;

    for (; pairs > 0; pairs--) {
        struct wire_cursor at;

        if (wire_next(&object, &name) != WIRE_OK)
            return;
        at = object;
        if (wire_next(&at, &value) != WIRE_OK || wire_skip(&object) != WIRE_OK)
            return;
        if (says_yes(&value))
            listener->each(listener->context, name.str, name.count);
    }
}

/* False: the value does not have the type that is expected there. */
static bool tell_value(const struct listener *listener, struct wire_cursor value, bool names, char separator)
{
    struct wire_item item;

    if (wire_next(&value, &item) != WIRE_OK || item.type == WIRE_NIL)
        return true; /* null grants nothing */
    if (names && item.type == WIRE_MAP)
        tell_names(listener, value, item.count);
    else if (!names && item.type == WIRE_STR && separator != '\0')
        tell_parts(listener, item.str, item.count, separator);
    else if (!names && item.type == WIRE_STR)
        listener->each(listener->context, item.str, item.count);
    else
        return !names && item.type == WIRE_ARRAY && tell_texts(listener, value, item.count);
    return true;
}

static void note(struct elsewhere *elsewhere, struct text pointer, bool names, struct wire_cursor value)
{
    struct wire_item item;

    if (elsewhere == NULL || wire_next(&value, &item) != WIRE_OK)
        return;
    elsewhere->pointer = pointer;
    elsewhere->names = names;
    elsewhere->found = item.type == WIRE_MAP     ? "an object"
                       : item.type == WIRE_ARRAY ? (names ? "an array" : "an array with elements that are not strings")
                       : item.type == WIRE_STR   ? "a string"
                       : item.type == WIRE_BOOL  ? "true or false"
                                                 : "a number";
}

/* The places of roles, or scopes, if the issuer's settings do not name any, and the separator in a string. */
struct common_request {
    enum claim claims[2];
    struct text pointers[2];
    char separator;
};

#define POINTER(text) {text, sizeof text - 1}

static const struct common_request common_request_roles = {{CLAIM_ROLES, CLAIM_ROLE}, {POINTER("/roles"), POINTER("/role")}, '\0'};
static const struct common_request common_request_scopes = {{CLAIM_SCOPE, CLAIM_SCP}, {POINTER("/scope"), POINTER("/scp")}, ' '}; /* RFC 6749 section 3.3 */

/* Of the two usual claims the first one present decides, whatever its type. */
static void tell_usual(const struct claims *claims, const struct common_request *usual, struct elsewhere *elsewhere, const struct listener *listener)
{
    unsigned which = claims_have(claims, usual->claims[0]) ? 0 : 1;
    struct wire_cursor value = claim_cursor(claims, usual->claims[which]);

    if (!tell_value(listener, value, false, usual->separator))
        note(elsewhere, usual->pointers[which], false, value);
}

static void tell_places(const struct claims *claims, const struct claim_places *places, char separator, const struct listener *listener)
{
    struct wire_cursor value;

    for (unsigned i = 0; i < places->count; i++) {
        const struct claim_place *place = &places->list[i];

        if (claims_point(claims, place->pointer, &value) &&
            !tell_value(listener, value, place->names, place->separator != '\0' ? place->separator : separator))
            note(places->elsewhere, place->pointer, place->names, value);
    }
}

static void tell(const struct claims *claims, const struct claim_places *places, const struct common_request *usual, const struct listener *listener)
{
    if (places != NULL && places->count > 0)
        tell_places(claims, places, usual->separator, listener);
    else
        tell_usual(claims, usual, places != NULL ? places->elsewhere : NULL, listener);
}

void each_role(const struct claims *claims, const struct issuer *issuer, void (*each)(void *context, const char *at, size_t bytes),
               void *context)
{
    tell(claims, issuer != NULL ? &issuer->roles : NULL, &common_request_roles, &(struct listener){each, context});
}

void each_scope(const struct claims *claims, const struct issuer *issuer, void (*each)(void *context, const char *at, size_t bytes),
                void *context)
{
    tell(claims, issuer != NULL ? &issuer->scopes : NULL, &common_request_scopes, &(struct listener){each, context});
}

static void add_bytes(void *sum, const char *at, size_t bytes)
{
    (void)at;
    *(size_t *)sum += bytes + STR_HEAD_BYTES_MAX;
}

size_t granted_room(const struct claims *claims, const struct issuer *issuer)
{
    size_t room = 2 * ARRAY_HEAD_BYTES_MAX;

    each_role(claims, issuer, add_bytes, &room);
    each_scope(claims, issuer, add_bytes, &room);
    return room;
}

#define POINTER_BYTES_SHOWN 128

bool granted_warning(const struct claim_places *places, const char *what, char text[GRANTED_WARNING_BYTES])
{
    const struct elsewhere *elsewhere = places->elsewhere;

    if (elsewhere == NULL || elsewhere->found == NULL)
        return false;
    const char *pointer = elsewhere->pointer.at, *found = elsewhere->found;
    int bytes = (int)utf8_cut(pointer, elsewhere->pointer.bytes, POINTER_BYTES_SHOWN);

    if (elsewhere->names)
        snprintf(text, GRANTED_WARNING_BYTES, "no %s at %.*s: the value is %s, and `names: true` needs an object", what, bytes, pointer, found);
    else if (strcmp(found, "an object") == 0)
        snprintf(text, GRANTED_WARNING_BYTES,
                 "no %s at %.*s: the value is an object; if its names are the %s, write %s: {pointer: %.*s, names: true}", what, bytes,
                 pointer, what, what, bytes, pointer);
    else
        snprintf(text, GRANTED_WARNING_BYTES, "not all %s at %.*s could be read: the value is %s; expected a string or an array of strings", what,
                 bytes, pointer, found);
    return true;
}
