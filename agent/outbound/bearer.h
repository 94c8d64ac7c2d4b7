/* A bearer token from a file (RFC 6750). The agent reads it again for each use, because another program replaces the token in the file before it
   expires. */
#ifndef ASSAY_KEYS_BEARER_H
#define ASSAY_KEYS_BEARER_H

#include <stddef.h>

struct bearer {
    char *text;   /* NULL: no token */
    size_t bytes; /* allocated */
};

/* `path` NULL: no token is configured. 0, or -1: `why` says what is wrong. Blocks. */
int bearer_read(struct bearer *ret, const char *path, char *why, size_t why_bytes);
void bearer_clear(struct bearer *bearer); /* wipes and frees */

#endif
