/* Reads a private key for an algorithm from a file. */
#ifndef ASSAY_COMMAND_PRIVATE_KEY_H
#define ASSAY_COMMAND_PRIVATE_KEY_H

#include <openssl/evp.h>

#include "agent/token/algorithm.h"
#include "files.h"

/* Reads the PEM text of the file at `path`, for an algorithm other than HMAC. Returns 0 with a key that the caller frees; on failure
   reports the error and returns the exit code. */
int private_key_parse(const char *path, const struct secret *file, enum algorithm algorithm, EVP_PKEY **ret_key);

#endif
