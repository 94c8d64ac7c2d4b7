/* Key files: reads one only if no other user can read it, and writes one only if the file does not exist. */
#ifndef ASSAY_COMMAND_FILES_H
#define ASSAY_COMMAND_FILES_H

#include <stddef.h>
#include <sys/types.h>

/* A private key, or a set of a few. A larger file is not a key file. */
#define SECRET_FILE_BYTES_MAX 65536

struct secret {
    char *bytes; /* terminated */
    size_t count;
};

/* Reads a file with a secret. Refuses a file that other users can read, because it may no longer be secret. Returns 0; on failure reports
   the error and returns the exit code. */
int secret_read(const char *path, struct secret *ret_secret);

/* Wipes and frees it. */
void secret_clear(struct secret *secret);

/* Writes a file that must not exist yet, with exactly this mode, and waits until it is on disk. Returns 0; on failure reports the error
   and returns the exit code. After a failure there is no file. */
int write_new_file(const char *path, mode_t mode, const char *bytes, size_t count);

#endif
