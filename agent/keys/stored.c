#include "stored.h"

#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "agent/base/log.h"

/* A row's key: SHA-256 over issuer and source, each with its length before it, then the number of the piece: 0 is the head. */
#define KEY_BYTES      34
#define PIECE_BYTES    8000
#define HEAD_FIXED     (3 * 8 + 4 + 1 + KEY_DIGEST_BYTES)
#define HEAD_BYTES_MAX (HEAD_FIXED + HTTPS_ETAG_BYTES_MAX + URL_BYTES_MAX + 1)

_Static_assert(PIECE_BYTES + SEAL_BYTES <= SEALED_BYTES_MAX && HEAD_BYTES_MAX + SEAL_BYTES <= SEALED_BYTES_MAX,
               "rows must fit under a seal");

static bool add_text(EVP_MD_CTX *context, const char *text)
{
    uint64_t size = strlen(text);

    return EVP_DigestUpdate(context, &size, sizeof size) == 1 && EVP_DigestUpdate(context, text, size) == 1;
}

static int make_key(const struct issuer_config *issuer, uint8_t key[KEY_BYTES])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int status = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                         add_text(context, issuer->rules.names.list[0].at) && add_text(context, issuer->keys.name) &&
                         EVP_DigestFinal_ex(context, key, NULL) == 1
                     ? 0
                     : -1;

    EVP_MD_CTX_free(context);
    return status;
}

static struct bytes row(uint8_t key[KEY_BYTES], size_t piece)
{
    store_number(key + 32, piece, 2);
    return (struct bytes){key, KEY_BYTES};
}

static size_t pieces_of(size_t bytes)
{
    return (bytes + PIECE_BYTES - 1) / PIECE_BYTES;
}

static uint64_t whole(double seconds)
{
    return seconds > 0 ? (uint64_t)seconds : 0;
}

static size_t write_head(const struct stored_set *set, size_t text_bytes, uint8_t head[HEAD_BYTES_MAX])
{
    size_t etag = strlen(set->known.etag) + 1, uri = strlen(set->known.jwks_uri) + 1;
    uint8_t *at = head;

    store_number(at, whole(set->fetched), 8);
    store_number(at + 8, whole(set->tried), 8);
    store_number(at + 16, text_bytes, 8);
    store_number(at + 24, set->failures, 4);
    at[28] = set->failed;
    memcpy(at + 29, set->known.digest, KEY_DIGEST_BYTES);
    memcpy(at + HEAD_FIXED, set->known.etag, etag);
    memcpy(at + HEAD_FIXED + etag, set->known.jwks_uri, uri);
    return HEAD_FIXED + etag + uri;
}

/* Two strings, each with its terminator. */
static bool read_head(struct bytes value, struct stored_set *ret)
{
    const uint8_t *at = value.at, *end = at + value.size;

    if (value.size < HEAD_FIXED + 2 || end[-1] != '\0')
        return false;
    const char *etag = (const char *)at + HEAD_FIXED, *uri = etag + strlen(etag) + 1;

    if ((const uint8_t *)uri >= end || strlen(etag) >= sizeof ret->known.etag || strlen(uri) >= sizeof ret->known.jwks_uri)
        return false;
    ret->fetched = (double)stored_number(at, 8);
    ret->tried = (double)stored_number(at + 8, 8);
    ret->text_bytes = (size_t)stored_number(at + 16, 8);
    ret->failures = (unsigned)stored_number(at + 24, 4);
    ret->failed = at[28] != 0;
    memcpy(ret->known.digest, at + 29, KEY_DIGEST_BYTES);
    strcpy(ret->known.etag, etag);
    strcpy(ret->known.jwks_uri, uri);
    return ret->text_bytes <= KEY_FILE_BYTES_MAX;
}

static int read_text(struct view *view, uint8_t key[KEY_BYTES], struct stored_set *ret)
{
    uint8_t digest[KEY_DIGEST_BYTES];

    ret->text = malloc(ret->text_bytes + 1);
    if (ret->text == NULL)
        return -1;
    for (size_t at = 0, piece = 1; at < ret->text_bytes; piece++) {
        struct bytes value;

        if (view_get(view, TABLE_KEYS, row(key, piece), &value) != 1 || value.size == 0 || value.size > ret->text_bytes - at)
            return -1;
        memcpy(ret->text + at, value.at, value.size);
        at += value.size;
    }
    ret->text[ret->text_bytes] = '\0';
    return EVP_Digest(ret->text, ret->text_bytes, digest, NULL, EVP_sha256(), NULL) == 1 &&
                   memcmp(digest, ret->known.digest, sizeof digest) == 0
               ? 0
               : -1;
}

int stored_read(struct view *view, const struct issuer_config *issuer, struct stored_set *ret)
{
    struct stored_set set = {0};
    uint8_t key[KEY_BYTES];
    struct bytes value;

    if (make_key(issuer, key) < 0)
        return -1;
    int found = view_get(view, TABLE_KEYS, row(key, 0), &value);

    if (found == 0)
        return 0;
    if (found < 0 || !read_head(value, &set) || (set.text_bytes > 0 && read_text(view, key, &set) < 0)) {
        free(set.text);
        log_warning("a stored key set is damaged; the agent fetches it again", LOG_TEXT("issuer", issuer->rules.names.list[0].at));
        return 0;
    }
    *ret = set;
    return 1;
}

/* The size of the stored text. Of a damaged set: 0, and its pieces are overwritten, or stay unused. */
static size_t stored_bytes(struct view *view, uint8_t key[KEY_BYTES])
{
    struct stored_set before = {0};
    struct bytes value;

    return view_get(view, TABLE_KEYS, row(key, 0), &value) == 1 && read_head(value, &before) ? before.text_bytes : 0;
}

static int write_text(struct view *view, uint8_t key[KEY_BYTES], const struct stored_set *set, size_t before)
{
    size_t count = pieces_of(set->text_bytes);
    int status = 0;

    for (size_t piece = 0; status == 0 && piece < count; piece++) {
        size_t at = piece * PIECE_BYTES, size = set->text_bytes - at < PIECE_BYTES ? set->text_bytes - at : PIECE_BYTES;

        status = view_put(view, TABLE_KEYS, row(key, piece + 1), (struct bytes){set->text + at, size});
    }
    for (size_t piece = count; status == 0 && piece < pieces_of(before); piece++)
        status = view_delete(view, TABLE_KEYS, row(key, piece + 1));
    return status;
}

int stored_write(struct view *view, const struct issuer_config *issuer, const struct stored_set *set)
{
    uint8_t key[KEY_BYTES], head[HEAD_BYTES_MAX];

    if (make_key(issuer, key) < 0)
        return -1;
    size_t before = stored_bytes(view, key), text = set->text != NULL ? set->text_bytes : before;

    if (set->text != NULL && write_text(view, key, set, before) < 0)
        return -1;
    size_t size = write_head(set, text, head);

    return view_put(view, TABLE_KEYS, row(key, 0), (struct bytes){head, size});
}
