#include "failing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

static bool armed, failed;
static unsigned left;

void fail_after(unsigned after)
{
    armed = true;
    failed = false;
    left = after;
}

bool has_failed(void)
{
    armed = false;
    return failed;
}

static bool fails(void)
{
    if (!armed || failed || left-- > 0)
        return false;
    failed = true;
    return true;
}

#define FAILING(type, failure, name, parameters, arguments) \
    type __real_##name parameters; \
    type __wrap_##name parameters; \
    type __wrap_##name parameters \
    { \
        return fails() ? (failure) : __real_##name arguments; \
    }

FAILING(void *, NULL, calloc, (size_t count, size_t size), (count, size))
FAILING(void *, NULL, realloc, (void *block, size_t size), (block, size))
FAILING(char *, NULL, strdup, (const char *text), (text))
FAILING(int, -1, vasprintf, (char **ret, const char *format, va_list arguments), (ret, format, arguments))
FAILING(int, -1, __vasprintf_chk, (char **ret, int flag, const char *format, va_list arguments), (ret, flag, format, arguments))
FAILING(void *, NULL, CRYPTO_zalloc, (size_t size, const char *file, int line), (size, file, line))
FAILING(char *, NULL, CRYPTO_strndup, (const char *text, size_t size, const char *file, int line), (text, size, file, line))
FAILING(void *, NULL, CRYPTO_memdup, (const void *data, size_t size, const char *file, int line), (data, size, file, line))
FAILING(OSSL_PARAM_BLD *, NULL, OSSL_PARAM_BLD_new, (void), ())
FAILING(int, 0, OSSL_PARAM_BLD_push_BN, (OSSL_PARAM_BLD *build, const char *name, const BIGNUM *number), (build, name, number))
FAILING(int, 0, OSSL_PARAM_BLD_push_utf8_string, (OSSL_PARAM_BLD *build, const char *name, const char *text, size_t size),
        (build, name, text, size))
FAILING(int, 0, OSSL_PARAM_BLD_push_octet_string, (OSSL_PARAM_BLD *build, const char *name, const void *bytes, size_t size),
        (build, name, bytes, size))
FAILING(OSSL_PARAM *, NULL, OSSL_PARAM_BLD_to_param, (OSSL_PARAM_BLD *build), (build))
FAILING(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new_from_name, (OSSL_LIB_CTX *library, const char *name, const char *query), (library, name, query))
FAILING(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new_from_pkey, (OSSL_LIB_CTX *library, EVP_PKEY *pkey, const char *query), (library, pkey, query))
FAILING(EVP_PKEY_CTX *, NULL, EVP_PKEY_CTX_new, (EVP_PKEY *pkey, ENGINE *engine), (pkey, engine))
FAILING(int, 0, EVP_PKEY_fromdata_init, (EVP_PKEY_CTX *context), (context))

/* OpenSSL had no memory to find out whether it is a point, and says then that it is none. */
static int no_point(void)
{
    ERR_raise(ERR_LIB_EC, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_EC, EC_R_INVALID_ENCODING);
    return 0;
}

FAILING(int, no_point(), EVP_PKEY_fromdata, (EVP_PKEY_CTX *context, EVP_PKEY **ret, int selection, OSSL_PARAM params[]),
        (context, ret, selection, params))
FAILING(int, no_point(), EVP_PKEY_public_check, (EVP_PKEY_CTX *context), (context))
FAILING(EVP_PKEY *, NULL, EVP_PKEY_new_raw_public_key, (int type, ENGINE *engine, const unsigned char *key, size_t size),
        (type, engine, key, size))
FAILING(int, 0, EVP_PKEY_get_raw_public_key, (const EVP_PKEY *pkey, unsigned char *key, size_t *size), (pkey, key, size))
FAILING(int, 0, EVP_PKEY_get_bn_param, (const EVP_PKEY *pkey, const char *name, BIGNUM **ret), (pkey, name, ret))
FAILING(int, 0, EVP_PKEY_get_group_name, (const EVP_PKEY *pkey, char *name, size_t room, size_t *ret_size), (pkey, name, room, ret_size))
FAILING(BIGNUM *, NULL, BN_bin2bn, (const unsigned char *bytes, int size, BIGNUM *ret), (bytes, size, ret))
FAILING(int, -1, BN_bn2binpad, (const BIGNUM *number, unsigned char *bytes, int size), (number, bytes, size))
FAILING(EVP_PKEY *, NULL, X509_get_pubkey, (X509 *certificate), (certificate))
FAILING(BIO *, NULL, BIO_new_mem_buf, (const void *bytes, int size), (bytes, size))
FAILING(int, 0, EVP_Digest, (const void *data, size_t size, unsigned char *digest, unsigned *ret_size, const EVP_MD *type, ENGINE *engine),
        (data, size, digest, ret_size, type, engine))
FAILING(EVP_MD *, NULL, EVP_MD_fetch, (OSSL_LIB_CTX *library, const char *name, const char *query), (library, name, query))
FAILING(EVP_MAC *, NULL, EVP_MAC_fetch, (OSSL_LIB_CTX *library, const char *name, const char *query), (library, name, query))
FAILING(EVP_MD_CTX *, NULL, EVP_MD_CTX_new, (void), ())
FAILING(EVP_MAC_CTX *, NULL, EVP_MAC_CTX_new, (EVP_MAC *mac), (mac))
FAILING(int, 0, EVP_MAC_init, (EVP_MAC_CTX *context, const unsigned char *key, size_t size, const OSSL_PARAM params[]),
        (context, key, size, params))
FAILING(int, 0, EVP_MAC_update, (EVP_MAC_CTX *context, const unsigned char *data, size_t size), (context, data, size))
FAILING(int, 0, EVP_MAC_final, (EVP_MAC_CTX *context, unsigned char *out, size_t *ret_size, size_t room), (context, out, ret_size, room))
FAILING(int, 0, EVP_PKEY_verify_init, (EVP_PKEY_CTX *context), (context))
FAILING(int, 0, EVP_PKEY_CTX_set_rsa_padding, (EVP_PKEY_CTX *context, int padding), (context, padding))
FAILING(int, 0, EVP_PKEY_CTX_set_signature_md, (EVP_PKEY_CTX *context, const EVP_MD *digest), (context, digest))
FAILING(int, 0, EVP_PKEY_CTX_set_rsa_mgf1_md, (EVP_PKEY_CTX *context, const EVP_MD *digest), (context, digest))
FAILING(int, 0, EVP_PKEY_CTX_set_rsa_pss_saltlen, (EVP_PKEY_CTX *context, int bytes), (context, bytes))
FAILING(int, 0, EVP_DigestInit_ex2, (EVP_MD_CTX *context, const EVP_MD *digest, const OSSL_PARAM params[]), (context, digest, params))
FAILING(int, 0, EVP_DigestUpdate, (EVP_MD_CTX *context, const void *data, size_t size), (context, data, size))
FAILING(int, 0, EVP_DigestFinal_ex, (EVP_MD_CTX *context, unsigned char *digest, unsigned *ret_size), (context, digest, ret_size))
FAILING(int, 0, EVP_MD_CTX_reset, (EVP_MD_CTX *context), (context))
FAILING(int, 0, EVP_DigestVerifyInit, (EVP_MD_CTX *context, EVP_PKEY_CTX **ret, const EVP_MD *digest, ENGINE *engine, EVP_PKEY *pkey),
        (context, ret, digest, engine, pkey))

/* The verification itself fails as it does for a lack of memory, which must not be taken for a bad signature. */
static int out_of_memory(int status)
{
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    ERR_raise(ERR_LIB_EVP, ERR_R_EVP_LIB);
    return status;
}

FAILING(int, out_of_memory(0), EVP_PKEY_verify, (EVP_PKEY_CTX *context, const unsigned char *signature, size_t size, const unsigned char *hash,
                                                size_t hash_bytes), (context, signature, size, hash, hash_bytes))
FAILING(int, out_of_memory(-1), EVP_DigestVerify, (EVP_MD_CTX *context, const unsigned char *signature, size_t size, const unsigned char *data,
                                                 size_t data_bytes), (context, signature, size, data, data_bytes))
