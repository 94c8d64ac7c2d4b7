/* The authorities that sign servers' certificates: a file of them (`ca_file`), or the system's. The agent limits what it reads, and detects
   replaced files: it must no longer trust an authority that was removed, not even on an open connection. */
#ifndef ASSAY_OUTBOUND_AUTHORITIES_H
#define ASSAY_OUTBOUND_AUTHORITIES_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/files/facts.h"

struct authorities {
    char *bytes; /* NULL: not read */
    size_t size;
};

/* Reads the whole file. -1: `why` says why, for people. */
int authorities_read(const char *ca_file, struct authorities *ret, char *why, size_t why_bytes);
void authorities_clear(struct authorities *authorities); /* all zero is fine */

/* The facts of `ca_file` at one moment, or of the system's file and folder if it is NULL. A file that does not exist is all zero. */
struct authorities_facts {
    struct file_facts file, folder;
};
void authorities_look(const char *ca_file, struct authorities_facts *ret);
bool authorities_are_same(const struct authorities_facts *a, const struct authorities_facts *b);

#endif
