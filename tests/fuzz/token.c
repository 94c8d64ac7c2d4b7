/* A token from anybody: never accepted but for words that a key of the set has really signed.

   By its first byte an input is a token as it goes over the wire (T), or header, newline, payload (S), which are then signed here with a
   secret of the set, so that the checks behind the signature are reached. Of a token that is accepted the second opinion is jansson's. */
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "agent/token/keyset.h"
#include "agent/token/verify.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/token_good.h"

#define NOW 1767225600.0
#define ISSUER "https://auth.example.com"

static const uint8_t secret[] = "a secret of the fuzz target, 32 bytes and more of it";

static struct issuer issuer, lenient; /* with every setting that takes more */
static struct verifier *verifier;

static void set_up(void)
{
    static struct text names[] = {{ISSUER, sizeof ISSUER - 1}}, audiences[] = {{"orders", 6}},
                       types[] = {{"jwt", 3}, {"at+jwt", 6}, {"", 0}};
    char why[KEYSET_WHY_BYTES], k[BASE64URL_ENCODED_MAX(sizeof secret)], text[sizeof good_keys + 256];

    base64url_encode(secret, sizeof secret - 1, k);
    snprintf(text, sizeof text, "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"s\",\"k\":\"%s\"},%s]}", k, good_keys);
    issuer.names = (struct texts){names, 1};
    issuer.audiences = (struct texts){audiences, 1};
    issuer.types = (struct texts){types, 3};
    issuer.algorithms = ALGORITHMS_ALL;
    issuer.leeway = 30;
    issuer.keys = keyset_parse(text, strlen(text), NULL, why);
    lenient = issuer;
    lenient.named_by = NAMED_BY_HEADER;
    lenient.parameter = "signer";
    lenient.audience_in = AUDIENCE_IN_CLIENT;
    lenient.takes_padding = true;
    lenient.numeric_claims = CLAIM_BIT(CLAIM_SUB) | CLAIM_BIT(CLAIM_JTI) | CLAIM_BIT(CLAIM_SID);
    verifier = verifier_new(0);
    CHECK(issuer.keys != NULL && verifier != NULL);
}

static bool was_signed(const char *token, size_t input_bytes)
{
    for (size_t i = 0; i < sizeof good_tokens / sizeof *good_tokens; i++) {
        const char *end = strrchr(good_tokens[i], '.');

        if ((size_t)(end - good_tokens[i]) == input_bytes && memcmp(good_tokens[i], token, input_bytes) == 0)
            return true;
    }
    return false;
}

static bool names_orders(json_t *aud)
{
    json_t *one;
    size_t i;

    if (json_is_string(aud))
        return strcmp(json_string_value(aud), "orders") == 0;
    json_array_foreach (aud, i, one) {
        if (json_is_string(one) && strcmp(json_string_value(one), "orders") == 0)
            return true;
    }
    return false;
}

static void check_accepted(const char *token, size_t input_bytes)
{
    static uint8_t header[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)], payload[BASE64URL_DECODED_MAX(TOKEN_BYTES_MAX)];
    const char *dot = memchr(token, '.', input_bytes);
    size_t header_bytes, payload_bytes;
    json_error_t error;

    CHECK(base64url_decode(token, (size_t)(dot - token), header, &header_bytes) == 0);
    CHECK(base64url_decode(dot + 1, input_bytes - (size_t)(dot + 1 - token), payload, &payload_bytes) == 0);
    json_t *head = json_loadb((const char *)header, header_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    json_t *claims = json_loadb((const char *)payload, payload_bytes, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    const char *iss = json_string_value(json_object_get(claims, "iss"));

    CHECK(head != NULL && claims != NULL && json_is_string(json_object_get(head, "alg")));
    CHECK(json_object_get(head, "crit") == NULL && json_object_get(head, "b64") == NULL && json_object_get(head, "zip") == NULL);
    CHECK(iss != NULL && strcmp(iss, ISSUER) == 0);
    CHECK(json_is_real(json_object_get(claims, "exp")) && NOW < json_real_value(json_object_get(claims, "exp")) + 30);
    CHECK(names_orders(json_object_get(claims, "aud")));
    CHECK(!json_is_object(json_object_get(claims, "events")) && json_object_get(claims, "cnf") == NULL);
    if (json_object_get(claims, "nbf") != NULL)
        CHECK(json_is_real(json_object_get(claims, "nbf")) && json_real_value(json_object_get(claims, "nbf")) <= NOW + 30);
    if (json_object_get(claims, "iat") != NULL)
        CHECK(json_is_real(json_object_get(claims, "iat")) && json_real_value(json_object_get(claims, "iat")) <= NOW + 30);
    json_decref(head);
    json_decref(claims);
}

static void judge(const char *text, size_t size, bool signed_here)
{
    static struct token_room room;
    const struct issuer *issuers[] = {&issuer};
    struct question question = {.issuers = issuers, .issuer_count = 1, .now = NOW, .room = &room, .verifier = verifier};
    struct token token = token_of(text, size);
    enum outcome outcome = token_check(&token, &question, STAGE_FORM, STAGE_NOW);

    CHECK(outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_REFUSED);
    if (outcome == OUTCOME_REFUSED) {
        CHECK(token.reason > REASON_NONE && token.reason <= REASON_REVOKED);
        return;
    }
    CHECK(token.key != NULL && (signed_here || was_signed(text, token.input_bytes)));
    check_accepted(text, token.input_bytes);
}

/* By the issuer that takes more, the claims are what everything behind the checks expects. */
static void judge_leniently(const char *text, size_t size)
{
    static struct token_room room;
    static const struct wire_limits limits = {.most_bytes = sizeof room.payload, .most_nodes = sizeof room.payload, .most_depth = WIRE_DEPTH_MAX};
    static const enum claim texts[] = {CLAIM_SUB, CLAIM_JTI, CLAIM_SID, CLAIM_CLIENT};
    const struct issuer *issuers[] = {&lenient};
    struct question question = {.issuers = issuers, .issuer_count = 1, .now = NOW, .room = &room, .verifier = verifier};
    struct token token = token_of(text, size);
    size_t bytes;

    if (token_check(&token, &question, STAGE_FORM, STAGE_NOW) != OUTCOME_ACCEPTED)
        return;
    CHECK(wire_measure(token.claims.wire, token.claims.bytes, &limits, &bytes) == WIRE_OK && bytes == token.claims.bytes);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        CHECK(!claims_have(&token.claims, texts[i]) || claim_item(&token.claims, texts[i]).type == WIRE_STR);
    CHECK(claims_have(&token.claims, CLAIM_CLIENT) && claim_item(&token.claims, CLAIM_EXP).type >= WIRE_UINT);
}

static void judge_signed(const uint8_t *data, size_t size)
{
    static char text[BASE64URL_ENCODED_MAX(TOKEN_BYTES_MAX) * 3];
    const uint8_t *newline = memchr(data, '\n', size);
    uint8_t mac[32];
    unsigned mac_bytes = sizeof mac;

    if (newline == NULL || size > TOKEN_BYTES_MAX)
        return;
    base64url_encode(data, (size_t)(newline - data), text);
    strcat(text, ".");
    base64url_encode(newline + 1, size - (size_t)(newline + 1 - data), text + strlen(text));
    CHECK(HMAC(EVP_sha256(), secret, sizeof secret - 1, (const uint8_t *)text, strlen(text), mac, &mac_bytes) != NULL);
    strcat(text, ".");
    base64url_encode(mac, sizeof mac, text + strlen(text));
    judge(text, strlen(text), true);
    judge_leniently(text, strlen(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (verifier == NULL)
        set_up();
    if (size > 0 && *data == 'S') {
        judge_signed(data + 1, size - 1);
    } else if (size > 0) {
        char *text = exactly(data + 1, size - 1);

        judge(text, size - 1, false);
        judge_leniently(text, size - 1);
        free(text);
    }
    return 0;
}
