#include "keyset.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/wire/utf8.h"
#include "keyset_build.h"

struct keyset *keyset_new(unsigned room)
{
    struct keyset *set = calloc(1, sizeof *set + room * sizeof *set->keys);

    if (set != NULL)
        set->references = 1;
    return set;
}

struct keyset *keyset_none(void)
{
    return keyset_new(0);
}

void keyset_skip(struct keyset *set, const char *format, ...)
{
    va_list arguments;

    set->skipped++;
    if (set->warnings == KEY_SET_WARNINGS_MAX)
        return;
    va_start(arguments, format);
    if (vasprintf(&set->warning[set->warnings], format, arguments) >= 0)
        set->warnings++;
    va_end(arguments);
}

void keyset_spoil(struct keyset *set, const char *kid)
{
    char *copy = kid != NULL ? strdup(kid) : NULL;
    char **more = copy != NULL ? realloc(set->spoilt, (set->spoilt_count + 1) * sizeof *set->spoilt) : NULL;

    if (more == NULL) {
        free(copy);
        set->incomplete = set->incomplete || kid != NULL;
        return;
    }
    set->spoilt = more;
    set->spoilt[set->spoilt_count++] = copy;
}

static bool is_spoilt(const struct keyset *set, const char *kid, size_t kid_bytes)
{
    for (unsigned i = 0; i < set->spoilt_count; i++) {
        if (strlen(set->spoilt[i]) == kid_bytes && memcmp(set->spoilt[i], kid, kid_bytes) == 0)
            return true;
    }
    return false;
}

static bool same_kid(const struct key *a, const struct key *b)
{
    if (a->kid == NULL || b->kid == NULL)
        return a->kid == b->kid;
    return a->kid_bytes == b->kid_bytes && memcmp(a->kid, b->kid, a->kid_bytes) == 0;
}

static bool same_material(const struct key *a, const struct key *b)
{
    return memcmp(a->thumbprint, b->thumbprint, THUMBPRINT_BYTES) == 0;
}

/* The same material twice, for the same use, is one key. With two kids it keeps both. */
void keyset_add(struct keyset *set, struct key *key)
{
    for (unsigned i = 0; i < set->count; i++) {
        if (same_material(set->keys[i], key) && same_kid(set->keys[i], key) && set->keys[i]->alg == key->alg) {
            key_free(key);
            return;
        }
    }
    set->keys[set->count++] = key;
}

/* Is there an algorithm whose tokens may be signed by either? */
static bool may_be_mistaken(const struct key *a, const struct key *b)
{
    bool alike = false;

    for (enum algorithm alg = ALG_NONE + 1; alg < ALG_COUNT && !alike; alg++)
        alike = key_fits(a, alg) && key_fits(b, alg);
    return alike && same_kid(a, b) && !same_material(a, b);
}

static void note_shared(struct keyset *set, const struct key *key, unsigned like)
{
    char kid[80] = "no kid";

    set->shared_kids++;
    if (set->note[0] != '\0')
        return;
    if (key->kid != NULL)
        snprintf(kid, sizeof kid, "the kid `%.64s`", key->kid);
    if (like > TOKEN_KEYS_TRIED_MAX)
        snprintf(set->note, sizeof set->note, "%u keys of one type have %s: the agent tries a token with the first %d of them only, and one signed "
                                              "by another is bad_signature", like,
                 kid, TOKEN_KEYS_TRIED_MAX);
    else
        snprintf(set->note, sizeof set->note, "%u keys of one type have %s: the agent tries a token with each of them", like, kid);
}

/* Notes each kid with the first key that has it. */
static void look_for_shared(struct keyset *set)
{
    for (unsigned i = 0; i < set->count; i++) {
        unsigned like = 1;
        bool noted = false;

        for (unsigned k = 0; k < set->count && !noted; k++) {
            if (k == i || !may_be_mistaken(set->keys[i], set->keys[k]))
                continue;
            noted = k < i;
            like++;
        }
        if (!noted && like > 1)
            note_shared(set, set->keys[i], like);
    }
}

struct keyset *keyset_parse(const char *text, size_t size, const char *kid, char why[KEYSET_WHY_BYTES])
{
    struct keyset *set;

    if (size > KEY_FILE_BYTES_MAX) {
        snprintf(why, KEYSET_WHY_BYTES, "it has %zu bytes; a key set has at most %d", size, KEY_FILE_BYTES_MAX);
        return NULL;
    }
    utf8_skip_mark(&text, &size);
    if (memmem(text, size, "-----BEGIN ", 11) != NULL && memchr(text, '{', size) == NULL) {
        set = pem_parse(text, size, kid, why);
    } else if (kid != NULL) {
        snprintf(why, KEYSET_WHY_BYTES, "`kid` applies only to a PEM file; the keys of a JWK Set have their own `kid`");
        return NULL;
    } else {
        set = jwk_parse_set(text, size, why);
    }
    if (set != NULL)
        look_for_shared(set);
    if (set == NULL || (set->count > 0 && !set->incomplete))
        return set;
    if (set->incomplete)
        snprintf(why, KEYSET_WHY_BYTES, "out of memory");
    else
        snprintf(why, KEYSET_WHY_BYTES, "it has no usable key%s%s", set->warnings > 0 ? ": " : "", set->warnings > 0 ? set->warning[0] : "");
    keyset_drop(set);
    return NULL;
}

struct keyset *keyset_hold(struct keyset *set)
{
    set->references++;
    return set;
}

void keyset_drop(struct keyset *set)
{
    if (set == NULL || --set->references > 0)
        return;
    for (unsigned i = 0; i < set->count; i++)
        key_free(set->keys[i]);
    for (unsigned i = 0; i < set->warnings; i++)
        free(set->warning[i]);
    for (unsigned i = 0; i < set->spoilt_count; i++)
        free(set->spoilt[i]);
    free(set->spoilt);
    free(set);
}

static bool has_name(const struct key *key, const char *kid, size_t kid_bytes)
{
    return key->kid != NULL && key->kid_bytes == kid_bytes && memcmp(key->kid, kid, kid_bytes) == 0;
}

/* Does the token's kid name this key? A token without a kid may mean any key; if the set has a single key and that has no kid, any token may mean
   it. */
static bool is_named(const struct keyset *set, const struct key *key, const char *kid, size_t kid_bytes)
{
    if (kid == NULL || (set->count == 1 && key->kid == NULL))
        return true;
    return has_name(key, kid, kid_bytes);
}

enum choice keyset_choose(const struct keyset *set, enum algorithm alg, const char *kid, size_t kid_bytes,
                          const struct key *ret_keys[TOKEN_KEYS_TRIED_MAX], unsigned *ret_count)
{
    unsigned count = 0;
    bool named_but_unfit = false;

    *ret_count = 0;
    if (kid != NULL && is_spoilt(set, kid, kid_bytes))
        return CHOICE_NONE;
    for (unsigned i = 0; i < set->count && count < TOKEN_KEYS_TRIED_MAX; i++) {
        const struct key *key = set->keys[i];

        if (!is_named(set, key, kid, kid_bytes))
            continue;
        if (!key_fits(key, alg)) {
            named_but_unfit = true;
            continue;
        }
        bool twice = false;

        for (unsigned k = 0; k < count; k++)
            twice = twice || same_material(ret_keys[k], key);
        if (!twice)
            ret_keys[count++] = key;
    }
    *ret_count = count;
    if (count > 0)
        return CHOICE_KEYS;
    return named_but_unfit ? CHOICE_WRONG_ALGORITHM : CHOICE_NONE;
}

bool keyset_names(const struct keyset *keyset, const char *kid, size_t kid_bytes)
{
    bool names = false;

    for (unsigned i = 0; i < keyset->count && !names; i++)
        names = has_name(keyset->keys[i], kid, kid_bytes);
    return names;
}
