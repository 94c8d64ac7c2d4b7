/* A key set's public part: what of it may be stored, and what its keys are read from. */
#include <stdio.h>
#include <string.h>

#include "keyset_build.h"

/* Everything that admission reads (jwk.c), without private halves and the bytes of secrets. */
static const char *const members[] = {"kty", "kid", "alg", "use", "key_ops", "crv", "n", "e", "x", "y"};

/* If a key's private half is published, everybody can sign with it: without its numbers it becomes a damaged key, and its kid no longer identifies
   a key. */
static json_t *public_of(json_t *jwk)
{
    bool is_told = json_object_get(jwk, "d") != NULL || json_object_get(jwk, "k") != NULL;
    json_t *kept = json_object();

    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *member = json_object_get(jwk, members[i]);

        if (member != NULL && !(is_told && strlen(members[i]) == 1) && json_object_set(kept, members[i], member) < 0) {
            json_decref(kept);
            return NULL;
        }
    }
    return kept;
}

static int add_public(json_t *list, json_t *jwk)
{
    if (!json_is_object(jwk))
        return json_array_append(list, jwk);
    return json_array_append_new(list, public_of(jwk)); /* fails for NULL */
}

static char *public_text(json_t *keys)
{
    json_t *list = json_array(), *root = json_object(), *jwk;
    int status = list != NULL && root != NULL ? 0 : -1;
    size_t i;

    json_array_foreach(keys, i, jwk) status = status == 0 ? add_public(list, jwk) : -1;
    if (status == 0)
        status = json_object_set(root, "keys", list);
    char *text = status == 0 ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(list);
    json_decref(root);
    return text;
}

char *keyset_public(const char *text, size_t size, size_t *ret_size, char why[KEYSET_WHY_BYTES])
{
    json_t *root = jwk_read(text, size, why);
    char *kept = root != NULL ? public_text(json_object_get(root, "keys")) : NULL;

    if (root != NULL && kept == NULL)
        snprintf(why, KEYSET_WHY_BYTES, "out of memory");
    if (kept != NULL)
        *ret_size = strlen(kept);
    json_decref(root);
    return kept;
}
