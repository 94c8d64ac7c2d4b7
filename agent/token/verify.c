/* The order of the checks. Cheap checks that refuse much come first, so that a flood of invalid tokens costs little. The signature comes before
   the claims, so that a caller who could not have made the token learns nothing about its content. Revocation comes last, because it concerns only
   good tokens, and on every call, because it changes. */
#include "verify.h"


#include "checks.h"

static const struct check {
    const char *name;
    enum stage stage;
    bool jws; /* also for a JWS that is not a JWT */
    enum outcome (*check)(struct token *token, const struct question *question);
} checks[] = {
    {"size", STAGE_FORM, true, check_size},
    {"segments", STAGE_FORM, true, check_segments},
    {"header", STAGE_FORM, true, check_header},
    {"algorithm known", STAGE_FORM, true, check_algorithm_known},
    {"crit", STAGE_FORM, true, check_crit},
    {"payload", STAGE_FORM, false, check_payload},
    {"issuer", STAGE_FORM, false, check_issuer},
    {"typ", STAGE_FORM, false, check_typ},
    {"algorithm allowed", STAGE_FORM, true, check_algorithm_allowed},
    {"key", STAGE_FORM, true, check_key},
    {"signature", STAGE_SIGNATURE, true, check_signature},
    {"kind of token", STAGE_CLAIMS, false, check_kind},
    {"claims present", STAGE_CLAIMS, false, check_presence},
    {"claim types", STAGE_CLAIMS, false, check_claim_types},
    {"claim values", STAGE_CLAIMS, false, check_claim_values},
    {"exp", STAGE_NOW, false, check_expiry},
    {"nbf and iat", STAGE_NOW, false, check_not_before},
    {"audience", STAGE_NOW, false, check_audience},
    {"lifetime", STAGE_NOW, false, check_lifetime},
    {"revocation", STAGE_NOW, false, check_revocation},
    {"mode", STAGE_NOW, false, check_mode},
};

enum outcome token_check(struct token *token, const struct question *question, enum stage first, enum stage last)
{
    token->judged = REASON_NONE;
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        const struct check *check = &checks[i];

        if (check->stage < first || check->stage > last || (question->jws_only && !check->jws))
            continue;
        enum outcome outcome = check->check(token, question);

        if (outcome == OUTCOME_REFUSED && token->issuer != NULL && token->issuer->shadow && token->reason != REASON_UNKNOWN_ISSUER) {
            token->judged = token->reason;
            token->reason = REASON_UNKNOWN_ISSUER;
        }
        if (question->observe != NULL)
            question->observe(question->observer, check->name, outcome, token);
        if (outcome != OUTCOME_ACCEPTED)
            return outcome;
    }
    return OUTCOME_ACCEPTED;
}

struct token token_of(const char *text, size_t bytes)
{
    struct token token = {.text = {text, bytes}, .nbf = -1, .iat = -1};

    return token;
}

const char *reason_name(enum reason reason)
{
    static const char *const names[REASON_COUNT] = {
        "none",
#define REASON_TEXT(name, wire, text) wire,
        ASSAY_REASONS(REASON_TEXT)
#undef REASON_TEXT
    };

    return reason < REASON_COUNT ? names[reason] : "none";
}
