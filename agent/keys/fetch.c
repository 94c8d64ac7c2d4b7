#include "fetch.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "agent/config/discovery.h"
#include "client/wire/clock.h"

static void finish(struct https *https, struct key_fetch *fetch)
{
    https_clear(&fetch->request);
    https_finish(https, &fetch->job);
}

__attribute__((format(printf, 3, 4))) static void fail(struct https *https, struct key_fetch *fetch, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(fetch->why, sizeof fetch->why, format, arguments);
    va_end(arguments);
    fetch->fetched = FETCHED_NOTHING;
    fetch->retry_after = fetch->request.retry_after;
    finish(https, fetch);
}

static void get(struct https *https, struct key_fetch *fetch, enum stage_of_fetch stage, const char *url)
{
    struct https_request *request = &fetch->request;

    https_clear(request);
    fetch->stage = stage;
    request->url = url;
    request->accept = stage == STAGE_SET ? "application/jwk-set+json, application/json" : "application/json";
    request->bytes_max = stage == STAGE_SET ? KEY_FILE_BYTES_MAX : DISCOVERY_BYTES_MAX;
    request->known_etag = stage == STAGE_SET && !fetch->anew ? fetch->known.etag : NULL;
    request->ca_file = fetch->issuer->keys.ca_file;
    request->token_file = fetch->issuer->keys.token_file;
    https_get(https, request);
}

static void discover(struct https *https, struct key_fetch *fetch, enum stage_of_fetch stage)
{
    enum discovery_kind kind = stage == STAGE_OPENID ? DISCOVERY_OPENID : DISCOVERY_OAUTH;

    if (discovery_url(kind, fetch->issuer->rules.names.list[0].at, fetch->url, sizeof fetch->url) == 0)
        get(https, fetch, stage, fetch->url);
    else
        fail(https, fetch, "the issuer's name is too long for discovery; write `jwks_uri`");
}

/* An ETag belongs to its URI: the answer of another URI does not confirm the set of this one, however equal they look. */
static void follow(struct https *https, struct key_fetch *fetch, const char *jwks_uri)
{
    if (strcmp(fetch->known.jwks_uri, jwks_uri) != 0) {
        fetch->known = (struct known_set){0};
        strcpy(fetch->known.jwks_uri, jwks_uri);
    }
    get(https, fetch, STAGE_SET, fetch->known.jwks_uri);
}

/* If there is no document by one convention, there may be one by the other. */
static void discovered(struct https *https, struct key_fetch *fetch)
{
    const struct https_request *request = &fetch->request;
    char why[DISCOVERY_WHY_BYTES], jwks_uri[sizeof fetch->known.jwks_uri];

    if (request->status == 404 && fetch->stage == STAGE_OPENID) {
        discover(https, fetch, STAGE_OAUTH);
        return;
    }
    if (request->status == 404)
        fail(https, fetch, "neither OpenID Connect Discovery nor RFC 8414 finds a document; write `jwks_uri`");
    else if (request->status == 0)
        fail(https, fetch, "discovery: %s", request->why);
    else if (request->status != 200)
        fail(https, fetch, "discovery: the server answers %d", request->status);
    else if (discovery_read(request->body, request->size, fetch->issuer->rules.names.list[0].at, jwks_uri, sizeof jwks_uri, why) < 0)
        fail(https, fetch, "discovery: %s", why);
    else
        follow(https, fetch, jwks_uri);
}

static bool digest_text(const struct key_fetch *fetch, uint8_t digest[KEY_DIGEST_BYTES])
{
    return EVP_Digest(fetch->text, fetch->text_bytes, digest, NULL, EVP_sha256(), NULL) == 1;
}

static void fail_set(struct https *https, struct key_fetch *fetch, const char *why)
{
    fetch->without_keys = true;
    fail(https, fetch, "the key set: %s", why);
}

/* Reduces the set's text to what may be stored; the keys are read from the reduced text, as they will be after a restart. */
static void read_set(struct https *https, struct key_fetch *fetch)
{
    uint8_t digest[KEY_DIGEST_BYTES];
    char why[KEYSET_WHY_BYTES];

    fetch->text = keyset_public(fetch->request.body, fetch->request.size, &fetch->text_bytes, why);
    if (fetch->text == NULL) {
        fail_set(https, fetch, why);
        return;
    }
    if (!digest_text(fetch, digest)) {
        fail(https, fetch, "out of memory");
        return;
    }
    fetch->fetched = FETCHED_SAME;
    if (memcmp(digest, fetch->known.digest, sizeof digest) != 0) {
        fetch->keys = keyset_parse(fetch->text, fetch->text_bytes, NULL, why);
        if (fetch->keys == NULL) {
            fail_set(https, fetch, why);
            return;
        }
        fetch->fetched = FETCHED_SET;
    }
    memcpy(fetch->known.digest, digest, sizeof digest);
    memcpy(fetch->known.etag, fetch->request.etag, sizeof fetch->known.etag);
    fetch->max_age = fetch->request.max_age;
    finish(https, fetch);
}

static void got_set(struct https *https, struct key_fetch *fetch)
{
    const struct https_request *request = &fetch->request;

    if (request->status == 200) {
        read_set(https, fetch);
    } else if (request->status == 304 && request->known_etag != NULL && *request->known_etag != '\0') {
        fetch->fetched = FETCHED_SAME;
        fetch->max_age = request->max_age;
        finish(https, fetch);
    } else if (request->status == 0) {
        fail(https, fetch, "%s", request->why);
    } else {
        fail(https, fetch, "the server answers %d%s", request->status,
             request->status == 401 || request->status == 403 ? "; if the fetch needs a bearer token, write `token_file`" : "");
    }
}

static void arrived(struct https *https, struct https_request *request)
{
    struct key_fetch *fetch = request->context;

    if (fetch->stage == STAGE_SET)
        got_set(https, fetch);
    else
        discovered(https, fetch);
}

/* Discovery comes first each time: the earlier URL may continue to answer long after the issuer has moved its keys, with keys that it has
   withdrawn. */
static void run(struct https *https, struct https_job *job)
{
    struct key_fetch *fetch = (struct key_fetch *)job;
    const struct key_source *source = &fetch->issuer->keys;

    fetch->request.seconds = source->timeout;
    fetch->request.deadline = monotonic_ns() + (int64_t)(source->timeout * NS_PER_S);
    fetch->request.retry_after = -1;
    if (source->jwks_uri != NULL)
        get(https, fetch, STAGE_SET, source->jwks_uri);
    else
        discover(https, fetch, STAGE_OPENID);
}

void key_fetch_init(struct key_fetch *fetch, const struct issuer_config *issuer)
{
    *fetch = (struct key_fetch){.issuer = issuer, .max_age = -1, .retry_after = -1};
    fetch->job.run = run;
    fetch->request.arrived = arrived;
    fetch->request.context = fetch;
}

void key_fetch_clear(struct key_fetch *fetch)
{
    https_clear(&fetch->request);
    keyset_drop(fetch->keys);
    fetch->keys = NULL;
    free(fetch->text);
    fetch->text = NULL;
}
