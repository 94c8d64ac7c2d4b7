/* Fetches an issuer's key set over HTTPS: discovery first if configured, in every fetch, then the set. The thread that fetches also parses and
   admits the keys. */
#ifndef ASSAY_KEYS_FETCH_H
#define ASSAY_KEYS_FETCH_H

#include "agent/config/config.h"
#include "agent/outbound/https.h"

/* Zero is a failure. */
enum fetched { FETCHED_NOTHING = 0, FETCHED_SAME /* unchanged from `known` */, FETCHED_SET };

#define KEY_DIGEST_BYTES 32

/* What is already known of a set. All zero: nothing. */
struct known_set {
    uint8_t digest[KEY_DIGEST_BYTES]; /* of its public text (token/keyset.h) */
    char etag[HTTPS_ETAG_BYTES_MAX];
    char jwks_uri[URL_BYTES_MAX + 1]; /* where discovery led, and whose ETag it is; empty: the configured URL */
};

struct key_fetch {
    struct https_job job; /* first, so that a job is its fetch */
    struct https_request request;
    void *context; /* the caller's */

    /* The request. */
    const struct issuer_config *issuer;
    struct config *config;  /* the configuration of the issuer; the caller holds and drops it */
    bool anew;              /* ignores what is known: no If-None-Match */
    struct known_set known; /* updated if a set came */

    /* The result. */
    enum fetched fetched;
    char why[320];       /* why nothing came */
    bool without_keys;   /* nothing came: the answer contains no usable key */
    struct keyset *keys; /* the set; a caller that takes it over sets this to NULL */
    char *text;          /* its public text, likewise; free() */
    size_t text_bytes;
    double max_age, retry_after; /* seconds; negative: the server did not say */

    /* Internal. */
    enum stage_of_fetch { STAGE_OPENID, STAGE_OAUTH, STAGE_SET } stage;
    char url[URL_BYTES_MAX + 1];
};

/* The caller sets `done` of the job, and starts the fetch with https_submit(). */
void key_fetch_init(struct key_fetch *fetch, const struct issuer_config *issuer);
void key_fetch_clear(struct key_fetch *fetch); /* frees what was not taken over */

#endif
