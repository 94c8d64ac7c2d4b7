/* A revocation has exactly one selector, and the other options depend on it. The agent checks all of this again; here the errors name the
   options. */
#include "selector.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/wire/cleanup.h"
#include "client/wire/utf8.h"
#include "client/wire/value.h"
#include "report.h"

#define SELECTOR_KINDS 8

struct kind {
    const char *option;
    const char *key; /* the record's name for it; NULL: it is not a string of the record */
    const char *text;
    bool given;
};

static unsigned list_kinds(const struct selector *selector, struct kind *ret_given, unsigned most)
{
    const struct kind kinds[SELECTOR_KINDS] = {
        {"jti", "jti", selector->jti, selector->jti != NULL},
        {"sub", "sub", selector->sub, selector->sub != NULL},
        {"sid", "sid", selector->sid, selector->sid != NULL},
        {"kid", "kid", selector->kid, selector->kid != NULL},
        {"jkt", "jkt", selector->jkt, selector->jkt != NULL},
        {"signing-input-sha256", "signing_input_sha256", selector->signing_input, selector->signing_input != NULL},
        {"token", NULL, NULL, selector->token.text != NULL || selector->token.file != NULL},
        {"all", NULL, NULL, selector->all},
    };
    unsigned found = 0;

    for (unsigned i = 0; i < SELECTOR_KINDS; i++)
        if (kinds[i].given && found < most)
            ret_given[found++] = kinds[i];
    return found;
}

bool selector_given(const struct selector *selector)
{
    struct kind given;

    return list_kinds(selector, &given, 1) == 1;
}

static bool takes_before(const struct selector *selector)
{
    return selector->sub != NULL || selector->sid != NULL || selector->all;
}

/* No token has a claim that is not UTF-8. A name that was typed in another encoding would be revoked, but its tokens would still be
   accepted. */
static int check_texts(const struct selector *selector, const struct kind *kind)
{
    if (kind->text != NULL && !utf8_is_valid(kind->text, strlen(kind->text)))
        return report_bad_input("--%s: '%s' is not UTF-8, but every claim is", kind->option, kind->text);
    if (kind->text != NULL && kind->text[0] == '\0')
        return report_bad_input("--%s is empty; give a value, or use --all for all tokens of an issuer", kind->option);
    if (selector->signing_input != NULL &&
        (strlen(selector->signing_input) != 64 || strspn(selector->signing_input, "0123456789abcdefABCDEF") != 64))
        return report_bad_input("--signing-input-sha256: '%s' is not 64 hexadecimal digits", selector->signing_input);
    if (selector->jkt != NULL && strlen(selector->jkt) != 43)
        return report_bad_input("--jkt: '%s' is not a thumbprint; one has 43 characters of base64url (RFC 7638, SHA-256)",
                                selector->jkt);
    if (selector->issuer != NULL && selector->issuer[0] == '\0')
        return report_bad_input("--issuer is empty; leave it out if only one issuer is configured");
    return 0;
}

static int check_times(const struct selector *selector, enum selector_use use, const struct kind *kind)
{
    if (use == SELECTOR_REVOKE && selector->all && selector->before == NOT_GIVEN)
        return report_bad_input("--all needs --before TIME: it revokes all tokens that the issuer issued until then");
    if (selector->before != NOT_GIVEN && !takes_before(selector))
        return report_bad_input("--before goes with --sub, --sid or --all, not with --%s; leave it out", kind->option);
    if (selector->ttl_ms != NOT_GIVEN && (selector->ttl_ms == 0 || selector->ttl_ms % 1000 != 0))
        return report_bad_input("--ttl must be whole seconds, at least 1s");
    return 0;
}

int selector_check(const struct selector *selector, enum selector_use use)
{
    struct kind given[2];
    unsigned count = list_kinds(selector, given, 2);

    if (count == 0 && use != SELECTOR_LOOK_UP)
        return report_bad_input(
            "which tokens? Give one of --jti, --sub, --sid, --kid, --jkt, --signing-input-sha256, --token, --token-file, --all");
    if (count == 2)
        return report_bad_input("--%s and --%s exclude each other; a revocation takes one of them", given[0].option,
                                given[1].option);
    if (count == 0)
        return 0;
    if (use != SELECTOR_LOOK_UP && strcmp(given[0].option, "token") == 0 && selector->issuer != NULL)
        return report_bad_input("--issuer does not go with --token: the token names its issuer; leave it out");
    int code = check_texts(selector, &given[0]);

    return code != 0 ? code : check_times(selector, use, &given[0]);
}

int selector_hash_token(const struct token_text *token, char ret_hex[SIGNING_INPUT_HEX_BYTES])
{
    const char *last = memrchr(token->bytes, '.', token->count);
    uint8_t digest[32];

    if (last == NULL)
        return report_bad_input("this is not a token: it has no dot");
    if (EVP_Q_digest(NULL, "SHA256", NULL, token->bytes, (size_t)(last - token->bytes), digest, NULL) != 1)
        return report_undecided("internal", "SHA-256 failed");
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(ret_hex + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

/* A revoked token is stored by the hash of what was signed. A lookup needs nothing else, and no valid signature. */
static int write_signing_input(const struct token_text *token, struct wire_writer *writer)
{
    char hex[SIGNING_INPUT_HEX_BYTES];
    int code = selector_hash_token(token, hex);

    if (code != 0)
        return code;
    wire_put_text(writer, "signing_input_sha256");
    wire_put_text(writer, hex);
    return 0;
}

static int write_token(const struct selector *selector, enum selector_use use, struct wire_writer *writer)
{
    struct token_text token CLEANUP(token_text_clear) = {NULL, 0};
    int code = token_text_read(&selector->token, &token);

    if (code != 0)
        return code;
    if (use == SELECTOR_LOOK_UP)
        return write_signing_input(&token, writer);
    wire_put_text(writer, "token");
    wire_put_str(writer, token.bytes, token.count);
    return 0;
}

/* The user may write hexadecimal digits in capitals; the agent takes only lower-case ones. */
static void write_text(const struct kind *kind, struct wire_writer *writer)
{
    char digits[65];

    wire_put_text(writer, kind->key);
    if (strcmp(kind->key, "signing_input_sha256") != 0) {
        wire_put_text(writer, kind->text);
        return;
    }
    for (size_t i = 0; i < sizeof digits; i++)
        digits[i] = kind->text[i] >= 'A' && kind->text[i] <= 'F' ? (char)(kind->text[i] | 0x20) : kind->text[i];
    wire_put_text(writer, digits);
}

static void write_time(struct wire_writer *writer, const char *key, int64_t seconds)
{
    wire_put_text(writer, key);
    wire_put_int(writer, seconds);
}

int selector_write(const struct selector *selector, enum selector_use use, int64_t now, unsigned extra, struct wire_writer *writer)
{
    struct kind given = {0};
    unsigned selects = list_kinds(selector, &given, 1);
    bool is_token = selects == 1 && strcmp(given.option, "token") == 0;
    bool has_before = use != SELECTOR_LOOK_UP && (selector->before != NOT_GIVEN || (use == SELECTOR_UNREVOKE && (selector->sub != NULL || selector->all)));
    bool names_all = use == SELECTOR_LOOK_UP && selector->all;
    bool has_exp = selector->ttl_ms != NOT_GIVEN;
    unsigned pairs = (unsigned)((selector->issuer != NULL) + (given.key != NULL) + is_token + names_all + has_before + has_exp);

    wire_put_map(writer, pairs + extra);
    if (selector->issuer != NULL) {
        wire_put_text(writer, "iss");
        wire_put_text(writer, selector->issuer);
    }
    if (given.key != NULL)
        write_text(&given, writer);
    if (names_all) {
        wire_put_text(writer, "all");
        wire_put_bool(writer, true);
    }
    if (has_before)
        write_time(writer, "before", selector->before != NOT_GIVEN ? selector->before : now);
    if (has_exp)
        write_time(writer, "exp", now + selector->ttl_ms / 1000);
    return is_token ? write_token(selector, use, writer) : 0;
}

int selector_ask(struct agent *agent, const char *method, const struct selector *selector, enum selector_use use, bool all_sources,
                 struct value **ret_result)
{
    uint8_t params[REQUEST_BYTES_MAX];
    struct wire_writer writer;
    int64_t now = use == SELECTOR_LOOK_UP ? 0 : (int64_t)time(NULL);

    wire_writer_init(&writer, params, sizeof params);
    int code = selector_check(selector, use);

    if (code == 0)
        code = selector_write(selector, use, now, all_sources, &writer);
    if (all_sources) {
        wire_put_text(&writer, "all_sources");
        wire_put_bool(&writer, true);
    }
    if (code == 0)
        code = agent_ask(agent, method, &writer, ret_result);
    explicit_bzero(params, wire_written(&writer));
    return code;
}
