/* The authorities that sign servers' certificates: a file of them (`ca_file`), or the system's. What is read is bounded, and what
   was replaced is noticed: an authority that was taken away must not be believed any longer, on a connection that lasts either. */
#ifndef ASSAY_OUTBOUND_AUTHORITIES_H
#define ASSAY_OUTBOUND_AUTHORITIES_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/files/facts.h"

struct authorities {
    char *bytes; /* NULL: none */
    size_t size;
};

/* The whole file. -1: `why`, for people. */
int authorities_read(const char *ca_file, struct authorities *ret, char *why, size_t why_bytes);
void authorities_clear(struct authorities *authorities); /* all zero is fine */

/* What `ca_file` was at one moment, or the system's file and folder where it is NULL. What is not there is all zero. */
struct authorities_facts {
    struct file_facts file, folder;
};
void authorities_look(const char *ca_file, struct authorities_facts *ret);
bool authorities_are_same(const struct authorities_facts *a, const struct authorities_facts *b);

#endif
