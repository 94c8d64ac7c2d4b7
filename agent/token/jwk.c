/* JWK Sets (RFC 7517). A key that may not verify, or is malformed, is skipped with a warning that names it; the rest of the set stays (RFC 7517
   section 5). */
#include "keyset_build.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <jansson.h>
#include <openssl/crypto.h>

#include "base64url.h"

#define NUMBER_BYTES_MAX 2048 /* above every number that admission accepts */

struct number {
    uint8_t bytes[BASE64URL_DECODED_MAX(NUMBER_BYTES_MAX)];
    size_t size;
};

static int read_number(const json_t *jwk, const char *member, struct number *ret)
{
    const json_t *value = json_object_get(jwk, member);
    size_t size = json_string_length(value);

    if (!json_is_string(value) || size == 0 || size > NUMBER_BYTES_MAX)
        return -1;
    return base64url_decode(json_string_value(value), size, ret->bytes, &ret->size);
}

/* NULL, or why the key may not verify signatures (RFC 7517 4.2 to 4.4). */
static const char *refuse_use(const json_t *jwk)
{
    const json_t *use = json_object_get(jwk, "use"), *ops = json_object_get(jwk, "key_ops"), *op;
    bool verify = false;
    size_t i;

    if (use != NULL && !json_is_string(use))
        return "its `use` is not a string";
    if (use != NULL && strcmp(json_string_value(use), "sig") != 0)
        return "its `use` is not sig";
    if (ops == NULL)
        return NULL;
    if (!json_is_array(ops))
        return "its `key_ops` is not an array";
    json_array_foreach (ops, i, op) {
        if (!json_is_string(op))
            return "its `key_ops` contains an element that is not a string";
        verify = verify || strcmp(json_string_value(op), "verify") == 0;
    }
    return verify ? NULL : "its `key_ops` does not contain verify";
}

static enum key_kind kind_of(const json_t *jwk)
{
    const char *kty = json_string_value(json_object_get(jwk, "kty")), *crv = json_string_value(json_object_get(jwk, "crv"));

    if (kty == NULL)
        return KEY_NONE;
    if (strcmp(kty, "RSA") == 0)
        return KEY_RSA;
    if (strcmp(kty, "oct") == 0)
        return KEY_HMAC;
    if (crv == NULL)
        return KEY_NONE;
    if (strcmp(kty, "OKP") == 0)
        return strcmp(crv, "Ed25519") == 0 ? KEY_ED25519 : KEY_NONE;
    if (strcmp(kty, "EC") != 0)
        return KEY_NONE;
    if (strcmp(crv, "P-256") == 0)
        return KEY_P256;
    if (strcmp(crv, "P-384") == 0)
        return KEY_P384;
    return strcmp(crv, "P-521") == 0 ? KEY_P521 : KEY_NONE;
}

/* The members that contain the numbers of each type of key. */
static const struct {
    const char *first;
    const char *second;
} members[] = {
    [KEY_RSA] = {"n", "e"}, [KEY_P256] = {"x", "y"},     [KEY_P384] = {"x", "y"},
    [KEY_P521] = {"x", "y"}, [KEY_ED25519] = {"x", NULL}, [KEY_HMAC] = {"k", NULL},
};

/* *ret_spoils: it is meant for signatures, and damaged or too weak. */
static struct key *read_key(const json_t *jwk, const char **ret_why, bool *ret_spoils)
{
    const json_t *alg_name = json_object_get(jwk, "alg"), *kid = json_object_get(jwk, "kid");
    enum key_kind kind = kind_of(jwk);
    enum algorithm alg = ALG_NONE;
    struct number first, second = {.size = 0};

    *ret_why = "its `kty` or `crv` is not supported";
    if (kind == KEY_NONE)
        return NULL;
    *ret_why = "its `kid` is not a string";
    if (kid != NULL && !json_is_string(kid))
        return NULL;
    *ret_why = "its `alg` is not a supported signature algorithm";
    if (alg_name != NULL) {
        if (!json_is_string(alg_name))
            return NULL;
        alg = algorithm_by_name(json_string_value(alg_name), json_string_length(alg_name));
        if (alg == ALG_NONE)
            return NULL;
    }
    if ((*ret_why = refuse_use(jwk)) != NULL)
        return NULL;
    *ret_spoils = true;
    *ret_why = "one of its numbers is missing or not base64url";
    if (read_number(jwk, members[kind].first, &first) < 0)
        return NULL;
    if (members[kind].second != NULL && read_number(jwk, members[kind].second, &second) < 0)
        return NULL;
    struct material material = {kind, first.bytes, first.size, members[kind].second != NULL ? second.bytes : NULL, second.size};
    struct key *key = key_admit(&material, alg, json_string_value(kid), json_string_length(kid), ret_why);

    OPENSSL_cleanse(&first, sizeof first);
    return key;
}

static void add_jwk(struct keyset *set, const json_t *jwk, size_t index)
{
    const char *kid = json_string_value(json_object_get(jwk, "kid")), *why = "it is not a JSON object";
    bool spoils = false;
    struct key *key = json_is_object(jwk) ? read_key(jwk, &why, &spoils) : NULL;

    if (json_object_get(jwk, "d") != NULL || json_object_get(jwk, "k") != NULL)
        set->has_secrets = true;
    if (key == NULL && spoils)
        keyset_spoil(set, kid);
    set->incomplete = set->incomplete || (key == NULL && why == key_failed);
    if (key != NULL)
        keyset_add(set, key);
    else
        keyset_skip(set, "key %zu (kid %.64s) is skipped: %s", index + 1, kid != NULL ? kid : "none", why);
}

/* If jansson gets no memory for a letter of a string, it leaves the letter out and continues. So failed allocations are recorded. */
static _Thread_local bool in_vain;
static once_flag noting = ONCE_FLAG_INIT;

static void *get_memory(size_t size)
{
    void *memory = malloc(size);

    in_vain = in_vain || memory == NULL;
    return memory;
}

/* It may have contained a secret. */
static void wipe_memory(void *memory)
{
    if (memory != NULL)
        OPENSSL_cleanse(memory, malloc_usable_size(memory));
    free(memory);
}

static void note_memory(void)
{
    json_set_alloc_funcs(get_memory, wipe_memory);
}

static json_t *read_json(const char *text, size_t size, json_error_t *error)
{
    call_once(&noting, note_memory);
    in_vain = false;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, error);

    if (!in_vain)
        return root;
    json_decref(root);
    snprintf(error->text, sizeof error->text, "out of memory");
    return NULL;
}

json_t *jwk_read(const char *text, size_t size, char why[KEYSET_WHY_BYTES])
{
    json_error_t error;
    json_t *root = read_json(text, size, &error), *keys = json_object_get(root, "keys");

    if (root == NULL) {
        snprintf(why, KEYSET_WHY_BYTES, "line %d, column %d: %s; expected a JWK Set, {\"keys\": [...]}, or PEM public keys", error.line,
                 error.column, error.text);
        return NULL;
    }
    if (json_is_array(keys) && json_array_size(keys) <= KEY_SET_KEYS_MAX)
        return root;
    if (!json_is_array(keys))
        snprintf(why, KEYSET_WHY_BYTES, "it has no `keys` array; a JWK Set is {\"keys\": [...]} (RFC 7517 section 5)");
    else
        snprintf(why, KEYSET_WHY_BYTES, "it has %zu keys; at most %d are read", json_array_size(keys), KEY_SET_KEYS_MAX);
    json_decref(root);
    return NULL;
}

struct keyset *jwk_parse_set(const char *text, size_t size, char why[KEYSET_WHY_BYTES])
{
    json_t *root = jwk_read(text, size, why), *keys = json_object_get(root, "keys"), *jwk;
    struct keyset *set = root != NULL ? keyset_new((unsigned)json_array_size(keys)) : NULL;
    size_t i;

    if (root != NULL && set == NULL)
        snprintf(why, KEYSET_WHY_BYTES, "out of memory");
    if (set != NULL) {
        json_array_foreach (keys, i, jwk)
            add_jwk(set, jwk, i);
    }
    json_decref(root);
    return set;
}
