#include "base64url.h"

static const char alphabet[64] = {'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P',
                                  'Q', 'R', 'S', 'T', 'U', 'V', 'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f',
                                  'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
                                  'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '-', '_'};

/* One more than the value of a character; 0: not of the alphabet. */
static const uint8_t values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11,
    ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,
    ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33,
    ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44,
    ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55,
    ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

int base64url_decode(const char *text, size_t size, uint8_t *out, size_t *ret_bytes)
{
    const uint8_t *in = (const uint8_t *)text;
    uint8_t *start = out;

    for (; size >= 4; size -= 4, in += 4) {
        unsigned a = values[in[0]], b = values[in[1]], c = values[in[2]], d = values[in[3]];

        if (a == 0 || b == 0 || c == 0 || d == 0)
            return -1;
        unsigned bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);

        *out++ = (uint8_t)(bits >> 16);
        *out++ = (uint8_t)(bits >> 8);
        *out++ = (uint8_t)bits;
    }
    if (size == 1)
        return -1;
    if (size > 1) {
        unsigned a = values[in[0]], b = values[in[1]], c = size == 3 ? values[in[2]] : 1;

        if (a == 0 || b == 0 || c == 0)
            return -1;
        unsigned bits = (a - 1) << 12 | (b - 1) << 6 | (c - 1);

        if (size == 2 ? (bits & 0x3ff) != 0 : (bits & 0x3) != 0) /* spare bits */
            return -1;
        *out++ = (uint8_t)(bits >> 10);
        if (size == 3)
            *out++ = (uint8_t)(bits >> 2);
    }
    *ret_bytes = (size_t)(out - start);
    return 0;
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
