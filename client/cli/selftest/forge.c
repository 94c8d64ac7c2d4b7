/* Makes the keys, and the tokens that an attacker can make: from the issuer's public keys, which everybody can get, or by changing tokens
   that the issuer has signed. */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/token/base64url.h"
#include "client/cli/owned.h"
#include "client/cli/public_jwk.h"
#include "selftest.h"

#define SIGNATURE_BYTES_MAX 512
#define P256_BYTES          32

static void drop_text(BIO **bio)
{
    BIO_free(*bio);
}

/* Expands "$X" and the others in selftest.h. */
static void expand(FILE *out, const struct forge *forge, const char *text)
{
    for (; *text != '\0'; text++) {
        if (text[0] != '$' || strchr("IANXPFJU", text[1]) == NULL) {
            fputc(*text, out);
            continue;
        }
        switch (*++text) {
        case 'I':
            fputs(TEST_ISSUER, out);
            break;
        case 'A':
            fputs(TEST_AUDIENCE, out);
            break;
        case 'J':
            fputs(forge->attacker_jwk, out);
            break;
        case 'U':
            fprintf(out, "http://127.0.0.1:%u/keys.json", forge->bait_port);
            break;
        default:
            fprintf(out, "%lld",
                    (long long)(forge->now + (*text == 'X' ? 3600 : *text == 'P' ? -3600 : *text == 'F' ? 7200 : 0)));
        }
    }
}

static int put_part(FILE *out, const struct forge *forge, const char *text)
{
    char *json CLEANUP_FREE = NULL;
    size_t bytes;
    FILE *made = open_memstream(&json, &bytes);

    if (made == NULL)
        return -1;
    expand(made, forge, text);
    if (fclose(made) != 0)
        return -1;
    char *encoded CLEANUP_FREE = malloc(BASE64URL_ENCODED_MAX(bytes));

    if (encoded == NULL)
        return -1;
    base64url_encode((const uint8_t *)json, bytes, encoded);
    return fputs(encoded, out) < 0 ? -1 : 0;
}

/* Returns 0 or -1. `digest` NULL: the algorithm hashes the input itself. */
static int sign_with(EVP_PKEY *key, const char *digest, bool pss, const char *input, size_t input_bytes, uint8_t *ret, size_t *ret_bytes)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how = NULL;
    bool well = context != NULL && EVP_DigestSignInit_ex(context, &how, digest, NULL, NULL, key, NULL) == 1;

    if (well && pss)
        well = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(how, 32) == 1;
    *ret_bytes = SIGNATURE_BYTES_MAX;
    well = well && EVP_DigestSign(context, ret, ret_bytes, (const uint8_t *)input, input_bytes) == 1;
    EVP_MD_CTX_free(context);
    return well ? 0 : -1;
}

/* From ASN.1 to the form of JOSE: r and s side by side. */
static int jose_from_der(uint8_t *signature, size_t *bytes)
{
    const uint8_t *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*bytes);
    int failed = pair == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, P256_BYTES) < 0 ||
                 BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + P256_BYTES, P256_BYTES) < 0;

    ECDSA_SIG_free(pair);
    *bytes = 2 * P256_BYTES;
    return failed ? -1 : 0;
}

static int sign_hmac(const void *secret, size_t secret_bytes, const char *input, size_t input_bytes, uint8_t *ret, size_t *ret_bytes)
{
    unsigned bytes = 0;
    const uint8_t *made = HMAC(EVP_sha256(), secret, (int)secret_bytes, (const uint8_t *)input, input_bytes, ret, &bytes);

    *ret_bytes = bytes;
    return made != NULL ? 0 : -1;
}

static int sign(const struct forge *forge, enum signer signer, const char *input, size_t bytes, uint8_t *ret, size_t *ret_bytes)
{
    int status;

    switch (signer) {
    case SIGN_RS256:
        return sign_with(forge->rsa, "SHA256", false, input, bytes, ret, ret_bytes);
    case SIGN_RSA_PSS:
        return sign_with(forge->rsa, "SHA256", true, input, bytes, ret, ret_bytes);
    case SIGN_ATTACKER:
        return sign_with(forge->attacker, "SHA256", false, input, bytes, ret, ret_bytes);
    case SIGN_OTHER_ISSUER:
        return sign_with(forge->other, "SHA256", false, input, bytes, ret, ret_bytes);
    case SIGN_EDDSA:
        return sign_with(forge->ed, NULL, false, input, bytes, ret, ret_bytes);
    case SIGN_ES256:
    case SIGN_ES256_DER:
        status = sign_with(forge->ec, "SHA256", false, input, bytes, ret, ret_bytes);
        return status != 0 || signer == SIGN_ES256_DER ? status : jose_from_der(ret, ret_bytes);
    case SIGN_PUBLIC_PEM:
        return sign_hmac(forge->public_pem, forge->public_pem_bytes, input, bytes, ret, ret_bytes);
    case SIGN_PUBLIC_DER:
        return sign_hmac(forge->public_der, forge->public_der_bytes, input, bytes, ret, ret_bytes);
    case SIGN_PUBLIC_JWK:
        return sign_hmac(forge->public_jwk, strlen(forge->public_jwk), input, bytes, ret, ret_bytes);
    case SIGN_EMPTY_SECRET:
        return sign_hmac("", 0, input, bytes, ret, ret_bytes);
    default:
        *ret_bytes = signer == SIGN_ZEROS ? 2 * P256_BYTES : 0;
        memset(ret, 0, *ret_bytes);
        return 0;
    }
}

/* The next letter of the alphabet: a decoder that ignores the unused bits decodes both to the same bytes. */
static char other_spelling(char letter)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    return letters[(strchr(letters, letter) - letters) ^ 1];
}

static int put_signature(FILE *out, uint8_t *signature, size_t bytes, enum damage damage)
{
    char text[BASE64URL_ENCODED_MAX(SIGNATURE_BYTES_MAX)];

    if (damage == DAMAGE_FIRST_BIT)
        signature[0] ^= 0x80;
    if (damage == DAMAGE_LAST_BIT)
        signature[bytes - 1] ^= 1;
    base64url_encode(signature, bytes - (damage == DAMAGE_SHORTER), text);
    if (damage == DAMAGE_SPARE_BITS)
        text[strlen(text) - 1] = other_spelling(text[strlen(text) - 1]);
    for (char *at = text; damage == DAMAGE_STANDARD && *at != '\0'; at++)
        *at = *at == '-' ? '+' : *at == '_' ? '/' : *at;
    return fputs(damage == DAMAGE_STRIPPED || damage == DAMAGE_TWO_PARTS ? "" : text, out) < 0 ? -1 : 0;
}

static const char *tail_of(enum damage damage)
{
    switch (damage) {
    case DAMAGE_FOUR_PARTS:
        return ".AAAA";
    case DAMAGE_FIVE_PARTS:
        return ".AAAA.AAAA";
    case DAMAGE_PADDED:
        return "=";
    case DAMAGE_SPACE:
        return " ";
    case DAMAGE_NEWLINE:
        return "\n";
    default:
        return "";
    }
}

/* The part that is signed, and the part that is shown if other claims replace the signed ones. */
static int write_token(FILE *out, const struct forge *forge, const char *header, const char *payload, enum signer signer, enum damage damage)
{
    char *input CLEANUP_FREE = NULL;
    size_t input_bytes, bytes;
    uint8_t signature[SIGNATURE_BYTES_MAX];
    FILE *made = open_memstream(&input, &input_bytes);

    if (made == NULL)
        return -1;
    int failed = put_part(made, forge, header) < 0 || fputc('.', made) < 0 || put_part(made, forge, payload) < 0;

    failed |= fclose(made) != 0;
    if (failed || sign(forge, signer, input, input_bytes, signature, &bytes) < 0)
        return -1;
    if (damage == DAMAGE_OTHER_CLAIMS) {
        fprintf(out, "%.*s.", (int)(strchr(input, '.') - input), input);
        failed |= put_part(out, forge, "{\"iss\":\"$I\",\"aud\":\"$A\",\"sub\":\"root\",\"exp\":$X}");
    } else {
        fputs(input, out);
    }
    if (damage != DAMAGE_TWO_PARTS)
        fputc('.', out);
    failed |= put_signature(out, signature, bytes, damage);
    fputs(tail_of(damage), out);
    if (damage == DAMAGE_NUL)
        fputc('\0', out);
    return failed ? -1 : 0;
}

char *forge_token(const struct forge *forge, const char *header, const char *payload, enum signer signer, enum damage damage,
                  size_t *ret_bytes)
{
    char *token = NULL;
    FILE *out = open_memstream(&token, ret_bytes);

    if (out == NULL)
        return NULL;
    int failed = write_token(out, forge, header, payload, signer, damage);

    if (fclose(out) != 0 || failed != 0) {
        free(token);
        return NULL;
    }
    return token;
}

static EVP_PKEY *new_key(enum algorithm alg)
{
    return jwk_make_key(&algorithm_facts[alg]);
}

static json_t *public_of(const EVP_PKEY *key, enum key_kind kind, const char *kid)
{
    json_t *jwk = json_pack("{s:s}", "kid", kid);

    if (jwk == NULL || key == NULL || jwk_set_public(jwk, key, kind) != 0) {
        json_decref(jwk);
        return NULL;
    }
    return jwk;
}

/* The public RSA key of the issuer, in each form in which a verifier may keep it. */
static int take_public(struct forge *forge)
{
    json_t *jwk OWNED_JSON = public_of(forge->rsa, KEY_RSA, "rsa"), *attacker OWNED_JSON = public_of(forge->attacker, KEY_RSA, "attacker");
    BIO *pem CLEANUP(drop_text) = BIO_new(BIO_s_mem());
    char *text = NULL;

    if (jwk == NULL || attacker == NULL || pem == NULL || PEM_write_bio_PUBKEY(pem, forge->rsa) != 1)
        return -1;
    long bytes = BIO_get_mem_data(pem, &text);
    int der_bytes = i2d_PUBKEY(forge->rsa, &forge->public_der);

    forge->public_pem = strndup(text, (size_t)bytes);
    forge->public_pem_bytes = (size_t)bytes;
    forge->public_der_bytes = der_bytes > 0 ? (size_t)der_bytes : 0;
    forge->public_jwk = json_dumps(jwk, JSON_COMPACT);
    forge->attacker_jwk = json_dumps(attacker, JSON_COMPACT);
    return der_bytes > 0 && forge->public_pem != NULL && forge->public_jwk != NULL && forge->attacker_jwk != NULL ? 0 : -1;
}

static int put_keys(const struct forge *forge, const struct test_bed *bed)
{
    json_t *set OWNED_JSON = json_pack("{s:[o,o,o]}", "keys", public_of(forge->rsa, KEY_RSA, "rsa"), public_of(forge->ec, KEY_P256, "ec"),
                                       public_of(forge->ed, KEY_ED25519, "ed"));
    json_t *other OWNED_JSON = json_pack("{s:[o]}", "keys", public_of(forge->other, KEY_RSA, "other"));
    char *text CLEANUP_FREE = set != NULL ? json_dumps(set, 0) : NULL, *other_text CLEANUP_FREE = other != NULL ? json_dumps(other, 0) : NULL;

    if (text == NULL || other_text == NULL)
        return report_no_memory();
    int code = bed_put(bed, "keys.json", text, strlen(text));

    return code != 0 ? code : bed_put(bed, "other.json", other_text, strlen(other_text));
}

static const char policy[] =
    "version: 1\n"
    "roles: {admin: [user]}\n"
    "rules:\n"
    "  - {name: public, actions: [GET], resources: [\"/public/**\"], anonymous: true}\n"
    "  - {name: own, actions: [GET], resources: [\"/users/{sub}/orders\"], roles: [user], issuers: [" TEST_ISSUER "]}\n"
    "  - {name: pay, actions: [POST], resources: [/pay], scopes: [\"pay:write\"], issuers: [" TEST_ISSUER "]}\n"
    "  - {name: admin, resources: [\"/admin/**\"], roles: [admin], issuers: [" TEST_ISSUER "]}\n";

static int put_config(const struct test_bed *bed)
{
    char *text CLEANUP_FREE = NULL;
    const char *at = bed->folder;

    if (asprintf(&text,
                 "socket: {path: %s/s, mode: \"0600\"}\nstate: %s/state\npolicy: %s/policy.yaml\nthreads: 1\ncache: {size: 1MiB}\n"
                 "issuers:\n"
                 "  - {issuer: \"" TEST_ISSUER "\", keys: {file: %s/keys.json}, audiences: [" TEST_AUDIENCE ", returns]}\n"
                 "  - {issuer: \"" TEST_OTHER_ISSUER "\", keys: {file: %s/other.json}, audiences: [" TEST_AUDIENCE "]}\n",
                 at, at, at, at, at) < 0) {
        text = NULL;
        return report_no_memory();
    }
    int code = bed_put(bed, "policy.yaml", policy, sizeof policy - 1);

    return code != 0 ? code : bed_put(bed, "assayd.yaml", text, strlen(text));
}

int forge_open(struct forge *forge, const struct test_bed *bed)
{
    *forge = (struct forge){.now = time(NULL),
                            .bait_port = bed->bait_port,
                            .rsa = new_key(ALG_RS256),
                            .ec = new_key(ALG_ES256),
                            .ed = new_key(ALG_EDDSA),
                            .attacker = new_key(ALG_RS256),
                            .other = new_key(ALG_RS256)};
    if (forge->rsa == NULL || forge->ec == NULL || forge->ed == NULL || forge->other == NULL || take_public(forge) < 0)
        return report_undecided("internal", "making the keys failed");
    int code = put_keys(forge, bed);

    return code != 0 ? code : put_config(bed);
}

void forge_close(struct forge *forge)
{
    EVP_PKEY *keys[] = {forge->rsa, forge->ec, forge->ed, forge->attacker, forge->other};

    for (size_t i = 0; i < COUNT(keys); i++)
        EVP_PKEY_free(keys[i]);
    free(forge->attacker_jwk);
    free(forge->public_jwk);
    free(forge->public_pem);
    OPENSSL_free(forge->public_der);
}
