/* Public test vectors through the functions that the agent decides with; README.md has where they come from. Each file is told with its
   valid and its invalid side apart: a verifier that refuses everything is right about every invalid one.

   usage: run_vectors FOLDER */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "agent/token/keyset.h"
#include "agent/token/verify.h"

#define BYTES_MAX 8192

/* Labels that a strict verifier of tokens does not follow, and what it does instead. */
static const struct exception {
    const char *file;
    int id;
    bool accepted;
    const char *why;
} exceptions[] = {
    {"json_web_signature", 346, false, "the key says PS256, the token PS384: a key is for one algorithm (RFC 8725 3.1)"},
    {"json_web_signature", 350, false, "the key says PS256, the token PS384: a key is for one algorithm (RFC 8725 3.1)"},
    {"json_web_signature", 347, false, "the key says ES521, which is no algorithm (RFC 7518 3.1 has ES512)"},
    {"json_web_signature", 351, false, "the key says ES521, which is no algorithm (RFC 7518 3.1 has ES512)"},
    {"json_web_signature", 367, true, "byte for byte the token of 357, which is labelled valid"},
    {"json_web_signature", 370, true, "byte for byte the token of 357, which is labelled valid"},
    {"json_web_signature", 372, false, "a `?` inside a segment is not base64url (RFC 4648 3.3)"},
    {"json_web_signature", 373, false, "a `?` inside a segment is not base64url (RFC 4648 3.3)"},
    {"json_web_key", 1, true, "a secret and a public key in one set: each verifies its own algorithm only, so nothing is mixed up"},
    {"json_web_key", 7, true, "a modulus with the ROCA fingerprint: the fingerprint of a factory is not a proof against a key"},
    {"rsa_signature_2048_sha256", 8, false, "acceptable: DigestInfo without its NULL; RFC 8017 9.2 always writes it"},
    {"rsa_signature_3072_sha384", 8, false, "acceptable: DigestInfo without its NULL; RFC 8017 9.2 always writes it"},
    {"rsa_signature_4096_sha512", 8, false, "acceptable: DigestInfo without its NULL; RFC 8017 9.2 always writes it"},
};

struct score {
    const char *file;
    unsigned valid, accepted, invalid, refused, excepted, not_admitted, wrong;
};

static struct verifier *verifier;
static struct token_room room;

static const struct exception *exception_of(const char *file, int id)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        if (exceptions[i].id == id && strcmp(exceptions[i].file, file) == 0)
            return &exceptions[i];
    }
    return NULL;
}

static void count(struct score *score, const json_t *test, bool accepted)
{
    int id = (int)json_integer_value(json_object_get(test, "tcId"));
    const char *result = json_string_value(json_object_get(test, "result"));
    const struct exception *exception = exception_of(score->file, id);
    bool valid = strcmp(result, "valid") == 0, expected = exception != NULL ? exception->accepted : valid;

    score->excepted += exception != NULL;
    if (exception == NULL && valid) {
        score->valid++;
        score->accepted += accepted;
    } else if (exception == NULL) {
        score->invalid++;
        score->refused += !accepted;
    }
    if (accepted == expected)
        return;
    score->wrong++;
    fprintf(stderr, "%s %d (%s): labelled %s, %s\n", score->file, id, json_string_value(json_object_get(test, "comment")), result,
            accepted ? "accepted" : "refused");
}

static size_t from_hex(const json_t *hex, uint8_t out[BYTES_MAX])
{
    const char *text = json_string_value(hex);
    size_t size = json_string_length(hex) / 2;

    if (text == NULL || size > BYTES_MAX) {
        fprintf(stderr, "a value is not hex, or longer than %d bytes\n", BYTES_MAX);
        exit(2);
    }
    for (size_t i = 0; i < size; i++) {
        unsigned byte;

        if (sscanf(text + 2 * i, "%2x", &byte) != 1)
            exit(2);
        out[i] = (uint8_t)byte;
    }
    return size;
}

/* A number without the zero that keeps ASN.1's from being negative. */
static size_t number_from_hex(const json_t *hex, uint8_t out[BYTES_MAX])
{
    size_t size = from_hex(hex, out), zeros = 0;

    while (zeros + 1 < size && out[zeros] == 0)
        zeros++;
    memmove(out, out + zeros, size - zeros);
    return size - zeros;
}

static struct key *group_key(const json_t *group, enum algorithm alg, const char **ret_why)
{
    static uint8_t first[BYTES_MAX], second[BYTES_MAX];
    const json_t *public = json_object_get(group, "publicKey");
    struct material material = {algorithm_facts[alg].kind, first, 0, second, 0};

    switch (material.kind) {
    case KEY_RSA:
        material.first_bytes = number_from_hex(json_object_get(public, "modulus"), first);
        material.second_bytes = number_from_hex(json_object_get(public, "publicExponent"), second);
        break;
    case KEY_ED25519:
        material.first_bytes = from_hex(json_object_get(public, "pk"), first);
        material.second = NULL;
        break;
    default: /* an uncompressed point: 4, x, y */
        material.first_bytes = from_hex(json_object_get(public, "uncompressed"), first);
        material.first_bytes = material.second_bytes = material.first_bytes / 2;
        memmove(first, first + 1, 2 * material.first_bytes);
        memcpy(second, first + material.first_bytes, material.first_bytes);
        break;
    }
    return key_admit(&material, alg, NULL, 0, ret_why);
}

static void run_signatures(const json_t *group, enum algorithm alg, struct score *score)
{
    static uint8_t message[BYTES_MAX], signature[BYTES_MAX];
    const char *why = NULL;
    struct key *key = group_key(group, alg, &why);
    const json_t *test;
    size_t i;

    json_array_foreach (json_object_get(group, "tests"), i, test) {
        size_t bytes = from_hex(json_object_get(test, "msg"), message), size = from_hex(json_object_get(test, "sig"), signature);

        score->not_admitted += key == NULL;
        count(score, test, key != NULL && signature_check(verifier, key, alg, message, bytes, signature, size) == SIGNATURE_GOOD);
    }
    if (key == NULL)
        fprintf(stderr, "%s: a key is not admitted: %s\n", score->file, why);
    key_free(key);
}

/* Tags that were cut, and keys shorter than the hash, are good for HMAC and no good for a JWS (RFC 7518 3.2). */
static void run_macs(const json_t *group, enum algorithm alg, struct score *score)
{
    static uint8_t message[BYTES_MAX], tag[BYTES_MAX], secret[BYTES_MAX];
    bool whole = json_integer_value(json_object_get(group, "tagSize")) == 8 * algorithm_facts[alg].digest_bytes;
    const json_t *test;
    size_t i;

    json_array_foreach (json_object_get(group, "tests"), i, test) {
        struct material material = {KEY_HMAC, secret, from_hex(json_object_get(test, "key"), secret), NULL, 0};
        bool long_enough = material.first_bytes >= algorithm_facts[alg].digest_bytes;
        size_t bytes = from_hex(json_object_get(test, "msg"), message), size = from_hex(json_object_get(test, "tag"), tag);
        const char *why;
        struct key *key = key_admit(&material, alg, NULL, 0, &why);
        bool good = key != NULL && signature_check(verifier, key, alg, message, bytes, tag, size) == SIGNATURE_GOOD;

        if (whole && long_enough) {
            count(score, test, good);
        } else {
            score->not_admitted++;
            score->wrong += good;
        }
        key_free(key);
    }
}

static bool accepts(const char *keys, size_t keys_bytes, const char *jws, size_t jws_bytes)
{
    char why[KEYSET_WHY_BYTES];
    struct keyset *set = keyset_parse(keys, keys_bytes, NULL, why);
    struct issuer issuer = {.algorithms = ALGORITHMS_ALL, .keys = set};
    const struct issuer *issuers[] = {&issuer};
    struct question question = {.issuers = issuers, .issuer_count = 1, .jws_only = true, .room = &room, .verifier = verifier};
    struct token token = token_of(jws, jws_bytes);
    bool accepted = set != NULL && token_check(&token, &question, STAGE_FORM, STAGE_NOW) == OUTCOME_ACCEPTED;

    keyset_drop(set);
    return accepted;
}

/* The key, or the set of keys, that a group verifies with. */
static char *group_keys(json_t *group)
{
    json_t *keys = json_object_get(group, "public");

    if (keys == NULL)
        keys = json_object_get(group, "private");
    json_t *set = json_object_get(keys, "keys") != NULL ? json_incref(keys) : json_pack("{s:[O]}", "keys", keys);
    char *text = json_dumps(set, JSON_COMPACT);

    json_decref(set);
    return text;
}

static void run_tokens(json_t *group, struct score *score)
{
    char *keys = group_keys(group);
    const json_t *test;
    size_t i;

    json_array_foreach (json_object_get(group, "tests"), i, test) {
        const json_t *jws = json_object_get(test, "jws");

        if (keys == NULL || !json_is_string(jws))
            exit(2);
        count(score, test, accepts(keys, strlen(keys), json_string_value(jws), json_string_length(jws)));
    }
    free(keys);
}

static bool run_file(const char *folder, const char *file, enum algorithm alg)
{
    struct score score = {.file = file};
    char path[4096];
    json_error_t error;
    json_t *group;
    size_t i;

    snprintf(path, sizeof path, "%s/%s_test.json", folder, file);
    json_t *root = json_load_file(path, JSON_ALLOW_NUL, &error);

    if (root == NULL) {
        fprintf(stderr, "%s: %s\n", path, error.text);
        return false;
    }
    json_array_foreach (json_object_get(root, "testGroups"), i, group) {
        if (alg == ALG_NONE)
            run_tokens(group, &score);
        else if (algorithm_facts[alg].kind == KEY_HMAC)
            run_macs(group, alg, &score);
        else
            run_signatures(group, alg, &score);
    }
    json_decref(root);
    printf("%-34s valid: accepted %3u of %3u; invalid: refused %3u of %3u; %u by exception, %u beside it, %u wrong\n", file, score.accepted,
           score.valid, score.refused, score.invalid, score.excepted, score.not_admitted, score.wrong);
    return score.wrong == 0 && score.valid > 0 && score.invalid > 0;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *file;
        enum algorithm alg;
    } files[] = {
        {"ecdsa_secp256r1_sha256_p1363", ALG_ES256}, {"ecdsa_secp384r1_sha384_p1363", ALG_ES384},
        {"ecdsa_secp521r1_sha512_p1363", ALG_ES512}, {"ed25519", ALG_EDDSA},
        {"rsa_signature_2048_sha256", ALG_RS256},    {"rsa_signature_3072_sha384", ALG_RS384},
        {"rsa_signature_4096_sha512", ALG_RS512},    {"rsa_pss_2048_sha256_mgf1_32", ALG_PS256},
        {"rsa_pss_3072_sha256_mgf1_32", ALG_PS256},  {"rsa_pss_2048_sha384_mgf1_48", ALG_PS384},
        {"rsa_pss_4096_sha512_mgf1_64", ALG_PS512},  {"hmac_sha256", ALG_HS256},
        {"hmac_sha384", ALG_HS384},                  {"hmac_sha512", ALG_HS512},
        {"json_web_signature", ALG_NONE},            {"json_web_key", ALG_NONE},
    };
    unsigned failed = 0;

    if (argc != 2 || (verifier = verifier_new(0)) == NULL) {
        fprintf(stderr, "usage: %s tests/vectors\n", argv[0]);
        return 2;
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        failed += !run_file(argv[1], files[i].file, files[i].alg);
    verifier_free(verifier);
    puts("by exception: the label is not followed, run.c says why; beside it: no JWS can be so (short secrets, cut tags)");
    return failed == 0 ? 0 : 1;
}
