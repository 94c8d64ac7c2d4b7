/* The claims of a token as MessagePack, and the position of each claim that verification needs. */
#ifndef ASSAY_CLAIMS_H
#define ASSAY_CLAIMS_H

#include "client/wire/wire.h"
#include "issuer.h"

/* X(NAME, name): the claims of RFC 7519 section 4.1, and those that providers add. */
#define CLAIMS(X) \
    X(ISS, "iss") X(SUB, "sub") X(AUD, "aud") X(EXP, "exp") X(NBF, "nbf") X(IAT, "iat") X(JTI, "jti") X(SID, "sid") \
    X(CLIENT_ID, "client_id") X(CLIENT, "client") X(CNF, "cnf") X(EVENTS, "events") X(TOKEN_USE, "token_use") X(TYPE, "type") X(TYP, "typ") \
    X(TOKEN_TYPE, "token_type") X(TOKEN_TYPE_JOINED, "tokenType") X(TOKEN_USE_JOINED, "tokenUse") \
    X(ROLES, "roles") X(ROLE, "role") X(SCOPE, "scope") X(SCP, "scp")

enum claim {
#define CLAIM_ENUM(name, text) CLAIM_##name,
    CLAIMS(CLAIM_ENUM)
#undef CLAIM_ENUM
        CLAIM_COUNT
};
#define CLAIM_BIT(claim) (UINT32_C(1) << (claim))

struct claims {
    const uint8_t *wire;
    size_t bytes;
    uint32_t at[CLAIM_COUNT]; /* position of each value in `wire`; 0: the token does not have the claim */
};

/* Finds the known claims. `wire` is output of json_to_wire. */
void claims_index(struct claims *claims, const uint8_t *wire, size_t bytes);

bool claims_have(const struct claims *claims, enum claim claim);

/* The claim in which the issuer's tokens name their audience. */
enum claim audience_claim_of(const struct issuer *issuer);

/* The claim's value, or the head of an array or map. Type 0: the token does not have the claim. */
struct wire_item claim_item(const struct claims *claims, enum claim claim);
struct wire_cursor claim_cursor(const struct claims *claims, enum claim claim);

/* Finds any claim by its name. False: the token does not have it. */
bool claim_find(const struct claims *claims, struct text name, struct wire_cursor *ret_value);

/* Does the claim, found by name or JSON pointer, equal one of the rule's values, or is it an array that contains one? */
bool claim_rule_holds(const struct claims *claims, const struct claim_rule *rule);

/* A number as a double; false if the item is not a number. */
bool item_number(const struct wire_item *item, double *ret);

/* The digits of a whole number; at NULL: it is not a whole number. */
#define DIGITS_BYTES 24
struct text item_digits(const struct wire_item *item, char room[DIGITS_BYTES]);

/* Calls `says` with the string, or with each string of the array. True: one of the calls returned true. */
bool any_text(struct wire_cursor value, bool (*says)(const void *context, const char *at, size_t bytes), const void *context);

#endif
