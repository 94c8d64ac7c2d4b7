/* The checks after the signature: the issuer has signed the token; is it meant for this service, and valid now? */
#include "checks.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "pointer.h"

/* The largest number up to which a double represents all whole numbers (RFC 7159 section 6). */
#define SECONDS_MAX 9007199254740992.0

/* Is it this word, ignoring case and whatever joins its parts: Refresh, refresh_token, RefreshToken, refresh token? */
static bool is_word(const char *at, size_t bytes, const char *word)
{
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] == '_' || at[i] == '-' || at[i] == ' ')
            continue;
        if (*word == '\0' || (at[i] | 0x20) != *word)
            return false;
        word++;
    }
    return *word == '\0';
}

/* RFC 8693 section 3 defines urn:ietf:params:oauth:token-type:refresh_token; others append +jwt, as headers do. */
static bool says_no_access_token(const void *context, const char *at, size_t bytes)
{
    static const char *const words[] = {"refresh", "refreshtoken", "offline", "offlinetoken", "offlineaccess", "logout", "logouttoken"};
    const char *colon = memrchr(at, ':', bytes);

    (void)context;
    if (colon != NULL) {
        bytes -= (size_t)(colon + 1 - at);
        at = colon + 1;
    }
    if (bytes > 4 && strncasecmp(at + bytes - 4, "+jwt", 4) == 0)
        bytes -= 4;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (is_word(at, bytes, words[i]))
            return true;
    }
    return false;
}

static bool has_events(const struct claims *claims)
{
    return claims_have(claims, CLAIM_EVENTS) && claim_item(claims, CLAIM_EVENTS).type == WIRE_MAP;
}

/* Tokens that an issuer signs with the same keys, for the same audience, and that grant no access: security events (RFC 8417 section 2.2: `events`
   is an object), logout tokens (OpenID Connect Back-Channel Logout), refresh tokens: of Keycloak (typ), Django's Simple JWT (token_type),
   Flask-JWT-Extended (type), Cognito (token_use), and those that write these names as one word. */
enum outcome check_kind(struct token *token, const struct question *question)
{
    static const enum claim kinds[] = {CLAIM_TOKEN_USE, CLAIM_TYPE, CLAIM_TYP, CLAIM_TOKEN_TYPE, CLAIM_TOKEN_TYPE_JOINED, CLAIM_TOKEN_USE_JOINED};

    (void)question;
    if (has_events(&token->claims))
        return refuse(token, REASON_WRONG_TYPE);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (any_text(claim_cursor(&token->claims, kinds[i]), says_no_access_token, NULL))
            return refuse(token, REASON_WRONG_TYPE);
    }
    return OUTCOME_ACCEPTED;
}

enum outcome check_presence(struct token *token, const struct question *question)
{
    const struct issuer *issuer = token->issuer;
    struct wire_cursor ignored;

    (void)question;
    if (!claims_have(&token->claims, CLAIM_EXP) || !claims_have(&token->claims, audience_claim_of(issuer)))
        return refuse(token, REASON_MISSING_CLAIM);
    if (issuer->lifetime_max > 0 && !claims_have(&token->claims, CLAIM_IAT))
        return refuse(token, REASON_MISSING_CLAIM);
    for (unsigned i = 0; i < issuer->required.count; i++) {
        if (!claim_find(&token->claims, issuer->required.list[i], &ignored))
            return refuse(token, REASON_MISSING_CLAIM);
    }
    return OUTCOME_ACCEPTED;
}

/* NumericDate (RFC 7519 section 2), fractions allowed. An absent claim is fine and leaves *ret unchanged. */
static bool read_seconds(const struct token *token, enum claim claim, double *ret)
{
    struct wire_item item = claim_item(&token->claims, claim);
    double value;

    if (!claims_have(&token->claims, claim))
        return true;
    if (!item_number(&item, &value) || !isfinite(value) || value < 0 || value > SECONDS_MAX)
        return false;
    *ret = value;
    return true;
}

static bool is_text_if_present(const struct token *token, enum claim claim)
{
    return !claims_have(&token->claims, claim) || claim_item(&token->claims, claim).type == WIRE_STR;
}

static bool is_audience(struct wire_cursor aud)
{
    struct wire_item item, member;

    if (wire_next(&aud, &item) != WIRE_OK)
        return true; /* absent */
    if (item.type != WIRE_ARRAY)
        return item.type == WIRE_STR;
    for (uint32_t left = item.count; left > 0; left--) {
        if (wire_next(&aud, &member) != WIRE_OK || member.type != WIRE_STR)
            return false;
    }
    return true;
}

enum outcome check_claim_types(struct token *token, const struct question *question)
{
    bool holds = read_seconds(token, CLAIM_EXP, &token->exp) && read_seconds(token, CLAIM_NBF, &token->nbf) &&
                 read_seconds(token, CLAIM_IAT, &token->iat) && is_text_if_present(token, CLAIM_SUB) &&
                 is_text_if_present(token, CLAIM_JTI) && is_text_if_present(token, CLAIM_SID) &&
                 is_audience(claim_cursor(&token->claims, CLAIM_AUD)) &&
                 (token->issuer->audience_in == AUDIENCE_IN_AUD || is_text_if_present(token, audience_claim_of(token->issuer)));

    (void)question;
    return demand(token, holds, REASON_BAD_CLAIM);
}

static bool is_one_of(const struct claim_rule *rule, const struct wire_item *item)
{
    double number;

    for (unsigned i = 0; i < rule->count; i++) {
        if (rule->kinds[i] == VALUE_TEXT && item->type == WIRE_STR && text_is(rule->texts[i], item->str, item->count))
            return true;
        if (rule->kinds[i] == VALUE_BOOL && item->type == WIRE_BOOL && item->boolean == (rule->numbers[i] > 0))
            return true;
        if (rule->kinds[i] == VALUE_NUMBER && item_number(item, &number) && !(number < rule->numbers[i]) && !(number > rule->numbers[i]))
            return true;
    }
    return false;
}

bool claim_rule_holds(const struct claims *claims, const struct claim_rule *rule)
{
    struct wire_cursor value;
    struct wire_item item, member;

    if (!claims_find(claims, rule->claim, &value) || wire_next(&value, &item) != WIRE_OK)
        return false;
    if (item.type != WIRE_ARRAY)
        return is_one_of(rule, &item);
    for (uint32_t left = item.count; left > 0; left--) {
        struct wire_cursor at = value;

        if (wire_next(&at, &member) != WIRE_OK || wire_skip(&value) != WIRE_OK)
            return false;
        if (is_one_of(rule, &member))
            return true;
    }
    return false;
}

enum outcome check_claim_values(struct token *token, const struct question *question)
{
    const struct issuer *issuer = token->issuer;

    (void)question;
    for (unsigned i = 0; i < issuer->rule_count; i++) {
        if (!claim_rule_holds(&token->claims, &issuer->rules[i]))
            return refuse(token, REASON_CLAIM_MISMATCH);
    }
    /* Bound to a key of its holder (RFC 7800): used as a bearer token it may be stolen. */
    return demand(token, issuer->accepts_constrained || !claims_have(&token->claims, CLAIM_CNF), REASON_CLAIM_MISMATCH);
}

enum outcome check_expiry(struct token *token, const struct question *question)
{
    return demand(token, question->now < token->exp + token->issuer->leeway, REASON_EXPIRED);
}

/* A token from the future was issued by a wrong clock, or is not meant to be used yet. */
enum outcome check_not_before(struct token *token, const struct question *question)
{
    double earliest = (token->nbf > token->iat ? token->nbf : token->iat) - token->issuer->leeway;

    return demand(token, question->now >= earliest, REASON_NOT_YET_VALID);
}

static bool is_asked_for(const void *context, const char *at, size_t bytes)
{
    return text_is(*(const struct text *)context, at, bytes);
}

/* The configured audiences, and those of them that the caller may use. */
struct allowed {
    const struct texts *audiences;
    const struct bounds *bounds;
};

static bool is_allowed(const void *context, const char *at, size_t bytes)
{
    const struct allowed *allowed = context;

    return texts_have(allowed->audiences, at, bytes) &&
           (allowed->bounds == NULL || bounds_have_audience(allowed->bounds, at, bytes));
}

enum outcome check_audience(struct token *token, const struct question *question)
{
    const struct allowed allowed = {&token->issuer->audiences, question->bounds};
    struct text asked = question->audience;
    bool (*matches)(const void *, const char *, size_t) = asked.at != NULL ? is_asked_for : is_allowed;
    const void *wanted = asked.at != NULL ? (const void *)&asked : (const void *)&allowed;

    if (asked.at != NULL && !is_allowed(&allowed, asked.at, asked.bytes))
        return refuse(token, REASON_WRONG_AUDIENCE);
    if (!any_text(claim_cursor(&token->claims, audience_claim_of(token->issuer)), matches, wanted))
        return refuse(token, REASON_WRONG_AUDIENCE);
    if (claims_have(&token->claims, CLAIM_AUD) && !any_text(claim_cursor(&token->claims, CLAIM_AUD), matches, wanted))
        return refuse(token, REASON_WRONG_AUDIENCE);
    return OUTCOME_ACCEPTED;
}

enum outcome check_lifetime(struct token *token, const struct question *question)
{
    const struct issuer *issuer = token->issuer;

    (void)question;
    return demand(token, !(issuer->lifetime_max > 0) || token->exp - token->iat <= issuer->lifetime_max, REASON_LIFETIME_TOO_LONG);
}

enum outcome check_revocation(struct token *token, const struct question *question)
{
    const struct revocations *revocations = question->revocations;
    enum outcome outcome = revocations != NULL ? revocations->judge(revocations->context, token) : OUTCOME_ACCEPTED;

    return outcome == OUTCOME_REFUSED ? refuse(token, REASON_REVOKED) : outcome;
}

enum outcome check_mode(struct token *token, const struct question *question)
{
    (void)question;
    return demand(token, !token->issuer->shadow, REASON_UNKNOWN_ISSUER);
}
