#include "adapt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "keyset.h"

/* Of its header, at NULL: it has no such text. */
static struct text header_text(const struct token *token, struct text name)
{
    struct claims header;
    struct wire_cursor value;
    struct wire_item item;

    claims_index(&header, token->header.at, (size_t)(token->header.end - token->header.at));
    if (!claim_find(&header, name, &value) || wire_next(&value, &item) != WIRE_OK || item.type != WIRE_STR)
        return (struct text){NULL, 0};
    return (struct text){item.str, item.count};
}

static bool has_kid(const struct issuer *issuer, const struct token *token)
{
    const struct key *keys[TOKEN_KEYS_TRIED_MAX];
    unsigned count;

    return issuer->keys != NULL && token->kid.at != NULL &&
           keyset_choose(issuer->keys, token->alg, token->kid.at, token->kid.bytes, keys, &count) != CHOICE_NONE;
}

/* Without `iss`. One whose keys are fetched stands for a kid that nobody has: a fetch may bring it. */
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

/* Claims that are being changed where they lie. */
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

/* Laravel, Django and others have numbers for `sub` and `jti`, which RFC 7519 has as texts. */
static int make_text(struct payload *payload, const struct claims *claims, enum claim claim)
{
    struct wire_cursor value = claim_cursor(claims, claim), before = value;
    struct wire_item item;
    struct wire_writer writer;
    char digits[24];
    uint8_t text[sizeof digits + 8];

    if (!claims_have(claims, claim) || wire_next(&value, &item) != WIRE_OK || (item.type != WIRE_UINT && item.type != WIRE_INT))
        return 0;
    if (item.type == WIRE_UINT)
        snprintf(digits, sizeof digits, "%" PRIu64, item.uint);
    else
        snprintf(digits, sizeof digits, "%" PRId64, item.sint);
    wire_writer_init(&writer, text, sizeof text);
    wire_put_text(&writer, digits);
    return replace(payload, (size_t)(before.at - payload->at), (size_t)(value.at - before.at), text, wire_written(&writer));
}

/* RFC 7515 section 4.1 and RFC 7797: of the signature, and not of the claims. */
static bool is_about_signature(const struct wire_item *name)
{
    static const char *const names[] = {"alg", "jku", "jwk", "kid", "x5u", "x5c", "x5t", "x5t#S256", "typ", "cty", "crit", "b64"};
    bool is = false;

    for (size_t i = 0; i < sizeof names / sizeof *names && !is; i++)
        is = wire_is(name, names[i]);
    return is;
}

/* Claims may stand in the header (RFC 7519 section 5.3). What the payload says counts. */
static int add_from_header(struct payload *payload, const struct claims *claims, struct wire_cursor header)
{
    struct wire_cursor start = {payload->at, payload->at + payload->bytes}, after_head = start, ignored;
    struct wire_item map, name, pairs;
    struct wire_writer writer;
    uint8_t head[8];
    uint32_t added = 0;

    if (wire_next(&after_head, &map) != WIRE_OK || wire_next(&header, &pairs) != WIRE_OK)
        return -1;
    for (uint32_t left = pairs.count; left > 0; left--) {
        const uint8_t *pair = header.at;

        if (wire_next(&header, &name) != WIRE_OK || wire_skip(&header) != WIRE_OK)
            return -1;
        if (is_about_signature(&name) || claim_find(claims, (struct text){name.str, name.count}, &ignored))
            continue;
        if (replace(payload, payload->bytes, 0, pair, (size_t)(header.at - pair)) < 0)
            return -1;
        added++;
    }
    wire_writer_init(&writer, head, sizeof head);
    wire_put_map(&writer, map.count + added);
    return replace(payload, 0, (size_t)(after_head.at - start.at), head, wire_written(&writer));
}

int adapt_claims(struct token *token, struct token_room *room)
{
    static const enum claim numbers[] = {CLAIM_SUB, CLAIM_JTI, CLAIM_SID};
    const struct issuer *issuer = token->issuer;
    struct payload payload = {room->payload, token->claims.bytes, sizeof room->payload};

    if (issuer->named_by == NAMED_BY_HEADER) {
        if (add_from_header(&payload, &token->claims, token->header) < 0)
            return -1;
        claims_index(&token->claims, payload.at, payload.bytes);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if ((issuer->numeric_claims & CLAIM_BIT(numbers[i])) == 0)
            continue;
        if (make_text(&payload, &token->claims, numbers[i]) < 0)
            return -1;
        claims_index(&token->claims, payload.at, payload.bytes);
    }
    return 0;
}
