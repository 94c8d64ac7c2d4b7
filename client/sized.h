/* Structures of the API that grow: the first member says how large the caller's is. A later version adds members at the end, and
   zero in them means what an earlier version did. So a structure that has more bytes than this version knows comes from a program for a
   later one. It is taken if all those bytes are zero, and refused otherwise: nothing that a caller asks for is ever left out. */
#ifndef ASSAY_CLIENT_SIZED_H
#define ASSAY_CLIENT_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/* No version of a structure gets larger than this: a size that nobody has set is not believed. */
#define SIZED_BYTES_MAX 1024

/* May the first `known` bytes be read, and is there nothing else? There was no shorter version yet. */
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
