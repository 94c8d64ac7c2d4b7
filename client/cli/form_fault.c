#include "form_fault.h"

#include <stdio.h>
#include <string.h>

#define SEGMENTS           3
#define SEGMENTS_ENCRYPTED 5 /* RFC 7516 section 7.1 */

static const char *const segment_names[SEGMENTS] = {"header", "payload", "signature"};

/* Characters that people and programs wrongly put into tokens. */
static const char *character_rule(struct text token, size_t at)
{
    static const char bearer[] = "Bearer ";

    if (at == sizeof bearer - 2 && strncasecmp(token.at, bearer, sizeof bearer - 1) == 0)
        return "the word `Bearer` belongs to the HTTP header, not to the token; leave it out (RFC 6750 section 2.1)";
    switch (token.at[at]) {
    case '=':
        return "RFC 7515 section 2 allows no padding; the agent takes it if the issuer has `padding: allowed`";
    case '+':
    case '/':
        return "this is base64; RFC 7515 section 2 needs base64url, with `-` for `+` and `_` for `/`";
    case ' ':
    case '\t':
    case '\r':
    case '\n':
        return "a token has no white space (RFC 7515 section 2)";
    case '"':
    case '\'':
        return "quotation marks are not part of a token";
    case '%':
        return "this is percent-encoded; decode it first";
    default:
        return "it is not a character of base64url (RFC 4648 section 5)";
    }
}

static char *at_byte(size_t at, unsigned char byte, const char *where, const char *rule)
{
    char *text = NULL;
    int printed = byte > ' ' && byte < 0x7f ? asprintf(&text, "`%c` at byte %zu, in the %s: %s", byte, at + 1, where, rule)
                                            : asprintf(&text, "0x%02x at byte %zu, in the %s: %s", byte, at + 1, where, rule);

    return printed < 0 ? NULL : text;
}

static char *segment_fault(struct text token, unsigned segment, struct text part)
{
    size_t start = (size_t)(part.at - token.at), at = 0;
    char *text = NULL;

    switch (base64url_fault(part.at, part.bytes, &at)) {
    case BASE64URL_CHARACTER:
        return at_byte(start + at, (unsigned char)part.at[at], segment_names[segment], character_rule(token, start + at));
    case BASE64URL_LENGTH:
        if (asprintf(&text,
                     "the %s has %zu characters, a length that base64url never has (RFC 4648 section 5); one is too many, or some are missing",
                     segment_names[segment], part.bytes) < 0)
            return NULL;
        return text;
    case BASE64URL_SPARE_BITS:
        return at_byte(start + at, (unsigned char)part.at[at], segment_names[segment],
                       "the unused bits of the last character must be zero (RFC 4648 section 3.5); the token was changed or cut off");
    default:
        return NULL;
    }
}

static char *count_fault(size_t bytes, unsigned segments)
{
    char *text = NULL;

    if (bytes == 0)
        return strdup("the token is empty");
    if (segments == SEGMENTS_ENCRYPTED)
        return strdup("five parts: the token is encrypted (JWE, RFC 7516 section 7.1); only signed tokens are verified");
    return asprintf(&text, "%u part%s; a signed token has three, with a dot between each (RFC 7515 section 7.1)", segments,
                    segments == 1 ? "" : "s") < 0
               ? NULL
               : text;
}

static size_t first_space(struct text token)
{
    size_t at = 0;

    while (at < token.bytes && memchr(" \t\r\n", token.at[at], 4) == NULL)
        at++;
    return at;
}

char *segments_fault(struct text token)
{
    const char *end = token.at + token.bytes;
    struct text parts[SEGMENTS];
    unsigned count = 0;

    for (const char *start = token.at, *dot; start != NULL; start = dot != NULL ? dot + 1 : NULL) {
        dot = memchr(start, '.', (size_t)(end - start));
        if (count < SEGMENTS)
            parts[count] = (struct text){start, (size_t)((dot != NULL ? dot : end) - start)};
        count++;
    }
    size_t space = count != SEGMENTS ? first_space(token) : token.bytes;

    if (space < token.bytes) /* two tokens, or one with text around it: counting its parts does not help */
        return at_byte(space, (unsigned char)token.at[space], "token", character_rule(token, space));
    if (count != SEGMENTS)
        return count_fault(token.bytes, count);
    char *fault = NULL;

    for (unsigned i = 0; fault == NULL && i < SEGMENTS; i++)
        fault = segment_fault(token, i, parts[i]);
    return fault;
}

char *part_fault(const struct token *token, const uint8_t *json, size_t bytes)
{
    const struct json_fault *fault = &token->fault;
    const char *start = (const char *)json;
    char *text = NULL;
    int printed;

    if (bytes == 0)
        printed = asprintf(&text, "it is empty");
    else if (fault->at == NULL)
        printed = asprintf(&text, "%s", fault->why);
    else if (fault->at == start + bytes)
        printed = asprintf(&text, "after byte %zu: %s", bytes, fault->why);
    else if (fault->twice.type == WIRE_STR)
        printed = asprintf(&text, "byte %zu: \"%.*s\": %s", (size_t)(fault->at - start) + 1, (int)fault->twice.count,
                           fault->twice.str, fault->why);
    else
        printed = asprintf(&text, "byte %zu: %s", (size_t)(fault->at - start) + 1, fault->why);
    return printed < 0 ? NULL : text;
}

const char issuer_absent[] = "there is no \"iss\" (RFC 7519 section 4.1.1); the agent takes such tokens if an issuer has `named_by`";

static char *text_fault(const struct token *token, enum claim claim, const char *name, unsigned section)
{
    struct wire_item item = claim_item(&token->claims, claim);
    char *text = NULL;
    int printed = item.type == WIRE_UINT || item.type == WIRE_INT
                      ? asprintf(&text, "\"%s\" is a number and not a string (RFC 7519 section 4.1.%u); the agent takes it if the issuer has "
                                        "`numeric_claims: [%s]`", name, section, name)
                      : asprintf(&text, "\"%s\" is not a string (RFC 7519 section 4.1.%u)", name, section);

    return printed < 0 ? NULL : text;
}

char *types_fault(const struct token *token)
{
    static const struct {
        enum claim claim;
        const char *name;
        unsigned section; /* of RFC 7519, 4.1.… */
    } texts[] = {{CLAIM_SUB, "sub", 2}, {CLAIM_JTI, "jti", 7}, {CLAIM_SID, "sid", 2}},
      times[] = {{CLAIM_EXP, "exp", 4}, {CLAIM_NBF, "nbf", 5}, {CLAIM_IAT, "iat", 6}};
    char *text = NULL;
    double seconds;

    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct wire_item item = claim_item(&token->claims, times[i].claim);

        if (!claims_have(&token->claims, times[i].claim) || (item_number(&item, &seconds) && seconds >= 0 && seconds < 9007199254740992.0))
            continue;
        return asprintf(&text, "\"%s\" is not a time in seconds since 1970 (RFC 7519 section 4.1.%u)", times[i].name,
                        times[i].section) < 0
                   ? NULL
                   : text;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (claims_have(&token->claims, texts[i].claim) && claim_item(&token->claims, texts[i].claim).type != WIRE_STR)
            return text_fault(token, texts[i].claim, texts[i].name, texts[i].section);
    }
    return strdup("the audience is neither a string nor an array of strings (RFC 7519 section 4.1.3)");
}
