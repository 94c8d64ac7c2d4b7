/* Which tokens a revocation is about: the options that revoke, unrevoke and revocations share, and the record that they make. */
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
#define SELECTOR_OPTIONS(selector)                                                                                                  \
    {"jti", OPTION_TEXT, &(selector).jti, "J", "the token with this jti"},                                                          \
        {"sub", OPTION_TEXT, &(selector).sub, "S", "all tokens of this subject"},                                                   \
        {"sid", OPTION_TEXT, &(selector).sid, "S", "all tokens of this session"},                                                   \
        {"kid", OPTION_TEXT, &(selector).kid, "K", "all tokens signed with a key of this kid"},                                     \
        {"jkt", OPTION_TEXT, &(selector).jkt, "T", "all tokens signed with the key of this thumbprint (RFC 7638)"},                 \
        {"signing-input-sha256", OPTION_TEXT, &(selector).signing_input, "HEX", "the token whose header.payload has this SHA-256"}, \
        {"token", OPTION_TEXT, &(selector).token.text, "T", "this token"},                                                          \
        {"token-file", OPTION_TEXT, &(selector).token.file, "F", "the token in this file; - is stdin"},                             \
        {"all", OPTION_FLAG, &(selector).all, NULL, "all tokens of the issuer"},                                                    \
    {                                                                                                                               \
        "issuer", OPTION_TEXT, &(selector).issuer, "I", "the issuer (needed if several are configured)"                             \
    }
#define SELECTOR_BEFORE(selector)                                                                                                  \
    {                                                                                                                              \
        "before", OPTION_TIME, &(selector).before, "TIME", "tokens issued until then (default with --sub: now + leeway)"           \
    }

/* What the options are for decides which of them are needed. */
enum selector_use {
    SELECTOR_REVOKE = 1, /* one selector; `before` with --all; with --sub the agent sets it */
    SELECTOR_UNREVOKE,   /* one selector; `before` is set if it is not given */
    SELECTOR_LOOK_UP,    /* one selector or none; no `before` */
};

/* True if there is a selector. */
bool selector_given(const struct selector *selector);

/* Refuses options that do not make exactly one record. Returns 0; on failure reports the error and returns the exit code. */
int selector_check(const struct selector *selector, enum selector_use use);

/* Writes the record's map; the caller then writes `extra` more pairs. Reads the token if there is one. `now` is in Unix seconds. Returns
   0; on failure reports the error and returns the exit code. */
int selector_write(const struct selector *selector, enum selector_use use, int64_t now, unsigned extra, struct wire_writer *writer);

#define SIGNING_INPUT_HEX_BYTES 65

/* SHA-256 of header.payload, in lower-case hexadecimal digits. Returns 0; on failure reports the error and returns the exit code. */
int selector_hash_token(const struct token_text *token, char ret_hex[SIGNING_INPUT_HEX_BYTES]);

/* Checks the selector, calls the method with its record, and wipes the token. `all_sources`: of unrevoke. Returns 0 with a value that the
   caller frees; on failure reports the error and returns the exit code. */
int selector_ask(struct agent *agent, const char *method, const struct selector *selector, enum selector_use use, bool all_sources,
                 struct value **ret_result);

#endif
