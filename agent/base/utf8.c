#include "utf8.h"

#include <string.h>

size_t utf8_length(const uint8_t *at, size_t left)
{
    static const struct {
        uint8_t first_min, first_max, second_min, second_max, length;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
        {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (at[0] < forms[i].first_min || at[0] > forms[i].first_max)
            continue;
        if (left < forms[i].length || at[1] < forms[i].second_min || at[1] > forms[i].second_max)
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((at[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

bool utf8_is_valid(const char *text, size_t bytes)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + bytes;

    while (at < end) {
        size_t length = *at < 0x80 ? 1 : utf8_length(at, (size_t)(end - at));

        if (length == 0)
            return false;
        at += length;
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
