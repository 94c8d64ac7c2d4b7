/* Makes a new issuer for each token. That costs next to nothing compared with the signature, and no state of one token can affect the
   next. */
#include "inspection.h"

#include <stdlib.h>
#include <string.h>

#include "owned.h"

bool inspector_init(struct inspector *inspector)
{
    inspector->room = calloc(1, sizeof *inspector->room);
    inspector->verifier = verifier_new(0);
    return inspector->room != NULL && inspector->verifier != NULL;
}

void inspector_fini(struct inspector *inspector)
{
    free(inspector->room);
    verifier_free(inspector->verifier);
}

/* Reads the payload leniently before any check, only to learn what the token says of itself. NULL if it cannot be read; then the checks
   refuse it too. */
static json_t *peek(struct text token)
{
    const char *first = memchr(token.at, '.', token.bytes);
    size_t rest = first != NULL ? token.bytes - (size_t)(first + 1 - token.at) : 0;
    const char *second = first != NULL ? memchr(first + 1, '.', rest) : NULL;

    if (second == NULL)
        return NULL;
    size_t characters = (size_t)(second - first - 1), bytes;
    uint8_t *payload CLEANUP_FREE = malloc(BASE64URL_DECODED_MAX(characters));

    if (payload == NULL || base64url_decode(first + 1, characters, payload, &bytes) < 0)
        return NULL;
    return json_loadb((const char *)payload, bytes, 0, NULL);
}

static struct text text_of(const json_t *string)
{
    return (struct text){json_string_value(string), json_string_length(string)};
}

/* Appends the strings of a claim that is a string, or an array with strings. */
static void add_own(struct texts *texts, const json_t *claim)
{
    if (json_is_string(claim))
        texts->list[texts->count++] = text_of(claim);
    for (size_t i = 0; i < json_array_size(claim); i++)
        if (json_is_string(json_array_get(claim, i)))
            texts->list[texts->count++] = text_of(json_array_get(claim, i));
}

static void add(struct texts *texts, struct text asked, const json_t *own)
{
    if (asked.at != NULL)
        texts->list[texts->count++] = asked;
    else
        add_own(texts, own);
}

static void free_texts(struct texts *texts)
{
    free(texts->list);
}

enum outcome inspect(struct inspector *inspector, const struct inspection *inspection, enum reason *ret_reason)
{
    static struct text types[] = {{"jwt", 3}, {"at+jwt", 6}, {"", 0}};
    json_t *payload OWNED_JSON = peek(inspection->token);
    const json_t *aud = json_object_get(payload, "aud");
    struct texts names CLEANUP(free_texts) = {.list = calloc(1, sizeof *names.list)};
    struct texts audiences CLEANUP(free_texts) = {.list = calloc(1 + json_array_size(aud), sizeof *audiences.list)};

    if (names.list == NULL || audiences.list == NULL)
        return OUTCOME_UNDECIDED;
    if (inspection->issuer.at != NULL || json_is_string(json_object_get(payload, "iss")))
        add(&names, inspection->issuer, json_object_get(payload, "iss"));
    add(&audiences, inspection->audience, aud);

    const struct issuer issuer = {
        .names = names,
        .audiences = audiences,
        .algorithms = ALGORITHMS_ALL,
        .types = {types, sizeof types / sizeof types[0]},
        .keys = inspection->keys,
    };
    const struct issuer *const issuers[] = {&issuer};
    const struct question question = {
        .issuers = issuers,
        .issuer_count = 1,
        .now = inspection->now,
        .jws_only = inspection->jws,
        .room = inspector->room,
        .verifier = inspector->verifier,
        .observe = inspection->observe,
        .observer = inspection->observer,
    };
    struct token token = token_of(inspection->token.at, inspection->token.bytes);
    enum outcome outcome = token_check(&token, &question, STAGE_FORM, STAGE_NOW);

    *ret_reason = token.reason;
    return outcome;
}
