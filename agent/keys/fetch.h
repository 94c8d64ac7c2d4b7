/* From an issuer's settings to its key set, over HTTPS: discovery where that is asked for, each time, then the set. What comes back has been
   read and admitted already, on the thread that fetched it. */
#ifndef ASSAY_KEYS_FETCH_H
#define ASSAY_KEYS_FETCH_H

#include "agent/config/config.h"
#include "agent/outbound/https.h"

/* Zero is a failure. */
enum fetched { FETCHED_NOTHING = 0, FETCHED_SAME /* as `known` says */, FETCHED_SET };

#define KEY_DIGEST_BYTES 32

/* What is known of a set already. All zero: nothing. */
struct known_set {
    uint8_t digest[KEY_DIGEST_BYTES]; /* of its public text (token/keyset.h) */
    char etag[HTTPS_ETAG_BYTES_MAX];
    char jwks_uri[URL_BYTES_MAX + 1]; /* where discovery has led, and whose ETag it is; empty: the one that is configured */
};

struct key_fetch {
    struct https_job job; /* first: a job is its fetch */
    struct https_request request;
    void *context; /* the caller's */

    /* What is wanted. */
    const struct issuer_config *issuer;
    struct config *config;  /* that it is of; the caller's to hold and to drop */
    bool anew;              /* whatever is known: no If-None-Match */
    struct known_set known; /* becomes what is known now, where something came */

    /* What came of it. */
    enum fetched fetched;
    char why[320];       /* of nothing */
    bool without_keys;   /* of nothing: an answer came, and there is no usable key in it */
    struct keyset *keys; /* of a set: whoever takes it over sets it to NULL */
    char *text;          /* and its public text, likewise; free() */
    size_t text_bytes;
    double max_age, retry_after; /* seconds; negative: none was said */

    /* Its own. */
    enum stage_of_fetch { STAGE_OPENID, STAGE_OAUTH, STAGE_SET } stage;
    char url[URL_BYTES_MAX + 1];
};

/* `done` of the job is the caller's. It begins by https_submit(). */
void key_fetch_init(struct key_fetch *fetch, const struct issuer_config *issuer);
void key_fetch_clear(struct key_fetch *fetch); /* what nobody has taken over */

#endif
