#include "audit.h"

#include <stdio.h>
#include <string.h>
#include <openssl/evp.h>

#include "agent/base/hex.h"
#include "agent/base/log.h"
#include "agent/door/peer_log.h"
#include "agent/keys/keyring.h"
#include "client/wire/utf8.h"

static void digest_token(const struct verdicts *verdicts, struct text token, char out[17])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};

    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(context, verdicts->audit_key, sizeof verdicts->audit_key) != 1 || EVP_DigestUpdate(context, token.at, token.bytes) != 1 ||
        EVP_DigestFinal_ex(context, digest, NULL) != 1)
        memset(digest, 0, sizeof digest);
    EVP_MD_CTX_free(context);
    hex_encode(digest, 8, out);
}

/* A claim as terminated text: NULL if it is not a string, or if no signature has confirmed it. */
static const char *claim_text(const struct token *token, enum claim claim, char out[256])
{
    struct wire_item item = token->key != NULL ? claim_item(&token->claims, claim) : (struct wire_item){0};

    if (item.type != WIRE_STR)
        return NULL;
    snprintf(out, 256, "%.*s", (int)item.count, item.str);
    return out;
}

/* A refusal's reason, or the error of an undecided token. */
static const char *reason_of(const struct decision *decision)
{
    const char *why;

    switch (decision->outcome) {
    case OUTCOME_ACCEPTED:
        return NULL;
    case OUTCOME_REFUSED:
        return reason_name(decision->token->reason);
    default:
        return wire_error_name(wire_error_of(decision->doubt, &why));
    }
}

void audit_decision(struct verdicts *verdicts, const struct peer *peer, const char *method, const struct decision *decision)
{
    const struct token *token = decision->token;
    enum outcome outcome = decision->outcome;
    enum log_decisions wanted = verdicts->core->ring->config->log_decisions;
    char digest[17], subject[256], jti[256];
    bool shadow = token->issuer != NULL && token->issuer->shadow;

    if (wanted == DECISIONS_OFF || (wanted == DECISIONS_DENIED && outcome == OUTCOME_ACCEPTED) || !peer_log_may(unix_now()))
        return;
    digest_token(verdicts, token->text, digest);
    log_info(outcome == OUTCOME_ACCEPTED ? "accepted" : outcome == OUTCOME_REFUSED ? "refused" : "undecided", LOG_TEXT("method", method),
             LOG_TEXT("reason", reason_of(decision)),
             LOG_TEXT("shadow", shadow ? (token->judged == REASON_NONE ? "would be accepted" : reason_name(token->judged)) : NULL),
             LOG_TEXT("issuer", token->issuer != NULL ? token->issuer->names.list[0].at : NULL),
             LOG_TEXT("subject", claim_text(token, CLAIM_SUB, subject)), LOG_TEXT("jti", claim_text(token, CLAIM_JTI, jti)),
             LOG_TEXT("token", digest), LOG_NUMBER("uid", peer->uid), LOG_NUMBER("pid", peer->pid));
}

static const char *as_line(struct text text, char out[256])
{
    size_t bytes = utf8_cut(text.at, text.bytes, 255);

    for (size_t i = 0; i < bytes; i++)
        out[i] = text.at[i] != '\0' ? text.at[i] : '?'; /* a NUL must not hide the rest */
    out[bytes] = '\0';
    return out;
}

/* The query and the fragment may contain codes and tokens. */
static struct text path_of(struct text resource)
{
    size_t bytes = 0;

    while (bytes < resource.bytes && resource.at[bytes] != '?' && resource.at[bytes] != '#')
        bytes++;
    return (struct text){resource.at, bytes};
}

void audit_ruling(struct verdicts *verdicts, const struct peer *peer, struct text action, struct text resource, const struct ruling *ruling,
                  const char *why, const struct token *token)
{
    enum log_decisions wanted = verdicts->core->ring->config->log_decisions;
    char digest[17], subject[256], jti[256], shown_action[256], shown_resource[256];

    if (wanted == DECISIONS_OFF || (wanted == DECISIONS_DENIED && ruling->allow) || !peer_log_may(unix_now()))
        return;
    if (token != NULL)
        digest_token(verdicts, token->text, digest);
    log_info(ruling->allow ? "allowed" : "denied", LOG_TEXT("method", "authorize"), LOG_NUMBER("status", ruling->status),
             LOG_TEXT("reason", ruling->allow ? NULL : reason_name(ruling->reason)), LOG_TEXT("why", why),
             LOG_TEXT("rule", ruling->rule != NULL ? ruling->rule->name : NULL), LOG_TEXT("action", as_line(action, shown_action)),
             LOG_TEXT("resource", as_line(path_of(resource), shown_resource)),
             LOG_TEXT("issuer", token != NULL && token->issuer != NULL ? token->issuer->names.list[0].at : NULL),
             LOG_TEXT("subject", token != NULL ? claim_text(token, CLAIM_SUB, subject) : NULL),
             LOG_TEXT("jti", token != NULL ? claim_text(token, CLAIM_JTI, jti) : NULL), LOG_TEXT("token", token != NULL ? digest : NULL),
             LOG_NUMBER("uid", peer->uid), LOG_NUMBER("pid", peer->pid));
}

void audit_change(const struct peer *peer, const char *what, const char *kind, struct text issuer)
{
    char name[256];

    log_info(what, LOG_TEXT("kind", kind), LOG_TEXT("issuer", as_line(issuer, name)), LOG_NUMBER("uid", peer->uid), LOG_NUMBER("pid", peer->pid));
}
