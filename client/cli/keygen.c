/* assay keygen: creates a key pair, or for HMAC a secret. */
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "agent/token/algorithm.h"
#include "command.h"
#include "files.h"
#include "owned.h"
#include "public_jwk.h"

#define JWKS_BYTES_MAX 4096

struct request {
    const char *alg;
    const char *kid;
    const char *out;
    bool json;
    const struct algorithm_facts *facts;
};

/* Writes a key set with one key as text, directly into the buffer, so that no other copy of a secret exists. Returns its length, or 0. */
static size_t write_set(const struct request *request, json_t *jwk, char text[JWKS_BYTES_MAX])
{
    json_t *set OWNED_JSON = json_pack("{s:[O]}", "keys", jwk);
    int failed = jwk_set_text(jwk, "kid", request->kid);

    failed |= jwk_set_text(jwk, "alg", request->alg);
    failed |= jwk_set_text(jwk, "use", "sig");
    if (set == NULL || failed != 0)
        return 0;
    size_t bytes = json_dumpb(set, text, JWKS_BYTES_MAX - 1, JSON_INDENT(2) | JSON_PRESERVE_ORDER);

    if (bytes == 0 || bytes >= JWKS_BYTES_MAX)
        return 0;
    text[bytes] = '\n';
    return bytes + 1;
}

static int broke(const char *what)
{
    return report_undecided("internal", "%s failed", what);
}

static int write_private(const struct request *request, EVP_PKEY *key)
{
    BIO *pem OWNED_BIO = BIO_new(BIO_s_secmem());
    char *bytes;

    if (pem == NULL || PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) != 1)
        return broke("writing the key as PEM");
    long count = BIO_get_mem_data(pem, &bytes);

    return write_new_file(request->out, 0600, bytes, (size_t)count);
}

/* Writes the private key first. If either file cannot be written, neither exists. */
static int make_pair(const struct request *request, const char *public_path)
{
    EVP_PKEY *key OWNED_KEY = jwk_make_key(request->facts);
    json_t *jwk OWNED_JSON = json_object();
    char text[JWKS_BYTES_MAX];

    if (key == NULL || jwk == NULL || jwk_set_public(jwk, key, request->facts->kind) != 0)
        return broke("making the key");
    size_t bytes = write_set(request, jwk, text);

    if (bytes == 0)
        return report_bad_input("--kid: '%s' is not UTF-8, or too long", request->kid);
    int code = write_private(request, key);

    if (code != 0)
        return code;
    code = write_new_file(public_path, 0644, text, bytes);
    if (code != 0)
        remove(request->out); /* this process made it, and the other half is missing */
    return code;
}

/* As long as the hash's output, the minimum of RFC 7518 section 3.2; more adds nothing. */
static int make_secret(const struct request *request)
{
    uint8_t secret[64];
    char text[JWKS_BYTES_MAX];
    json_t *jwk OWNED_JSON = json_pack("{s:s}", "kty", "oct");

    if (jwk == NULL || RAND_priv_bytes(secret, (int)request->facts->digest_bytes) != 1 ||
        jwk_set_bytes(jwk, "k", secret, request->facts->digest_bytes) != 0)
        return broke("making the secret");
    size_t bytes = write_set(request, jwk, text);
    int code = bytes == 0 ? report_bad_input("--kid: '%s' is not UTF-8, or too long", request->kid)
                          : write_new_file(request->out, 0600, text, bytes);
    const char *inside = json_string_value(json_object_get(jwk, "k"));

    OPENSSL_cleanse((char *)inside, strlen(inside));
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(text, sizeof text);
    return code;
}

static int tell(const struct request *request, const char *public_path)
{
    if (request->json) {
        json_t *told OWNED_JSON = json_pack("{s:s,s:s,s:s,s:s*}", "alg", request->alg, "kid", request->kid, "private", request->out,
                                            "public", public_path);

        if (told == NULL)
            return report_no_memory();
        json_dumpf(told, stdout, JSON_COMPACT);
        putchar('\n');
    } else if (public_path != NULL) {
        printf("%s: the private key; only the issuer needs it\n%s: the public key set, for the agent's keys.file\n",
               request->out, public_path);
    } else {
        printf("%s: the secret; anyone who has it can sign tokens\n", request->out);
    }
    return report_yes();
}

static int check(struct request *request)
{
    if (request->alg == NULL || request->kid == NULL || request->out == NULL)
        return report_bad_input("--alg, --kid and --out are needed: assay keygen --alg ES256 --kid my-key-1 --out key.pem");
    enum algorithm alg = algorithm_by_name(request->alg, strlen(request->alg));

    if (alg == ALG_NONE)
        return report_bad_input("--alg: there is no algorithm '%s'; write RS256, RS384, RS512, PS256, PS384, PS512, ES256, "
                                "ES384, ES512, EdDSA (or Ed25519), HS256, HS384 or HS512",
                                request->alg);
    if (request->kid[0] == '\0' || request->out[0] == '\0')
        return report_bad_input("--kid and --out must not be empty");
    request->facts = &algorithm_facts[alg];
    return 0;
}

int command_keygen(const struct command *self, int argc, char **argv)
{
    struct request request = {0};
    const struct option_spec options[] = {
        {"alg", OPTION_TEXT, &request.alg, "ALG", "RS256 … PS512, ES256, ES384, ES512, EdDSA, HS256 …"},
        {"kid", OPTION_TEXT, &request.kid, "K", "the key's kid, in tokens and in the key set"},
        {"out", OPTION_TEXT, &request.out, "FILE", "the new file for the private key; it must not exist yet"},
        OPTION_JSON(request.json),
    };
    char *public_path CLEANUP_FREE = NULL;
    int code = options_parse(self, options, COUNT(options), argc, argv);

    if (code != OPTIONS_PARSED)
        return code;
    code = check(&request);
    if (code != 0)
        return code;
    if (request.facts->kind == KEY_HMAC) {
        code = make_secret(&request);
    } else if (asprintf(&public_path, "%s.jwks.json", request.out) < 0) {
        public_path = NULL;
        code = report_no_memory();
    } else {
        code = make_pair(&request, public_path);
    }
    return code != 0 ? code : tell(&request, public_path);
}
