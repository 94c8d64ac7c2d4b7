#include "common_request.h"

#include <string.h>

#include "agent/base/limits.h"

#define PAIRS_MAX 6

struct reader {
    const uint8_t *at, *end;
    bool usual; /* the message has the usual form so far */
};

/* The next bytes, or NULL. */
static const uint8_t *take(struct reader *reader, size_t bytes)
{
    const uint8_t *at = reader->at;

    if (bytes > (size_t)(reader->end - at)) {
        reader->usual = false;
        reader->at = reader->end;
        return NULL;
    }
    reader->at += bytes;
    return at;
}

static uint32_t big_endian(struct reader *reader, size_t bytes)
{
    const uint8_t *at = take(reader, bytes);
    uint32_t value = 0;

    for (size_t i = 0; at != NULL && i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static uint8_t take_byte(struct reader *reader)
{
    const uint8_t *at = take(reader, 1);

    return at != NULL ? *at : 0;
}

static bool skip(struct reader *reader, const char *expected, size_t bytes)
{
    const uint8_t *at = take(reader, bytes);

    return at != NULL && memcmp(at, expected, bytes) == 0;
}

static uint32_t read_number(struct reader *reader)
{
    uint8_t first = take_byte(reader);

    if (first < 0x80)
        return first;
    if (first < 0xcc || first > 0xce)
        reader->usual = false;
    return reader->usual ? big_endian(reader, (size_t)1 << (first - 0xcc)) : 0;
}

static struct text read_text(struct reader *reader)
{
    uint8_t first = take_byte(reader);
    size_t bytes = first & 0x1f;

    if (first == 0xd9 || first == 0xda)
        bytes = big_endian(reader, first == 0xd9 ? 1 : 2);
    else if ((first & 0xe0) != 0xa0)
        reader->usual = false;
    return (struct text){(const char *)take(reader, bytes), bytes};
}

static void read_once(struct reader *reader, struct text *into)
{
    if (into->at != NULL)
        reader->usual = false;
    *into = read_text(reader);
}

/* True or false, once. */
static void read_bool(struct reader *reader, bool *into, bool *is_there)
{
    uint8_t value = take_byte(reader);

    reader->usual = reader->usual && !*is_there && (value == 0xc2 || value == 0xc3);
    *is_there = true;
    *into = value == 0xc3;
}

static bool is(struct text name, const char *word, size_t bytes)
{
    return name.bytes == bytes && memcmp(name.at, word, bytes) == 0;
}

static void read_pair(struct reader *reader, struct common_request *usual, bool *has_stamp, bool *has_claims)
{
    struct text name = read_text(reader);

    if (!reader->usual)
        return;
    if (is(name, "token", 5)) {
        read_once(reader, &usual->token);
    } else if (is(name, "audience", 8)) {
        read_once(reader, &usual->audience);
    } else if (is(name, "stamp", 5)) {
        read_bool(reader, &usual->stamp, has_stamp);
    } else if (usual->authorize && is(name, "action", 6)) {
        read_once(reader, &usual->action);
    } else if (usual->authorize && is(name, "resource", 8)) {
        read_once(reader, &usual->resource);
    } else if (usual->authorize && is(name, "claims", 6)) {
        read_bool(reader, &usual->claims, has_claims);
    } else {
        reader->usual = false;
    }
}

static void read_method(struct reader *reader, struct common_request *usual)
{
    struct text name = read_text(reader);

    if (!reader->usual)
        return;
    usual->authorize = is(name, "authorize", 9);
    if (!usual->authorize && !is(name, "verify", 6))
        reader->usual = false;
}

/* [0, msgid, method, [{…}]] */
size_t common_request_read(const uint8_t *bytes, size_t size, struct common_request *ret)
{
    struct reader reader = {bytes, bytes + (size < FRAME_BYTES_MAX ? size : FRAME_BYTES_MAX), true};
    bool has_stamp = false, has_claims = false;

    *ret = (struct common_request){0};
    if (!skip(&reader, "\x94\x00", 2))
        return 0;
    ret->msgid = read_number(&reader);
    read_method(&reader, ret);
    if (!skip(&reader, "\x91", 1))
        return 0;
    uint8_t map = take_byte(&reader);

    if (map < 0x80 || map > 0x80 + PAIRS_MAX)
        return 0;
    for (unsigned pairs = map & 0x0f; pairs > 0 && reader.usual; pairs--)
        read_pair(&reader, ret, &has_stamp, &has_claims);
    bool complete = ret->authorize ? ret->action.at != NULL && ret->resource.at != NULL : ret->token.at != NULL;

    return reader.usual && complete ? (size_t)(reader.at - bytes) : 0;
}
