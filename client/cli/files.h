/* Key files: read only where nobody else can, written only where nothing is. */
#ifndef ASSAY_COMMAND_FILES_H
#define ASSAY_COMMAND_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* A private key, or a set of a few; a large one is not what was meant. */
#define SECRET_FILE_BYTES_MAX 65536

struct secret {
    char *bytes; /* terminated */
    size_t count;
};

/* Reads a file that holds a secret. One that others can read is refused: it is none any more. 0, or told and the exit code. */
int secret_read(const char *path, struct secret *ret_secret);

/* Wipes and frees. */
void secret_clear(struct secret *secret);

/* Writes a file that must not be there yet, with exactly this mode, and waits for the disk. 0, or told and the exit code; and then
   there is no file. */
int write_new_file(const char *path, mode_t mode, const char *bytes, size_t count);

#endif
