#include "record_thing.h"

#include "agent/token/base64url.h"

static uint8_t hex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* As tokens contain it: bytes, not text. A name that cannot be a record's (record_read has checked) stands for all tokens of the issuer. */
static struct thing bytes_thing(const struct shared_page *shared, enum record_kind kind, struct text issuer, struct text name)
{
    uint8_t bytes[BASE64URL_DECODED_MAX(64)];
    size_t size = 0;

    if (kind == RECORD_JKT && name.bytes == 43 && base64url_decode(name.at, name.bytes, bytes, &size) == 0)
        return shared_page_thing(shared, THING_KEY, issuer, (struct text){(const char *)bytes, size});
    for (; kind == RECORD_SIGNING_INPUT && name.bytes == 64 && size < 32; size++)
        bytes[size] = (uint8_t)(hex_digit(name.at[2 * size]) << 4 | hex_digit(name.at[2 * size + 1]));
    return size == 32 ? shared_page_thing(shared, THING_INPUT, issuer, (struct text){(const char *)bytes, size})
                      : shared_page_thing(shared, THING_ISSUER, issuer, ((struct text){"", 0}));
}

struct thing record_thing(const struct shared_page *shared, enum record_kind kind, struct text issuer, struct text name)
{
    switch (kind) {
    case RECORD_JTI:
        return shared_page_thing(shared, THING_JTI, issuer, name);
    case RECORD_SUB:
        return shared_page_thing(shared, THING_SUB, issuer, name);
    case RECORD_SID:
        return shared_page_thing(shared, THING_SID, issuer, name);
    case RECORD_JKT:
    case RECORD_SIGNING_INPUT:
        return bytes_thing(shared, kind, issuer, name);
    default:
        return shared_page_thing(shared, THING_ISSUER, issuer, ((struct text){"", 0}));
    }
}
