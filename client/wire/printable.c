#include "printable.h"

#include <string.h>

#include "json.h"

/* Replaces C0, DEL and C1 control characters. C1 is 0xc2 followed by 0x80 to 0x9f; a lone byte of 0x80 to 0x9f is not UTF-8, and so is
   replaced too. */
void make_printable(char *text)
{
    size_t bytes = strlen(text);

    while (bytes > 0) {
        unsigned char *at = (unsigned char *)text;
        unsigned sequence = utf8_sequence(text, bytes);

        if (sequence == 0 || at[0] < 0x20 || at[0] == 0x7f)
            at[0] = '?';
        else if (at[0] == 0xc2 && at[1] < 0xa0)
            at[0] = at[1] = '?';
        text += sequence > 0 ? sequence : 1;
        bytes -= sequence > 0 ? sequence : 1;
    }
}
