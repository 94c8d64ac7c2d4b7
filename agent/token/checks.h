/* The single checks of a token; verify.c has their order. Each relies on the earlier ones having passed. */
#ifndef ASSAY_CHECKS_H
#define ASSAY_CHECKS_H

#include "verify.h"

enum outcome check_size(struct token *token, const struct question *question);
enum outcome check_segments(struct token *token, const struct question *question);
enum outcome check_header(struct token *token, const struct question *question);
enum outcome check_algorithm_known(struct token *token, const struct question *question);
enum outcome check_crit(struct token *token, const struct question *question);
enum outcome check_payload(struct token *token, const struct question *question);
enum outcome check_issuer(struct token *token, const struct question *question);
enum outcome check_typ(struct token *token, const struct question *question);
enum outcome check_algorithm_allowed(struct token *token, const struct question *question);
enum outcome check_key(struct token *token, const struct question *question);
enum outcome check_signature(struct token *token, const struct question *question);
enum outcome check_kind(struct token *token, const struct question *question);
enum outcome check_presence(struct token *token, const struct question *question);
enum outcome check_claim_types(struct token *token, const struct question *question);
enum outcome check_claim_values(struct token *token, const struct question *question);
enum outcome check_expiry(struct token *token, const struct question *question);
enum outcome check_not_before(struct token *token, const struct question *question);
enum outcome check_audience(struct token *token, const struct question *question);
enum outcome check_lifetime(struct token *token, const struct question *question);
enum outcome check_revocation(struct token *token, const struct question *question);
enum outcome check_mode(struct token *token, const struct question *question);

static inline enum outcome refuse(struct token *token, enum reason reason)
{
    token->reason = reason;
    return OUTCOME_REFUSED;
}

/* Accepted if the condition holds, otherwise refused for that reason. */
static inline enum outcome demand(struct token *token, bool holds, enum reason reason)
{
    return holds ? OUTCOME_ACCEPTED : refuse(token, reason);
}

#endif
