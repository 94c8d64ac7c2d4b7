/* A bearer token from a file (RFC 6750), read anew for each use: whoever keeps it there writes another one before it ends. */
#ifndef ASSAY_KEYS_BEARER_H
#define ASSAY_KEYS_BEARER_H

#include <stddef.h>

struct bearer {
    char *text;   /* NULL: none */
    size_t bytes; /* of the memory */
};

/* `path` NULL: none is wanted. 0, or -1: `why` says what is wrong. Blocks. */
int bearer_read(struct bearer *ret, const char *path, char *why, size_t why_bytes);
void bearer_clear(struct bearer *bearer); /* wipes */

#endif
