#include "adapt.h"

#include <string.h>

#include "keyset.h"

/* A string from the header, at NULL: absent or not a string. */
static struct text header_text(const struct token *token, const char *name)
{
    struct wire_cursor value;
    struct wire_item item;

    if (!wire_find(token->header, name, &value) || wire_next(&value, &item) != WIRE_OK || item.type != WIRE_STR)
        return (struct text){NULL, 0};
    return (struct text){item.str, item.count};
}

static bool has_kid(const struct issuer *issuer, const struct token *token)
{
    return issuer->keys != NULL && token->kid.at != NULL && keyset_names(issuer->keys, token->kid.at, token->kid.bytes);
}

/* Without `iss`. An issuer whose keys are fetched is chosen for an unknown kid, because a fetch may bring it. */
static const struct issuer *find_by_kid(const struct token *token, const struct question *question)
{
    const struct issuer *fetched = NULL;

    for (unsigned i = 0; i < question->issuer_count; i++) {
        const struct issuer *issuer = question->issuers[i];

        if (issuer->named_by != NAMED_BY_KID)
            continue;
        if (has_kid(issuer, token))
            return issuer;
        if (issuer->fetches_keys || fetched == NULL)
            fetched = issuer;
    }
    return fetched;
}

const struct issuer *adapt_find_issuer(const struct token *token, const struct question *question)
{
    struct wire_item iss = claim_item(&token->claims, CLAIM_ISS);

    for (unsigned i = 0; i < question->issuer_count; i++) {
        const struct issuer *issuer = question->issuers[i];
        struct text name = issuer->named_by == NAMED_BY_HEADER ? header_text(token, issuer->parameter) : (struct text){NULL, 0};

        if (name.at != NULL && texts_have(&issuer->names, name.at, name.bytes))
            return issuer;
    }
    for (unsigned i = 0; iss.type == WIRE_STR && i < question->issuer_count; i++) {
        const struct issuer *issuer = question->issuers[i];

        if (issuer->named_by != NAMED_BY_HEADER && texts_have(&issuer->names, iss.str, iss.count))
            return issuer;
    }
    return claims_have(&token->claims, CLAIM_ISS) ? NULL : find_by_kid(token, question);
}

/* Claims that are changed in place. */
struct payload {
    uint8_t *at;
    size_t bytes, room;
};

static int replace(struct payload *payload, size_t at, size_t old_bytes, const void *bytes, size_t count)
{
    if (payload->bytes - old_bytes + count > payload->room)
        return -1;
    memmove(payload->at + at + count, payload->at + at + old_bytes, payload->bytes - at - old_bytes);
    memcpy(payload->at + at, bytes, count);
    payload->bytes += count - old_bytes;
    return 0;
}

/* Laravel, Django and others use numbers for `sub` and `jti`, which RFC 7519 defines as strings. */
static int make_text(struct payload *payload, const struct claims *claims, enum claim claim)
{
    struct wire_cursor value = claim_cursor(claims, claim), before = value;
    struct wire_item item;
    struct wire_writer writer;
    char room[DIGITS_BYTES];
    uint8_t text[sizeof room + 8];

    if (!claims_have(claims, claim) || wire_next(&value, &item) != WIRE_OK)
        return 0;
    struct text digits = item_digits(&item, room);

    if (digits.at == NULL)
        return 0;
    wire_writer_init(&writer, text, sizeof text);
    wire_put_str(&writer, digits.at, digits.bytes);
    return replace(payload, (size_t)(before.at - payload->at), (size_t)(value.at - before.at), text, wire_written(&writer));
}

bool header_is_about_signature(struct text name)
{
    static const char *const names[] = {"alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "b64"};
    bool is = false;

    for (size_t i = 0; i < sizeof names / sizeof *names && !is; i++)
        is = text_is(name, names[i], strlen(names[i]));
    return is;
}

/* Rewrites the map's head for `added` more pairs. */
static int grow_map(struct payload *payload, uint32_t added)
{
    struct wire_cursor cursor = {payload->at, payload->at + payload->bytes};
    struct wire_item map;
    struct wire_writer writer;
    uint8_t head[8];

    if (wire_next(&cursor, &map) != WIRE_OK)
        return -1;
    wire_writer_init(&writer, head, sizeof head);
    wire_put_map(&writer, map.count + added);
    return replace(payload, 0, (size_t)(cursor.at - payload->at), head, wire_written(&writer));
}

/* Claims may be in the header (RFC 7519 section 5.3). If the payload has the claim, too, the payload's counts. */
static int add_from_header(struct payload *payload, const struct claims *claims, struct wire_cursor header)
{
    struct wire_cursor ignored;
    struct wire_item name, pairs;
    uint32_t added = 0;

    if (wire_next(&header, &pairs) != WIRE_OK)
        return -1;
    for (uint32_t left = pairs.count; left > 0; left--) {
        const uint8_t *pair = header.at;

        if (wire_next(&header, &name) != WIRE_OK || wire_skip(&header) != WIRE_OK)
            return -1;
        struct text text = {name.str, name.count};

        if (header_is_about_signature(text) || claim_find(claims, text, &ignored))
            continue;
        if (replace(payload, payload->bytes, 0, pair, (size_t)(header.at - pair)) < 0)
            return -1;
        added++;
    }
    return grow_map(payload, added);
}

/* Sets `iss` to the issuer's configured name: the token's own `iss` named something else, or was absent. */
static int set_issuer(struct payload *payload, const struct claims *claims, struct text name)
{
    struct wire_cursor iss = claim_cursor(claims, CLAIM_ISS), value = iss;
    bool has_one = claims_have(claims, CLAIM_ISS);
    size_t at = has_one ? (size_t)(iss.at - payload->at) : payload->bytes;
    struct wire_writer writer;
    uint8_t head[16];

    if (has_one && wire_skip(&value) != WIRE_OK)
        return -1;
    wire_writer_init(&writer, head, sizeof head);
    if (!has_one)
        wire_put_text(&writer, "iss");
    wire_put_str_head(&writer, name.bytes);
    if (replace(payload, at, (size_t)(value.at - iss.at), head, wire_written(&writer)) < 0 ||
        replace(payload, at + wire_written(&writer), 0, name.at, name.bytes) < 0)
        return -1;
    return has_one ? 0 : grow_map(payload, 1);
}

static int make_texts(struct payload *payload, struct claims *claims, uint32_t numeric)
{
    static const enum claim numbers[] = {CLAIM_SUB, CLAIM_JTI, CLAIM_SID};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if ((numeric & CLAIM_BIT(numbers[i])) == 0)
            continue;
        if (make_text(payload, claims, numbers[i]) < 0)
            return -1;
        claims_index(claims, payload->at, payload->bytes);
    }
    return 0;
}

int adapt_numbers(struct claims *claims, uint32_t numeric, uint8_t *wire, size_t room)
{
    struct payload payload = {wire, claims->bytes, room};

    return make_texts(&payload, claims, numeric);
}

int adapt_claims(struct token *token, struct token_room *room)
{
    const struct issuer *issuer = token->issuer;
    struct payload payload = {room->payload, token->claims.bytes, sizeof room->payload};
    struct text name = issuer->names.list[0];

    if (issuer->named_by == NAMED_BY_HEADER) {
        name = header_text(token, issuer->parameter);
        if (add_from_header(&payload, &token->claims, token->header) < 0)
            return -1;
        claims_index(&token->claims, payload.at, payload.bytes);
    }
    if (issuer->named_by == NAMED_BY_HEADER || (issuer->named_by == NAMED_BY_KID && !claims_have(&token->claims, CLAIM_ISS))) {
        if (set_issuer(&payload, &token->claims, name) < 0)
            return -1;
        claims_index(&token->claims, payload.at, payload.bytes);
    }
    return make_texts(&payload, &token->claims, issuer->numeric_claims);
}
