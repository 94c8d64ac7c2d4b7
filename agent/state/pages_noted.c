/* The copy of the last transaction's number, in a file beside the store. */
#include <unistd.h>

#include "pages.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* The copy: the number, and its checksum. An unreadable one counts as absent. */
struct noted {
    uint64_t transaction, checksum;
};

uint64_t pages_noted(int last)
{
    struct noted noted;

    if (pread(last, &noted, sizeof noted, 0) != (ssize_t)sizeof noted ||
        noted.checksum != XXH3_64bits(&noted.transaction, sizeof noted.transaction))
        return 0;
    return noted.transaction;
}

void pages_note(int last, uint64_t transaction)
{
    struct noted noted = {transaction, XXH3_64bits(&transaction, sizeof transaction)};
    ssize_t ignored = last >= 0 ? pwrite(last, &noted, sizeof noted, 0) : 0;

    (void)ignored; /* without the copy, a damaged meta page may stay undetected; nothing else depends on it */
}
