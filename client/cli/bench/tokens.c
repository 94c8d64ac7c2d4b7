/* The tokens of a benchmark, from a file, or signed here with OpenSSL: libjwt would decode the key again for each token. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/ecdsa.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/token/base64url.h"
#include "bench.h"
#include "client/cli/owned.h"
#include "client/cli/private_key.h"

#define FILE_BYTES_MAX      (256 * 1024 * 1024)
#define TTL_SECONDS         3600
#define SIGNATURE_BYTES_MAX 2048

void bench_tokens_clear(struct bench_tokens *tokens)
{
    for (size_t i = 0; i < tokens->count; i++)
        token_text_clear(&tokens->tokens[i]);
    free(tokens->tokens);
    *tokens = (struct bench_tokens){NULL, 0, 0};
}

int bench_tokens_add(struct bench_tokens *tokens, const char *bytes, size_t count)
{
    if (tokens->count == tokens->room) {
        size_t room = tokens->room > 0 ? 2 * tokens->room : 64;
        struct token_text *more = realloc(tokens->tokens, room * sizeof *more);

        if (more == NULL)
            return report_no_memory();
        tokens->tokens = more;
        tokens->room = room;
    }
    char *copy = malloc(count + 1);

    if (copy == NULL)
        return report_no_memory();
    memcpy(copy, bytes, count);
    copy[count] = '\0';
    tokens->tokens[tokens->count++] = (struct token_text){copy, count};
    return 0;
}

static int add_lines(const char *path, const char *bytes, size_t size, struct bench_tokens *tokens)
{
    const char *end = bytes + size;
    int code = 0;

    for (const char *line = bytes; code == 0 && line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line)), *next = newline != NULL ? newline + 1 : end;
        size_t count = (size_t)((newline != NULL ? newline : end) - line);

        while (count > 0 && strchr(" \t\r", line[count - 1]) != NULL)
            count--;
        if (count >= TOKEN_INPUT_BYTES_MAX)
            return report_bad_input("--tokens %s: line %zu is longer than a token may be", path, tokens->count + 1);
        if (count > 0)
            code = bench_tokens_add(tokens, line, count);
        line = next;
    }
    if (code == 0 && tokens->count == 0)
        return report_bad_input("--tokens %s: the file has no token; write one per line", path);
    return code;
}

static int read_whole(int fd, char *bytes, size_t size, size_t *ret_count)
{
    size_t count = 0;

    while (count < size) {
        ssize_t got = read(fd, bytes + count, size - count);

        if (got < 0 && errno != EINTR)
            return -1;
        if (got == 0)
            break;
        if (got > 0)
            count += (size_t)got;
    }
    *ret_count = count;
    return 0;
}

int bench_tokens_read(const char *path, struct bench_tokens *tokens)
{
    int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat found;
    size_t count = 0;

    if (fd < 0 || fstat(fd, &found) != 0)
        return report_bad_input("--tokens %s: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return report_bad_input("--tokens %s is not a regular file", path);
    if (found.st_size > FILE_BYTES_MAX)
        return report_bad_input("--tokens %s has more than %d bytes", path, FILE_BYTES_MAX);
    size_t size = (size_t)found.st_size;
    char *bytes CLEANUP_FREE = malloc(size + 1);

    if (bytes == NULL)
        return report_no_memory();
    int failed = read_whole(fd, bytes, size, &count), cause = errno;
    int code = failed ? report_bad_input("--tokens %s: %s", path, strerror(cause)) : add_lines(path, bytes, count, tokens);

    explicit_bzero(bytes, size);
    return code;
}

/* JOSE puts r and s side by side. */
static bool jose_from_der(uint8_t *signature, size_t *bytes, int width)
{
    const uint8_t *at = signature;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*bytes);
    bool well = pair != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, width) == width &&
                BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + width, width) == width;

    ECDSA_SIG_free(pair);
    *bytes = 2 * (size_t)width;
    return well;
}

static bool sign(enum algorithm algorithm, EVP_PKEY *key, const char *input, uint8_t *signature, size_t *ret_bytes)
{
    static const char *const digests[DIGEST_COUNT] = {NULL, "SHA256", "SHA384", "SHA512"};
    const struct algorithm_facts *facts = &algorithm_facts[algorithm];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how = NULL;
    bool well = context != NULL && EVP_DigestSignInit_ex(context, &how, digests[facts->digest], NULL, NULL, key, NULL) == 1;

    if (well && facts->pss)
        well = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
    *ret_bytes = SIGNATURE_BYTES_MAX;
    well = well && EVP_DigestSign(context, signature, ret_bytes, (const uint8_t *)input, strlen(input)) == 1;
    EVP_MD_CTX_free(context);
    if (well && (facts->kind == KEY_P256 || facts->kind == KEY_P384 || facts->kind == KEY_P521))
        return jose_from_der(signature, ret_bytes, facts->kind == KEY_P256 ? 32 : facts->kind == KEY_P384 ? 48 : 66);
    return well;
}

/* Encodes a part of a token; the caller frees it. NULL on failure. Frees the object. */
static char *encode(json_t *object)
{
    json_t *mine OWNED_JSON = object;
    char *text CLEANUP_FREE = mine != NULL ? json_dumps(mine, JSON_COMPACT) : NULL;
    char *encoded = text != NULL ? malloc(BASE64URL_ENCODED_MAX(strlen(text))) : NULL;

    if (encoded != NULL)
        base64url_encode((const uint8_t *)text, strlen(text), encoded);
    return encoded;
}

/* `run` distinguishes the tokens of this run from those of other runs. */
static char *encode_claims(const struct bench_order *order, uint64_t run, size_t number)
{
    json_int_t now = (json_int_t)time(NULL);
    char jti[64];

    snprintf(jti, sizeof jti, "bench-%016llx-%zu", (unsigned long long)run, number);
    return encode(json_pack("{s:s,s:s,s:s,s:I,s:I,s:s}", "iss", order->issuer, "sub", "bench", "aud", order->audience, "iat", now,
                            "exp", now + TTL_SECONDS, "jti", jti));
}

static int mint_one(const struct bench_order *order, EVP_PKEY *key, const char *header, const char *claims,
                    struct bench_tokens *tokens)
{
    uint8_t signature[SIGNATURE_BYTES_MAX];
    char encoded[BASE64URL_ENCODED_MAX(SIGNATURE_BYTES_MAX)];
    char *input CLEANUP_FREE = NULL, *token CLEANUP_FREE = NULL;
    size_t bytes;

    if (asprintf(&input, "%s.%s", header, claims) < 0) {
        input = NULL;
        return report_no_memory();
    }
    if (!sign(order->algorithm, key, input, signature, &bytes))
        return report_bad_input("OpenSSL could not sign with %s", order->key);
    base64url_encode(signature, bytes, encoded);
    int length = asprintf(&token, "%s.%s", input, encoded);

    if (length < 0) {
        token = NULL;
        return report_no_memory();
    }
    int code = bench_tokens_add(tokens, token, (size_t)length);

    explicit_bzero(token, (size_t)length);
    return code;
}

static int mint_all(const struct bench_order *order, EVP_PKEY *key, struct bench_tokens *tokens)
{
    char *header CLEANUP_FREE = encode(json_pack("{s:s,s:s,s:s}", "alg", order->alg, "typ", "JWT", "kid", order->kid));
    uint64_t run;
    int code = 0;

    if (RAND_bytes((uint8_t *)&run, sizeof run) != 1)
        return report_undecided("internal", "OpenSSL gives no random numbers");
    for (int64_t i = 0; code == 0 && i < order->distinct; i++) {
        char *claims CLEANUP_FREE = encode_claims(order, run, (size_t)i);

        if (header == NULL || claims == NULL)
            return report_bad_input("the issuer, the audience and the kid must be UTF-8");
        code = mint_one(order, key, header, claims, tokens);
    }
    return code;
}

int bench_tokens_mint(const struct bench_order *order, struct bench_tokens *tokens)
{
    struct secret file CLEANUP(secret_clear) = {NULL, 0};
    EVP_PKEY *key OWNED_KEY = NULL;
    int code = secret_read(order->key, &file);

    if (code == 0)
        code = private_key_parse(order->key, &file, order->algorithm, &key);
    return code != 0 ? code : mint_all(order, key, tokens);
}
