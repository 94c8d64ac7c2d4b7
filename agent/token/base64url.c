#include "base64url.h"

static const char alphabet[64] = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
                                  'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
                                  'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
                                  'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '_'};

/* The value of a character, or NONE, which stays visible when values are combined. */
#define NONE 0x80
static const uint8_t values[256] = {
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,   62, NONE, NONE,
      52,   53,   54,   55,   56,   57,   58,   59,   60,   61, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE,    0,    1,    2,    3,    4,    5,    6,    7,    8,    9,   10,   11,   12,   13,   14,
      15,   16,   17,   18,   19,   20,   21,   22,   23,   24,   25, NONE, NONE, NONE, NONE,   63,
    NONE,   26,   27,   28,   29,   30,   31,   32,   33,   34,   35,   36,   37,   38,   39,   40,
      41,   42,   43,   44,   45,   46,   47,   48,   49,   50,   51, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
};

int base64url_decode(const char *text, size_t size, uint8_t *out, size_t *ret_bytes)
{
    const uint8_t *in = (const uint8_t *)text;
    uint8_t *start = out;

    unsigned seen = 0;

    for (; size >= 4; size -= 4, in += 4, out += 3) {
        unsigned a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];

        seen |= a | b | c | d;
        unsigned bits = a << 18 | b << 12 | c << 6 | d;

        out[0] = (uint8_t)(bits >> 16);
        out[1] = (uint8_t)(bits >> 8);
        out[2] = (uint8_t)bits;
    }
    if (seen >= NONE)
        return -1;
    if (size == 1)
        return -1;
    if (size > 1) {
        unsigned a = values[in[0]], b = values[in[1]], c = size == 3 ? values[in[2]] : 0;

        if ((a | b | c) >= NONE)
            return -1;
        unsigned bits = a << 12 | b << 6 | c;

        if (size == 2 ? (bits & 0x3ff) != 0 : (bits & 0x3) != 0) /* spare bits */
            return -1;
        *out++ = (uint8_t)(bits >> 10);
        if (size == 3)
            *out++ = (uint8_t)(bits >> 2);
    }
    *ret_bytes = (size_t)(out - start);
    return 0;
}

enum base64url_fault base64url_fault(const char *text, size_t size, size_t *ret_at)
{
    uint8_t last[BASE64URL_DECODED_MAX(4)];
    size_t whole = size / 4 * 4, bytes;

    for (*ret_at = 0; *ret_at < size; (*ret_at)++) {
        if (values[(uint8_t)text[*ret_at]] == NONE)
            return BASE64URL_CHARACTER;
    }
    *ret_at = size - (size > 0);
    if (size - whole == 1)
        return BASE64URL_LENGTH;
    return base64url_decode(text + whole, size - whole, last, &bytes) < 0 ? BASE64URL_SPARE_BITS : BASE64URL_GOOD;
}

void base64url_encode(const uint8_t *bytes, size_t size, char *out)
{
    for (; size >= 3; size -= 3, bytes += 3) {
        unsigned bits = (unsigned)bytes[0] << 16 | (unsigned)bytes[1] << 8 | bytes[2];

        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = alphabet[bits >> 6 & 63];
        *out++ = alphabet[bits & 63];
    }
    if (size > 0) {
        unsigned bits = (unsigned)bytes[0] << 16 | (size == 2 ? (unsigned)bytes[1] << 8 : 0);

        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        if (size == 2)
            *out++ = alphabet[bits >> 6 & 63];
    }
    *out = '\0';
}
