/* Structures of the API that grow. The first member says how large the caller's structure is. A later version adds members at the end,
   and zero in them means what an earlier version did. So a structure with more bytes than this version knows comes from a program for a
   later version. The library accepts it if all those bytes are zero, and refuses it otherwise: it never ignores what the caller asks for. */
#ifndef ASSAY_CLIENT_SIZED_H
#define ASSAY_CLIENT_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/* No version of a structure is larger than this. A larger size was never set by the program. */
#define SIZED_BYTES_MAX 1024

/* Checks that the first `known` bytes may be read, and that all later bytes are zero. There has been no shorter version yet. */
static inline bool sized_is_known(const void *structure, size_t size, size_t known)
{
    const unsigned char *bytes = structure;

    if (size < known || size > SIZED_BYTES_MAX)
        return false;
    for (size_t i = known; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

#endif
