/* A key set from anybody: parsed or refused, and what is parsed is whole. The first byte says whether a kid is given beside it. */
#include "agent/token/keyset.h"
#include "agent/token/signature.h"
#include "tests/fuzz/target.h"

static void check_key(const struct key *key)
{
    static struct verifier *verifier;
    static const uint8_t signature[TOKEN_SIGNATURE_BYTES_MAX];

    if (verifier == NULL)
        verifier = verifier_new(0);
    CHECK(verifier != NULL && key->kind != KEY_NONE);
    CHECK(key->kind == KEY_HMAC ? key->pkey == NULL && key->secret_bytes >= 32 : key->pkey != NULL);
    CHECK((key->kid == NULL) == (key->kid_bytes == 0) || key->kid != NULL);
    for (enum algorithm alg = ALG_NONE + 1; alg < ALG_COUNT; alg++) {
        size_t size = key->kind == KEY_RSA ? (size_t)EVP_PKEY_get_size(key->pkey)
                      : key->kind == KEY_P384 ? 96
                      : key->kind == KEY_P521 ? 132
                                              : 64;

        CHECK(!key_fits(key, alg) || algorithm_facts[alg].kind == key->kind);
        CHECK(signature_check(verifier, key, alg, "input", 5, signature, size) != SIGNATURE_GOOD); /* zeros sign nothing */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct key *chosen[TOKEN_KEYS_TRIED_MAX];
    char why[KEYSET_WHY_BYTES] = "";
    unsigned count = 0;

    if (size == 0)
        return 0;
    char *text = exactly(data + 1, size - 1);
    struct keyset *set = keyset_parse(text, size - 1, (*data & 1) != 0 ? "k" : NULL, why);

    if (set == NULL) {
        CHECK(why[0] != '\0' && memchr(why, '\0', sizeof why) != NULL);
    } else {
        CHECK(set->count > 0 && set->count <= KEY_SET_KEYS_MAX && set->warnings <= set->skipped);
        for (unsigned i = 0; i < set->count && i < 4; i++) {
            check_key(set->keys[i]);
            for (enum algorithm alg = ALG_NONE + 1; alg < ALG_COUNT; alg++) {
                enum choice choice = keyset_choose(set, alg, set->keys[i]->kid, set->keys[i]->kid_bytes, chosen, &count);

                CHECK(choice != CHOICE_KEYS || (count > 0 && count <= TOKEN_KEYS_TRIED_MAX && key_fits(chosen[0], alg)));
            }
        }
    }
    keyset_drop(set);
    free(text);
    return 0;
}
