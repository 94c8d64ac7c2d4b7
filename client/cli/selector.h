/* Which tokens a revocation is about: the options that revoke, unrevoke and revocations share, and the record made of them. */
#ifndef ASSAY_COMMAND_SELECTOR_H
#define ASSAY_COMMAND_SELECTOR_H

#include "agent.h"
#include "token_source.h"

struct selector {
    const char *issuer;
    const char *jti, *sub, *sid, *kid, *jkt, *signing_input;
    struct token_source token;
    bool all;
    int64_t before;
    int64_t ttl_ms;
};

#define SELECTOR_DEFAULTS ((struct selector){.before = NOT_GIVEN, .ttl_ms = NOT_GIVEN})
#define SELECTOR_OPTIONS(selector)                                                                                                 \
    {"jti", OPTION_TEXT, &(selector).jti, "J", "the token with this id"},                                                          \
        {"sub", OPTION_TEXT, &(selector).sub, "S", "a subject's tokens"},                                                          \
        {"sid", OPTION_TEXT, &(selector).sid, "S", "a session's tokens"},                                                          \
        {"kid", OPTION_TEXT, &(selector).kid, "K", "whatever a key of this name verifies"},                                        \
        {"jkt", OPTION_TEXT, &(selector).jkt, "T", "whatever the key of this thumbprint (RFC 7638) verifies"},                     \
        {"signing-input-sha256", OPTION_TEXT, &(selector).signing_input, "HEX", "the token whose header.payload has this hash"},   \
        {"token", OPTION_TEXT, &(selector).token.text, "T", "this token"},                                                         \
        {"token-file", OPTION_TEXT, &(selector).token.file, "F", "the token in this file, - for stdin"},                           \
        {"all", OPTION_FLAG, &(selector).all, NULL, "everything that the issuer issued"},                                          \
    {                                                                                                                              \
        "issuer", OPTION_TEXT, &(selector).issuer, "I", "whose (needed where several are configured)"                              \
    }
#define SELECTOR_BEFORE(selector)                                                                                                  \
    {                                                                                                                              \
        "before", OPTION_TIME, &(selector).before, "TIME", "issued until then (with --sub: default now, and the leeway)"                           \
    }

/* The use decides what is needed. */
enum selector_use {
    SELECTOR_REVOKE = 1, /* one selector; `before` with --all; with --sub the agent fills it in */
    SELECTOR_UNREVOKE,   /* one selector; `before` filled in */
    SELECTOR_LOOK_UP,    /* one selector or none; no `before` */
};

/* True if it selects anything. */
bool selector_given(const struct selector *selector);

/* Refuses what is not exactly a record. 0, or told and the exit code. */
int selector_check(const struct selector *selector, enum selector_use use);

/* Writes the record's map, with `extra` more pairs that the caller writes after it. Reads the token if there is one. `now` in Unix
   seconds. 0, or told and the exit code. */
int selector_write(const struct selector *selector, enum selector_use use, int64_t now, unsigned extra, struct wire_writer *writer);

#define SIGNING_INPUT_HEX_BYTES 65

/* SHA-256 over header.payload, in lower-case digits. 0, or told and the exit code. */
int selector_hash_token(const struct token_text *token, char ret_hex[SIGNING_INPUT_HEX_BYTES]);

/* Checks the selector, and calls the method with its record; the token is wiped afterwards. `all_sources`: unrevoke's. As agent_ask:
   0 with a value to be freed, or told and the exit code. */
int selector_ask(struct agent *agent, const char *method, const struct selector *selector, enum selector_use use, bool all_sources,
                 struct value **ret_result);

#endif
