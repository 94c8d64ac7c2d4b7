#include "answer.h"

static bool is_constrained(const struct token *token)
{
    return claims_have(&token->claims, CLAIM_CNF);
}

size_t answer_head_room(const struct token *token)
{
    return token->claims.bytes + token->issuer->names.list[0].bytes + 64;
}

void answer_put_head(struct wire_writer *writer, const struct token *token)
{
    const struct text *issuer = &token->issuer->names.list[0];

    wire_put_map(writer, is_constrained(token) ? 8 : 7); /* and the decision's id, by the caller */
    wire_put_text(writer, "active");
    wire_put_bool(writer, true);
    wire_put_text(writer, "claims"); /* ANSWER_CLAIMS_AT: 1 + 7 + 1 + 7 bytes */
    wire_put_raw(writer, token->claims.wire, token->claims.bytes);
    wire_put_text(writer, "issuer");
    wire_put_str(writer, issuer->at, issuer->bytes);
    wire_put_text(writer, "expires_at");
    wire_put_uint(writer, (uint64_t)token->exp);
    wire_put_text(writer, "key_age");
}

void answer_put_tail(struct wire_writer *writer, const struct token *token, int64_t revocation_age)
{
    static const uint8_t age[] = "\xaerevocation_age";
    static const uint8_t constrained[] = "\xb2sender_constrained\xc3";

    wire_put_raw(writer, age, sizeof age - 1);
    if (revocation_age < 0)
        wire_put_nil(writer); /* no feed applies, so there is no age */
    else
        wire_put_uint(writer, (uint64_t)revocation_age);
    if (is_constrained(token))
        wire_put_raw(writer, constrained, sizeof constrained - 1);
}
