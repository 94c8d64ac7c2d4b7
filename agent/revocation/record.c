#include "record.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#include "client/wire/utf8.h"

static const struct text kind_names[RECORD_KIND_COUNT] = {
    [RECORD_JTI] = {"jti", 3},       [RECORD_SUB] = {"sub", 3}, [RECORD_SID] = {"sid", 3},
    [RECORD_KID] = {"kid", 3},       [RECORD_JKT] = {"jkt", 3}, [RECORD_SIGNING_INPUT] = {"signing_input_sha256", 20},
    [RECORD_ISSUER] = {"before", 6},
};

const char *record_kind_name(enum record_kind kind)
{
    return kind_names[kind].at;
}

bool record_has_member(struct text name)
{
    for (enum record_kind kind = RECORD_NONE + 1; kind < RECORD_KIND_COUNT; kind++) {
        if (text_is(name, kind_names[kind].at, kind_names[kind].bytes))
            return true;
    }
    return text_is(name, "iss", 3) || text_is(name, "exp", 3);
}

bool object_text(const msgpack_object *object, struct text *ret)
{
    if (object->type == MSGPACK_OBJECT_STR)
        *ret = (struct text){object->via.str.ptr, object->via.str.size};
    else if (object->type == MSGPACK_OBJECT_BIN)
        *ret = (struct text){object->via.bin.ptr, object->via.bin.size};
    else
        return false;
    return true;
}

bool object_seconds(const msgpack_object *value, int64_t *ret)
{
    double number = -1;

    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        number = (double)value->via.u64;
    else if (value->type == MSGPACK_OBJECT_FLOAT64 || value->type == MSGPACK_OBJECT_FLOAT32)
        number = value->via.f64;
    if (!isfinite(number) || number < 0 || number > 9007199254740992.0 || floor(number) < number)
        return false;
    *ret = (int64_t)number;
    return true;
}

/* Issuers use numbers for some claims, and publishers copy them: a number counts as its digits. False: it is something else. */
static bool whole_number(struct text name, const msgpack_object *value, char digits[RECORD_DIGITS_BYTES], struct text *ret)
{
    int bytes = 0;

    if (!text_is(name, "sub", 3) && !text_is(name, "jti", 3) && !text_is(name, "sid", 3))
        return false;
    if (value->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        bytes = snprintf(digits, RECORD_DIGITS_BYTES, "%" PRIu64, value->via.u64);
    else if (value->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        bytes = snprintf(digits, RECORD_DIGITS_BYTES, "%" PRId64, value->via.i64);
    *ret = (struct text){digits, (size_t)bytes};
    return bytes > 0;
}

static const char *read_member(struct record *record, struct text name, const msgpack_object *value, char digits[RECORD_DIGITS_BYTES])
{
    struct text text;

    if (text_is(name, "before", 6))
        return object_seconds(value, &record->before) ? NULL : "`before` is not a whole number of Unix seconds";
    if (text_is(name, "exp", 3))
        return object_seconds(value, &record->exp) ? NULL : "`exp` is not a whole number of Unix seconds";
    if (!object_text(value, &text) && !whole_number(name, value, digits, &text))
        return "a member is not a string";
    if (text.bytes > REVOCATION_NAME_BYTES_MAX)
        return "a member is longer than 4096 bytes";
    if (!utf8_is_valid(text.at, text.bytes))
        return "a member is not UTF-8, so no token's claim can equal it";
    if (text_is(name, "iss", 3)) {
        record->issuer = text;
        return NULL;
    }
    if (record->kind != RECORD_NONE)
        return "a record must name only one of jti, sub, sid, kid, jkt or signing_input_sha256";
    for (enum record_kind kind = RECORD_NONE + 1; kind < RECORD_ISSUER; kind++) {
        if (text_is(name, kind_names[kind].at, kind_names[kind].bytes))
            record->kind = kind;
    }
    record->name = text;
    return NULL;
}

static bool is_lower_hex(struct text text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (strchr("0123456789abcdef", text.at[i]) == NULL)
            return false;
    }
    return true;
}

static const char *check(struct record *record, bool applies)
{
    uint8_t thumbprint[BASE64URL_DECODED_MAX(64)];
    size_t bytes;

    if (record->kind == RECORD_NONE) {
        if (record->before == SECONDS_NONE)
            return "a record must name one of jti, sub, sid, kid, jkt, signing_input_sha256, or have a `before` for all tokens of the issuer";
        record->kind = RECORD_ISSUER;
        return NULL;
    }
    if (record->kind == RECORD_SUB && applies && record->before == SECONDS_NONE)
        return "a `sub` needs a `before`; it revokes the subject's tokens issued until then";
    if (record->before != SECONDS_NONE && record->kind != RECORD_SUB && record->kind != RECORD_SID)
        return "`before` is allowed only with sub, sid, or the issuer alone";
    if (record->kind == RECORD_SIGNING_INPUT && (record->name.bytes != 64 || !is_lower_hex(record->name)))
        return "`signing_input_sha256` is not 64 lower-case hexadecimal digits";
    if (record->kind == RECORD_JKT &&
        (record->name.bytes != 43 || base64url_decode(record->name.at, 43, thumbprint, &bytes) < 0 || bytes != THUMBPRINT_BYTES))
        return "`jkt` is not a SHA-256 thumbprint in base64url (RFC 7638)";
    return NULL;
}

const char *record_read(const msgpack_object_map *map, bool applies, char digits[RECORD_DIGITS_BYTES], struct record *ret_record)
{
    struct record record = {.before = SECONDS_NONE, .exp = SECONDS_NONE};

    for (uint32_t i = 0; i < map->size; i++) {
        struct text name;

        if (!object_text(&map->ptr[i].key, &name))
            return "a member's name is not a string";
        bool counts = record_has_member(name) && map->ptr[i].val.type != MSGPACK_OBJECT_NIL; /* nil: as if it were absent */
        const char *why = counts ? read_member(&record, name, &map->ptr[i].val, digits) : NULL;

        if (why != NULL)
            return why;
    }
    const char *why = check(&record, applies);

    if (why == NULL)
        *ret_record = record;
    return why;
}

void record_set_exp(struct record *record, double now, double lifetime)
{
    bool endless =
        record->kind == RECORD_KID || record->kind == RECORD_JKT || (record->kind == RECORD_SID && record->before == SECONDS_NONE);

    double last = record->before != SECONDS_NONE ? fmax(now, (double)record->before) : now; /* when the last such token is issued */

    if (record->exp != SECONDS_NONE || lifetime <= 0 || endless)
        return;
    record->exp_is_ours = true;
    record->exp = (int64_t)fmin(last + lifetime, 9007199254740992.0) + 1;
}

static int add_part(EVP_MD_CTX *context, struct text part)
{
    uint8_t length[4] = {(uint8_t)(part.bytes >> 24), (uint8_t)(part.bytes >> 16), (uint8_t)(part.bytes >> 8), (uint8_t)part.bytes};

    return EVP_DigestUpdate(context, length, sizeof length) == 1 && EVP_DigestUpdate(context, part.at, part.bytes) == 1 ? 0 : -1;
}

struct hasher {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

struct hasher *hasher_new(void)
{
    struct hasher *hasher = calloc(1, sizeof *hasher);

    if (hasher == NULL)
        return NULL;
    hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    hasher->context = EVP_MD_CTX_new();
    if (hasher->sha256 != NULL && hasher->context != NULL)
        return hasher;
    hasher_free(hasher);
    return NULL;
}

void hasher_free(struct hasher *hasher)
{
    if (hasher == NULL)
        return;
    EVP_MD_free(hasher->sha256);
    EVP_MD_CTX_free(hasher->context);
    free(hasher);
}

int record_key(struct hasher *hasher, enum record_kind kind, struct text issuer, struct text name, uint8_t key[RECORD_KEY_BYTES])
{
    uint8_t digest[32], first = (uint8_t)kind;

    if (EVP_DigestInit_ex2(hasher->context, hasher->sha256, NULL) != 1 || EVP_DigestUpdate(hasher->context, &first, 1) != 1 ||
        add_part(hasher->context, issuer) < 0 || add_part(hasher->context, name) < 0 ||
        EVP_DigestFinal_ex(hasher->context, digest, NULL) != 1)
        return -1;
    memcpy(key, digest, RECORD_KEY_BYTES);
    return 0;
}

int hash_bytes(struct hasher *hasher, const void *bytes, size_t size, uint8_t digest[32])
{
    return EVP_DigestInit_ex2(hasher->context, hasher->sha256, NULL) == 1 && EVP_DigestUpdate(hasher->context, bytes, size) == 1 &&
                   EVP_DigestFinal_ex(hasher->context, digest, NULL) == 1
               ? 0
               : -1;
}

int hash_input(struct hasher *hasher, const struct token *token, uint8_t digest[32])
{
    if (!token->has_input_sha256)
        return hash_bytes(hasher, token->text.at, token->input_bytes, digest);
    memcpy(digest, token->input_sha256, sizeof token->input_sha256);
    return 0;
}
