/* assay mint: signs a token with libjwt. */
#include <errno.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "agent/token/algorithm.h"
#include "agent/token/base64url.h"
#include "command.h"
#include "files.h"
#include "owned.h"
#include "private_key.h"

#define JTI_BYTES         16
#define LIBJWT_ALGORITHMS "RS256, RS384, RS512, ES256, ES384, ES512, HS256, HS384, HS512"

struct order {
    const char *key, *alg, *kid, *issuer, *subject;
    struct text_list audiences;
    struct text_list claims;
    int64_t ttl_ms;
    bool json;
    enum algorithm algorithm;
};

static void drop_jwt(jwt_t **jwt)
{
    jwt_free(*jwt);
}

static int check(struct order *order)
{
    const struct {
        const char *name;
        bool given;
    } needed[] = {
        {"key", order->key != NULL},         {"alg", order->alg != NULL},          {"kid", order->kid != NULL},
        {"issuer", order->issuer != NULL},   {"audience", order->audiences.count}, {"subject", order->subject != NULL},
        {"ttl", order->ttl_ms != NOT_GIVEN},
    };

    for (size_t i = 0; i < COUNT(needed); i++)
        if (!needed[i].given)
            return report_bad_input("--%s is needed; 'assay mint --help' lists the needed options", needed[i].name);
    if (order->ttl_ms == 0 || order->ttl_ms % 1000 != 0)
        return report_bad_input("--ttl must be whole seconds, at least 1s");
    order->algorithm = algorithm_by_name(order->alg, strlen(order->alg));
    if (order->algorithm == ALG_NONE)
        return report_bad_input("--alg: there is no algorithm '%s'; write one of " LIBJWT_ALGORITHMS, order->alg);
    if (jwt_str_alg(order->alg) == JWT_ALG_INVAL)
        return report_bad_input("--alg: libjwt, which signs here, does not have %s (the agent does verify it); write "
                                "one of " LIBJWT_ALGORITHMS ", or sign elsewhere",
                                order->alg);
    return 0;
}

static int set_text(json_t *claims, const char *name, const char *text)
{
    return json_object_set_new(claims, name, json_string(text));
}

static int set_audience(json_t *claims, const struct text_list *audiences)
{
    if (audiences->count == 1)
        return set_text(claims, "aud", audiences->items[0]);
    json_t *list = json_array();
    int failed = list == NULL;

    for (size_t i = 0; i < audiences->count; i++)
        failed |= json_array_append_new(list, json_string(audiences->items[i]));
    return failed | json_object_set_new(claims, "aud", list);
}

static int set_jti(json_t *claims)
{
    uint8_t random[JTI_BYTES];
    char jti[2 * JTI_BYTES + 1];

    if (RAND_bytes(random, sizeof random) != 1)
        return -1;
    for (size_t i = 0; i < JTI_BYTES; i++)
        snprintf(jti + 2 * i, 3, "%02x", random[i]);
    return set_text(claims, "jti", jti);
}

static int set_registered(json_t *claims, const struct order *order)
{
    int64_t now = (int64_t)time(NULL);
    int failed = set_text(claims, "iss", order->issuer);

    failed |= set_text(claims, "sub", order->subject);
    failed |= set_audience(claims, &order->audiences);
    failed |= json_object_set_new(claims, "iat", json_integer(now));
    failed |= json_object_set_new(claims, "exp", json_integer(now + order->ttl_ms / 1000));
    return failed | set_jti(claims);
}

/* NAME=JSON. Replaces a claim that is set already, because tests want tokens with odd claims. */
static int set_claim(json_t *claims, const char *claim)
{
    const char *equals = strchr(claim, '=');
    json_error_t fault;

    if (equals == NULL || equals == claim)
        return report_bad_input("--claim: '%s' is not NAME=JSON; write for example role='\"admin\"'", claim);
    char *name CLEANUP_FREE = strndup(claim, (size_t)(equals - claim));
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &fault);

    if (value == NULL)
        return report_bad_input("--claim: '%s' is not JSON (%s); write a string with its quotes: %.*s='\"…\"'", equals + 1,
                                fault.text, (int)(equals - claim), claim);
    if (name == NULL || json_object_set_new(claims, name, value) != 0)
        return report_bad_input("--claim: '%s' is not UTF-8", claim);
    return 0;
}

/* Makes the whole payload as JSON text; the caller frees it. */
static int write_claims(const struct order *order, char **ret_text)
{
    json_t *claims OWNED_JSON = json_object();

    if (claims == NULL || set_registered(claims, order) != 0)
        return report_bad_input("the issuer, the audience and the subject must be UTF-8");
    for (size_t i = 0; i < order->claims.count; i++) {
        int code = set_claim(claims, order->claims.items[i]);

        if (code != 0)
            return code;
    }
    *ret_text = json_dumps(claims, JSON_COMPACT);
    return *ret_text != NULL ? 0 : report_no_memory();
}

/* Checks the key first, because libjwt reports EINVAL for every fault. */
static int check_pem(const struct order *order, const struct secret *file)
{
    EVP_PKEY *key OWNED_KEY = NULL;

    return private_key_parse(order->key, file, order->algorithm, &key);
}

static const char *find_secret(const json_t *set, const char *kid)
{
    size_t i;
    json_t *jwk;

    json_array_foreach(json_object_get(set, "keys"), i, jwk)
    {
        const char *its_kid = json_string_value(json_object_get(jwk, "kid"));

        if (its_kid != NULL && strcmp(its_kid, kid) == 0)
            return json_string_value(json_object_get(jwk, "k"));
    }
    return NULL;
}

/* Replaces the file's text, a JWK Set, by the secret in it. */
static int unwrap_secret(const struct order *order, struct secret *file)
{
    json_t *set OWNED_JSON = json_loadb(file->bytes, file->count, JSON_REJECT_DUPLICATES, NULL);
    const char *encoded = find_secret(set, order->kid);
    size_t bytes;

    if (encoded == NULL)
        return report_bad_input("%s is not a JWK Set with a secret of kid '%s'; 'assay keygen --alg %s' creates one", order->key,
                                order->kid, order->alg);
    int decoded = base64url_decode(encoded, strlen(encoded), (uint8_t *)file->bytes, &bytes);

    OPENSSL_cleanse((char *)encoded, strlen(encoded));
    if (decoded != 0 || bytes < algorithm_facts[order->algorithm].digest_bytes)
        return report_bad_input("%s: the secret is not base64url, or shorter than %s needs (%u bytes)", order->key, order->alg,
                                algorithm_facts[order->algorithm].digest_bytes);
    file->count = bytes;
    return 0;
}

static int sign(const struct order *order, const struct secret *key, const char *claims, char **ret_token)
{
    jwt_t *jwt CLEANUP(drop_jwt) = NULL;

    if (jwt_new(&jwt) != 0 || jwt_add_grants_json(jwt, claims) != 0 || jwt_add_header(jwt, "kid", order->kid) != 0)
        return report_bad_input("libjwt refuses these claims or this kid: %s", strerror(errno));
    if (jwt_set_alg(jwt, jwt_str_alg(order->alg), (const unsigned char *)key->bytes, (int)key->count) != 0)
        return report_bad_input("libjwt refuses the key in %s", order->key);
    *ret_token = jwt_encode_str(jwt);
    return *ret_token != NULL ? 0 : report_bad_input("libjwt could not sign with %s: %s", order->key, strerror(errno));
}

static int mint(const struct order *order)
{
    struct secret key CLEANUP(secret_clear) = {NULL, 0};
    char *claims CLEANUP_FREE = NULL;
    char *token CLEANUP_FREE = NULL;
    int code = secret_read(order->key, &key);

    if (code == 0)
        code = algorithm_facts[order->algorithm].kind == KEY_HMAC ? unwrap_secret(order, &key) : check_pem(order, &key);
    if (code == 0)
        code = write_claims(order, &claims);
    if (code == 0)
        code = sign(order, &key, claims, &token);
    if (code != 0)
        return code;
    printf(order->json ? "{\"token\":\"%s\"}\n" : "%s\n", token);
    explicit_bzero(token, strlen(token));
    return report_yes();
}

int command_mint(const struct command *self, int argc, char **argv)
{
    struct order order = {.ttl_ms = NOT_GIVEN};
    const struct option_spec options[] = {
        {"key", OPTION_TEXT, &order.key, "FILE", "the private key: PEM, or a JWK Set for HS256, HS384 and HS512"},
        {"alg", OPTION_TEXT, &order.alg, "ALG", LIBJWT_ALGORITHMS},
        {"kid", OPTION_TEXT, &order.kid, "K", "the key's kid, for the header"},
        {"issuer", OPTION_TEXT, &order.issuer, "I", "the claim iss"},
        {"audience", OPTION_LIST, &order.audiences, "A", "the claim aud; an array if given again"},
        {"subject", OPTION_TEXT, &order.subject, "S", "the claim sub"},
        {"ttl", OPTION_DURATION, &order.ttl_ms, "D", "how long the token is valid from now"},
        {"claim", OPTION_LIST, &order.claims, "NAME=JSON", "another claim; may be given again"},
        OPTION_JSON(order.json),
    };
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    code = check(&order);
    return code != 0 ? code : mint(&order);
}
