/* Cleanup functions for the objects of jansson and OpenSSL, for CLEANUP. */
#ifndef ASSAY_COMMAND_OWNED_H
#define ASSAY_COMMAND_OWNED_H

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/evp.h>

#include "client/wire/cleanup.h"

#define OWNED_JSON CLEANUP(drop_json)
#define OWNED_BIO  CLEANUP(drop_bio)
#define OWNED_KEY  CLEANUP(drop_key)

static inline void drop_json(json_t **json)
{
    json_decref(*json);
}

static inline void drop_bio(BIO **bio)
{
    BIO_free_all(*bio);
}

static inline void drop_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

#endif
