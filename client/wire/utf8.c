#include "utf8.h"

#include <stdint.h>
#include <string.h>

static bool continues(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

unsigned utf8_sequence(const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text;

    if (bytes == 0 || at[0] < 0x80)
        return bytes == 0 ? 0 : 1;
    if (at[0] < 0xc2 || bytes < 2 || !continues(at[1]))
        return 0;
    if (at[0] < 0xe0)
        return 2;
    if (bytes < 3 || !continues(at[2]))
        return 0;
    if (at[0] < 0xf0) /* neither overlong nor half of a UTF-16 pair */
        return (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ? 0 : 3;
    if (bytes < 4 || !continues(at[3]) || at[0] > 0xf4)
        return 0;
    return (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f) ? 0 : 4;
}

bool utf8_is_valid(const char *text, size_t bytes)
{
    while (bytes > 0) {
        unsigned sequence = (unsigned char)*text < 0x80 ? 1 : utf8_sequence(text, bytes);

        if (sequence == 0)
            return false;
        text += sequence;
        bytes -= sequence;
    }
    return true;
}

size_t utf8_cut(const char *text, size_t bytes, size_t most)
{
    if (bytes <= most)
        return bytes;
    while (most > 0 && ((uint8_t)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

bool utf8_has_c1_control(const char *text, size_t bytes)
{
    for (size_t i = 0; i + 1 < bytes; i++) {
        if ((uint8_t)text[i] == 0xc2 && (uint8_t)text[i + 1] < 0xa0)
            return true;
    }
    return false;
}

void utf8_skip_mark(const char **text, size_t *bytes)
{
    if (*bytes < 3 || memcmp(*text, "\xef\xbb\xbf", 3) != 0)
        return;
    *text += 3;
    *bytes -= 3;
}
