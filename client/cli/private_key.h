/* A private key from a file, that fits an algorithm. */
#ifndef ASSAY_COMMAND_PRIVATE_KEY_H
#define ASSAY_COMMAND_PRIVATE_KEY_H

#include <openssl/evp.h>

#include "agent/token/algorithm.h"
#include "files.h"

/* Reads the PEM that the file at `path` holds, for the algorithm, which is not HMAC. 0 with a key to be freed, or told and the exit
   code. */
int private_key_parse(const char *path, const struct secret *file, enum algorithm algorithm, EVP_PKEY **ret_key);

#endif
