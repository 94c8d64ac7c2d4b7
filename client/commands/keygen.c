/* assay keygen: a new key pair, or for HMAC a secret. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "agent/token/algorithm.h"
#include "agent/token/base64url.h"
#include "command.h"
#include "files.h"
#include "owned.h"

#define JWKS_BYTES_MAX         4096
#define COORDINATE_BYTES_MAX   66  /* P-521 */
#define MODULUS_BYTES_MAX      512 /* RSA of 4096 bits */
#define RSA_BITS(digest_bytes) ((digest_bytes) == 64 ? 4096 : (digest_bytes) == 48 ? 3072 : 2048)

struct request {
    const char *alg;
    const char *kid;
    const char *out;
    bool json;
    const struct algorithm_facts *facts;
};

static void drop_number(BIGNUM **number)
{
    BN_free(*number);
}

static const char *curve_of(enum key_kind kind)
{
    return kind == KEY_P256 ? "P-256" : kind == KEY_P384 ? "P-384" : "P-521";
}

static int coordinate_bytes(enum key_kind kind)
{
    return kind == KEY_P256 ? 32 : kind == KEY_P384 ? 48 : COORDINATE_BYTES_MAX;
}

/* RSA as strong as the hash beside it is meant to be (NIST SP 800-57 part 1, table 2), as far as that is practical. */
static EVP_PKEY *make_key(const struct algorithm_facts *facts)
{
    if (facts->kind == KEY_RSA)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS(facts->digest_bytes));
    if (facts->kind == KEY_ED25519)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve_of(facts->kind));
}

static int set_bytes(json_t *jwk, const char *name, const uint8_t *bytes, size_t count)
{
    char text[BASE64URL_ENCODED_MAX(MODULUS_BYTES_MAX)];

    base64url_encode(bytes, count, text);
    return json_object_set_new(jwk, name, json_string(text));
}

/* `width` 0: as few bytes as the number has (RFC 7518 6.3.1.1); else exactly so many (6.2.1.2). */
static int set_number(json_t *jwk, const char *name, const EVP_PKEY *key, const char *parameter, int width)
{
    BIGNUM *number CLEANUP(drop_number) = NULL;
    uint8_t bytes[MODULUS_BYTES_MAX];

    if (EVP_PKEY_get_bn_param(key, parameter, &number) != 1)
        return -1;
    if (width == 0)
        width = BN_num_bytes(number);
    if (width > MODULUS_BYTES_MAX || BN_bn2binpad(number, bytes, width) != width)
        return -1;
    return set_bytes(jwk, name, bytes, (size_t)width);
}

static int set_text(json_t *jwk, const char *name, const char *text)
{
    return json_object_set_new(jwk, name, json_string(text));
}

static int set_rsa(json_t *jwk, const EVP_PKEY *key)
{
    int failed = set_text(jwk, "kty", "RSA");

    failed |= set_number(jwk, "n", key, OSSL_PKEY_PARAM_RSA_N, 0);
    failed |= set_number(jwk, "e", key, OSSL_PKEY_PARAM_RSA_E, 0);
    return failed;
}

static int set_ec(json_t *jwk, const EVP_PKEY *key, enum key_kind kind)
{
    int failed = set_text(jwk, "kty", "EC");

    failed |= set_text(jwk, "crv", curve_of(kind));
    failed |= set_number(jwk, "x", key, OSSL_PKEY_PARAM_EC_PUB_X, coordinate_bytes(kind));
    failed |= set_number(jwk, "y", key, OSSL_PKEY_PARAM_EC_PUB_Y, coordinate_bytes(kind));
    return failed;
}

static int set_ed25519(json_t *jwk, const EVP_PKEY *key)
{
    uint8_t point[32];
    size_t bytes = sizeof point;
    int failed = set_text(jwk, "kty", "OKP");

    failed |= set_text(jwk, "crv", "Ed25519");
    if (EVP_PKEY_get_raw_public_key(key, point, &bytes) != 1)
        return -1;
    return failed | set_bytes(jwk, "x", point, bytes);
}

static int set_public(json_t *jwk, const EVP_PKEY *key, enum key_kind kind)
{
    if (kind == KEY_RSA)
        return set_rsa(jwk, key);
    return kind == KEY_ED25519 ? set_ed25519(jwk, key) : set_ec(jwk, key, kind);
}

/* The set of one key as text, written straight into the buffer: for a secret there is no copy elsewhere. Its length, or 0. */
static size_t write_set(const struct request *request, json_t *jwk, char text[JWKS_BYTES_MAX])
{
    json_t *set OWNED_JSON = json_pack("{s:[O]}", "keys", jwk);
    int failed = set_text(jwk, "kid", request->kid);

    failed |= set_text(jwk, "alg", request->alg);
    failed |= set_text(jwk, "use", "sig");
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

/* The private key first: if either cannot be written there is neither. */
static int make_pair(const struct request *request, const char *public_path)
{
    EVP_PKEY *key OWNED_KEY = make_key(request->facts);
    json_t *jwk OWNED_JSON = json_object();
    char text[JWKS_BYTES_MAX];

    if (key == NULL || jwk == NULL || set_public(jwk, key, request->facts->kind) != 0)
        return broke("making the key");
    size_t bytes = write_set(request, jwk, text);

    if (bytes == 0)
        return report_bad_input("--kid: '%s' is not UTF-8, or too long", request->kid);
    int code = write_private(request, key);

    if (code != 0)
        return code;
    code = write_new_file(public_path, 0644, text, bytes);
    if (code != 0)
        remove(request->out); /* it is ours, and half of a pair */
    return code;
}

/* As long as the hash's output: the least that RFC 7518 3.2 allows, and more adds nothing. */
static int make_secret(const struct request *request)
{
    uint8_t secret[64];
    char text[JWKS_BYTES_MAX];
    json_t *jwk OWNED_JSON = json_pack("{s:s}", "kty", "oct");

    if (jwk == NULL || RAND_priv_bytes(secret, (int)request->facts->digest_bytes) != 1 ||
        set_bytes(jwk, "k", secret, request->facts->digest_bytes) != 0)
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
        printf("%s: the private key; keep it where tokens are signed\n%s: the public key set; for the agent's keys.file\n",
               request->out, public_path);
    } else {
        printf("%s: the secret; whoever has it can sign\n", request->out);
    }
    return report_yes();
}

static int check(struct request *request)
{
    if (request->alg == NULL || request->kid == NULL || request->out == NULL)
        return report_bad_input("--alg, --kid and --out are needed: assay keygen --alg ES256 --kid my-key-1 --out key.pem");
    enum algorithm alg = algorithm_by_name(request->alg, strlen(request->alg));

    if (alg == ALG_NONE)
        return report_bad_input("--alg: there is no algorithm '%s'; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, "
                                "ES384, ES512, EdDSA (or Ed25519), HS256, HS384, HS512",
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
        {"kid", OPTION_TEXT, &request.kid, "K", "the key's name in tokens and in the set"},
        {"out", OPTION_TEXT, &request.out, "FILE", "where the private key goes; nothing may be there yet"},
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
