#include "printable.h"

#include <string.h>

#include "utf8.h"

/* Replaces C0, DEL and C1 control characters. C1 is 0xc2 followed by 0x80 to 0x9f; a lone byte of 0x80 to 0x9f is not UTF-8, and so is
   replaced too. */
void make_printable_bytes(char *text, size_t bytes)
{
    for (unsigned length; bytes > 0; text += length, bytes -= length) {
        const unsigned char *at = (const unsigned char *)text;
        unsigned sequence = utf8_sequence(text, bytes);

        length = sequence > 0 ? sequence : 1;
        if (sequence == 0 || at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
            memset(text, '?', length);
    }
}

void make_printable(char *text)
{
    make_printable_bytes(text, strlen(text));
}
