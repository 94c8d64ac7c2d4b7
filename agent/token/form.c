/* The checks before the signature: what the token says of itself, up to the keys that may have signed it. They ignore keys and addresses in a
   header (jwk, jku, x5c, x5u): the signer must not choose what it is verified with (RFC 8725 3.10). */
#include "checks.h"

#include <string.h>
#include <strings.h>

#include "adapt.h"
#include "json.h"

enum outcome check_size(struct token *token, const struct question *question)
{
    (void)question;
    return demand(token, token->text.bytes <= TOKEN_BYTES_MAX, REASON_TOO_LARGE);
}

/* With the padding of RFC 4648 section 4, or without. Whether padding is allowed is checked when the issuer is known. */
static int decode(struct token *token, const char *start, const char *end, uint8_t *out, size_t *ret_bytes)
{
    size_t bytes = (size_t)(end - start), padding = 0;

    while (bytes % 4 == 0 && padding < 2 && padding < bytes && start[bytes - padding - 1] == '=')
        padding++;
    token->is_padded = token->is_padded || padding > 0;
    return base64url_decode(start, bytes - padding, out, ret_bytes);
}

static bool somebody_takes_padding(const struct question *question)
{
    bool takes = false;

    for (unsigned i = 0; i < question->issuer_count && !takes; i++)
        takes = question->issuers[i]->takes_padding;
    return takes;
}

enum outcome check_segments(struct token *token, const struct question *question)
{
    const char *start = token->text.at, *end = start + token->text.bytes;
    const char *first = memchr(start, '.', token->text.bytes);
    const char *second = first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
        return refuse(token, REASON_MALFORMED);
    token->input_bytes = (size_t)(second - start);

    struct token_room *room = question->room;

    if (decode(token, start, first, room->header_json, &token->header_bytes) < 0 ||
        decode(token, first + 1, second, room->payload_json, &token->payload_bytes) < 0 ||
        decode(token, second + 1, end, room->signature, &token->signature_bytes) < 0 ||
        (token->is_padded && !somebody_takes_padding(question)))
        return refuse(token, REASON_MALFORMED);
    token->signature_at = room->signature;
    return OUTCOME_ACCEPTED;
}

/* A header parameter that must be a string if present. False: it is something else, and `why` is the fault. */
static bool read_text(struct wire_cursor header, const char *name, struct text *ret, const char *why, struct json_fault *fault)
{
    struct wire_cursor value;
    struct wire_item item;

    if (!wire_find(header, name, &value))
        return true;
    if (wire_next(&value, &item) != WIRE_OK || item.type != WIRE_STR) {
        fault->why = why;
        return false;
    }
    *ret = (struct text){item.str, item.count};
    return true;
}

static bool is_known(const struct known_header *known, const struct token *token, const struct token_room *room)
{
    return known->bytes == token->header_bytes && known->bytes > 0 && memcmp(known->json, room->header_json, known->bytes) == 0;
}

/* Parameters that change what the bytes mean. */
static bool changes_meaning(struct wire_cursor header, struct json_fault *fault)
{
    static const char *const names[][2] = {
        {"b64", "\"b64\" is for an unencoded payload, which a JWT cannot have (RFC 7797 section 7)"},
        {"zip", "\"zip\" is for compressed content, which a JWS cannot have (RFC 7516 section 4.1.3)"},
        {"enc", "\"enc\" marks an encrypted token (JWE, RFC 7516 section 4.1.2); only signed tokens are supported"},
    };
    struct wire_cursor ignored;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (wire_find(header, names[i][0], &ignored)) {
            fault->why = names[i][1];
            return true;
        }
    }
    return false;
}

/* Reads the header into `known`, which is marked unused until it has been read. */
static bool read_header(struct known_header *known, const uint8_t *json, size_t bytes, uint8_t *wire, size_t wire_bytes,
                        struct json_fault *fault)
{
    struct text alg = {NULL, 0}, cty = {NULL, 0};
    struct wire_cursor ignored;
    struct wire_writer writer;

    known->kid = known->typ = (struct text){NULL, 0};
    wire_writer_init(&writer, wire, wire_bytes);
    if (json_to_wire_or_why((const char *)json, bytes, TOKEN_HEADER_DEPTH_MAX, &writer, fault) < 0)
        return false;
    struct wire_cursor header = {writer.start, writer.at};

    fault->why = "there is no \"alg\" (RFC 7515 section 4.1.1)";
    if (!read_text(header, "alg", &alg, "\"alg\" is not a string (RFC 7515 section 4.1.1)", fault) ||
        !read_text(header, "kid", &known->kid, "\"kid\" is not a string (RFC 7515 section 4.1.4)", fault) ||
        !read_text(header, "typ", &known->typ, "\"typ\" is not a string (RFC 7515 section 4.1.9)", fault) ||
        !read_text(header, "cty", &cty, "\"cty\" is not a string (RFC 7515 section 4.1.10)", fault) || alg.at == NULL ||
        changes_meaning(header, fault))
        return false;
    known->alg = algorithm_by_name(alg.at, alg.bytes);
    known->has_crit = wire_find(header, "crit", &ignored);
    return true;
}

/* A header that was seen before, byte for byte, need not be read again. */
enum outcome check_header(struct token *token, const struct question *question)
{
    struct token_room *room = question->room;
    struct known_header *header = NULL, passing;
    bool fits = token->header_bytes <= KNOWN_HEADER_BYTES_MAX;

    for (unsigned i = 0; fits && i < KNOWN_HEADERS && header == NULL; i++) {
        if (is_known(&room->known[i], token, room))
            header = &room->known[i];
    }
    if (header == NULL) {
        header = fits ? &room->known[room->next_known] : &passing;
        header->bytes = 0;
        if (!read_header(header, room->header_json, token->header_bytes, fits ? header->wire : room->header,
                         fits ? sizeof header->wire : sizeof room->header, &token->fault))
            return refuse(token, REASON_MALFORMED);
        if (fits) {
            header->bytes = token->header_bytes;
            memcpy(header->json, room->header_json, header->bytes);
            room->next_known = (room->next_known + 1) % KNOWN_HEADERS;
        }
    }
    token->header = (struct wire_cursor){fits ? header->wire : room->header,
                                         fits ? header->wire + sizeof header->wire : room->header + sizeof room->header};
    token->alg = header->alg;
    token->has_crit = header->has_crit;
    token->kid = header->kid;
    token->typ = header->typ;
    return OUTCOME_ACCEPTED;
}

enum outcome check_algorithm_known(struct token *token, const struct question *question)
{
    (void)question;
    return demand(token, token->alg != ALG_NONE, REASON_UNSUPPORTED_ALGORITHM);
}

enum outcome check_crit(struct token *token, const struct question *question)
{
    (void)question;
    return demand(token, !token->has_crit, REASON_UNSUPPORTED_CRITICAL_HEADER);
}

enum outcome check_payload(struct token *token, const struct question *question)
{
    struct token_room *room = question->room;
    struct wire_writer writer;

    wire_writer_init(&writer, room->payload, sizeof room->payload);
    if (json_to_wire_or_why((const char *)room->payload_json, token->payload_bytes, TOKEN_PAYLOAD_DEPTH_MAX, &writer,
                            &token->fault) < 0)
        return refuse(token, REASON_MALFORMED);
    claims_index(&token->claims, writer.start, wire_written(&writer));
    return OUTCOME_ACCEPTED;
}

enum outcome check_issuer(struct token *token, const struct question *question)
{
    const struct issuer *issuer = adapt_find_issuer(token, question);

    if (token->is_padded && (issuer == NULL || !issuer->takes_padding))
        return refuse(token, REASON_MALFORMED);
    if (issuer == NULL && !claims_have(&token->claims, CLAIM_ISS))
        return refuse(token, REASON_MISSING_CLAIM);
    if (issuer == NULL && claim_item(&token->claims, CLAIM_ISS).type != WIRE_STR)
        return refuse(token, REASON_BAD_CLAIM);
    if (issuer == NULL || (question->bounds != NULL && !bounds_have_issuer(question->bounds, issuer)))
        return refuse(token, REASON_UNKNOWN_ISSUER); /* to this peer the issuer does not exist */
    token->issuer = issuer;
    return demand(token, adapt_claims(token, question->room) == 0, REASON_MALFORMED);
}

/* RFC 7515 4.1.9: a media type, compared without case; "application/" may be left out if no other slash follows. */
enum outcome check_typ(struct token *token, const struct question *question)
{
    static const char prefix[] = "application/";
    const struct texts *types = &token->issuer->types;
    struct text typ = token->typ;

    (void)question;
    if (typ.at == NULL)
        return demand(token, texts_have(types, "", 0), REASON_WRONG_TYPE);
    if (typ.bytes > sizeof prefix - 1 && strncasecmp(typ.at, prefix, sizeof prefix - 1) == 0) {
        typ.at += sizeof prefix - 1;
        typ.bytes -= sizeof prefix - 1;
    }
    for (unsigned i = 0; typ.bytes > 0 && i < types->count; i++) {
        if (types->list[i].bytes == typ.bytes && strncasecmp(types->list[i].at, typ.at, typ.bytes) == 0)
            return OUTCOME_ACCEPTED;
    }
    return refuse(token, REASON_WRONG_TYPE);
}

/* A JWS that is not a JWT names no issuer: the only configured one supplies its keys. */
static const struct issuer *issuer_of(struct token *token, const struct question *question)
{
    if (question->jws_only && token->issuer == NULL && question->issuer_count > 0)
        token->issuer = question->issuers[0];
    return token->issuer;
}

enum outcome check_algorithm_allowed(struct token *token, const struct question *question)
{
    const struct issuer *issuer = issuer_of(token, question);

    return demand(token, issuer != NULL && (issuer->algorithms & ALGORITHM_BIT(token->alg)) != 0, REASON_ALGORITHM_MISMATCH);
}

enum outcome check_key(struct token *token, const struct question *question)
{
    (void)question;
    if (token->issuer->keys == NULL)
        return refuse(token, REASON_UNKNOWN_KEY);
    switch (keyset_choose(token->issuer->keys, token->alg, token->kid.at, token->kid.bytes, token->keys, &token->key_count)) {
    case CHOICE_KEYS:
        return OUTCOME_ACCEPTED;
    case CHOICE_WRONG_ALGORITHM:
        return refuse(token, REASON_ALGORITHM_MISMATCH);
    default:
        return refuse(token, REASON_UNKNOWN_KEY);
    }
}

static void keep_sha256(struct token *token, const struct verifier *verifier)
{
    const uint8_t *sha256 = verifier_sha256(verifier);

    token->has_input_sha256 = sha256 != NULL;
    if (sha256 != NULL)
        memcpy(token->input_sha256, sha256, sizeof token->input_sha256);
}

enum outcome check_signature(struct token *token, const struct question *question)
{
    for (unsigned i = 0; i < token->key_count; i++) {
        switch (signature_check(question->verifier, token->keys[i], token->alg, token->text.at, token->input_bytes,
                                token->signature_at, token->signature_bytes)) {
        case SIGNATURE_GOOD:
            token->key = token->keys[i];
            keep_sha256(token, question->verifier);
            return OUTCOME_ACCEPTED;
        case SIGNATURE_BAD:
            break;
        default:
            return OUTCOME_UNDECIDED;
        }
    }
    return refuse(token, REASON_BAD_SIGNATURE);
}
