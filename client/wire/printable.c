#include "printable.h"

#include <string.h>

#include "json.h"

/* Besides C0 and DEL, C1: its bytes 0x80 to 0x9f after 0xc2, and what is no UTF-8, among which they could stand alone. */
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
