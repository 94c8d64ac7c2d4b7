/* OpenSSL as the agent calls it. Inside libcrypto its functions call each other directly: what fails there is memory, in libc.c. */
#include "shim.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* Their prototypes have attributes or are macros in the headers; the names are what the linker sees. */
#define NONE 0

SHIM(int, RAND_bytes, (unsigned char *bytes, int size), (bytes, size), 0, NONE)
SHIM(void *, CRYPTO_zalloc, (size_t size, const char *file, int line), (size, file, line), NULL, NONE)
SHIM(void *, CRYPTO_memdup, (const void *bytes, size_t size, const char *file, int line), (bytes, size, file, line), NULL, NONE)
SHIM(char *, CRYPTO_strndup, (const char *text, size_t size, const char *file, int line), (text, size, file, line), NULL, NONE)

SHIM(BIO *, BIO_new_mem_buf, (const void *bytes, int size), (bytes, size), NULL, NONE)
SHIM(int, PEM_read_bio, (BIO * bio, char **name, char **header, unsigned char **bytes, long *size), (bio, name, header, bytes, size), 0,
     NONE)
SHIM(EVP_PKEY *, d2i_PUBKEY, (EVP_PKEY * *key, const unsigned char **bytes, long size), (key, bytes, size), NULL, NONE)
SHIM(X509 *, d2i_X509, (X509 * *certificate, const unsigned char **bytes, long size), (certificate, bytes, size), NULL, NONE)
SHIM(EVP_PKEY *, X509_get_pubkey, (X509 * certificate), (certificate), NULL, NONE)

SHIM(BIGNUM *, BN_bin2bn, (const unsigned char *bytes, int size, BIGNUM *number), (bytes, size, number), NULL, NONE)
SHIM(int, BN_bn2binpad, (const BIGNUM *number, unsigned char *bytes, int size), (number, bytes, size), -1, NONE)

SHIM(OSSL_PARAM_BLD *, OSSL_PARAM_BLD_new, (void), (), NULL, NONE)
SHIM(int, OSSL_PARAM_BLD_push_BN, (OSSL_PARAM_BLD * build, const char *key, const BIGNUM *number), (build, key, number), 0, NONE)
SHIM(int, OSSL_PARAM_BLD_push_utf8_string, (OSSL_PARAM_BLD * build, const char *key, const char *text, size_t size),
     (build, key, text, size), 0, NONE)
SHIM(int, OSSL_PARAM_BLD_push_octet_string, (OSSL_PARAM_BLD * build, const char *key, const void *bytes, size_t size),
     (build, key, bytes, size), 0, NONE)
SHIM(OSSL_PARAM *, OSSL_PARAM_BLD_to_param, (OSSL_PARAM_BLD * build), (build), NULL, NONE)

SHIM(int, EVP_Digest,
     (const void *bytes, size_t size, unsigned char *digest, unsigned *digest_size, const EVP_MD *type, ENGINE *engine),
     (bytes, size, digest, digest_size, type, engine), 0, NONE)
SHIM(EVP_MD *, EVP_MD_fetch, (OSSL_LIB_CTX * context, const char *name, const char *properties), (context, name, properties), NULL, NONE)
SHIM(EVP_SIGNATURE *, EVP_SIGNATURE_fetch, (OSSL_LIB_CTX * context, const char *name, const char *properties),
     (context, name, properties), NULL, NONE)
SHIM(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, NONE)
SHIM(int, EVP_DigestInit_ex, (EVP_MD_CTX * context, const EVP_MD *type, ENGINE *engine), (context, type, engine), 0, NONE)
SHIM(int, EVP_DigestInit_ex2, (EVP_MD_CTX * context, const EVP_MD *type, const OSSL_PARAM *params), (context, type, params), 0, NONE)
SHIM(int, EVP_DigestUpdate, (EVP_MD_CTX * context, const void *bytes, size_t size), (context, bytes, size), 0, NONE)
SHIM(int, EVP_DigestFinal_ex, (EVP_MD_CTX * context, unsigned char *digest, unsigned *size), (context, digest, size), 0, NONE)
SHIM(int, EVP_DigestVerifyInit,
     (EVP_MD_CTX * context, EVP_PKEY_CTX **ret, const EVP_MD *type, ENGINE *engine, EVP_PKEY *key), (context, ret, type, engine, key), 0,
     NONE)
SHIM(int, EVP_DigestVerify,
     (EVP_MD_CTX * context, const unsigned char *signature, size_t signature_size, const unsigned char *bytes, size_t size),
     (context, signature, signature_size, bytes, size), -1, NONE)

SHIM(EVP_MAC *, EVP_MAC_fetch, (OSSL_LIB_CTX * context, const char *name, const char *properties), (context, name, properties), NULL,
     NONE)
SHIM(EVP_MAC_CTX *, EVP_MAC_CTX_new, (EVP_MAC * mac), (mac), NULL, NONE)
SHIM(int, EVP_MAC_init, (EVP_MAC_CTX * context, const unsigned char *key, size_t size, const OSSL_PARAM *params),
     (context, key, size, params), 0, NONE)
SHIM(int, EVP_MAC_update, (EVP_MAC_CTX * context, const unsigned char *bytes, size_t size), (context, bytes, size), 0, NONE)
SHIM(int, EVP_MAC_final, (EVP_MAC_CTX * context, unsigned char *out, size_t *size, size_t room), (context, out, size, room), 0, NONE)

SHIM(EVP_PKEY_CTX *, EVP_PKEY_CTX_new, (EVP_PKEY * key, ENGINE *engine), (key, engine), NULL, NONE)
SHIM(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_name, (OSSL_LIB_CTX * context, const char *name, const char *properties),
     (context, name, properties), NULL, NONE)
SHIM(EVP_PKEY_CTX *, EVP_PKEY_CTX_new_from_pkey, (OSSL_LIB_CTX * context, EVP_PKEY *key, const char *properties),
     (context, key, properties), NULL, NONE)
SHIM(int, EVP_PKEY_fromdata_init, (EVP_PKEY_CTX * context), (context), 0, NONE)
SHIM(int, EVP_PKEY_fromdata, (EVP_PKEY_CTX * context, EVP_PKEY **key, int selection, OSSL_PARAM *params), (context, key, selection, params),
     0, NONE)
SHIM(int, EVP_PKEY_public_check, (EVP_PKEY_CTX * context), (context), -1, NONE)
SHIM(EVP_PKEY *, EVP_PKEY_new_raw_public_key, (int type, ENGINE *engine, const unsigned char *bytes, size_t size),
     (type, engine, bytes, size), NULL, NONE)
SHIM(int, EVP_PKEY_get_raw_public_key, (const EVP_PKEY *key, unsigned char *bytes, size_t *size), (key, bytes, size), 0, NONE)
SHIM(int, EVP_PKEY_get_bn_param, (const EVP_PKEY *key, const char *name, BIGNUM **number), (key, name, number), 0, NONE)
SHIM(int, EVP_PKEY_get_group_name, (const EVP_PKEY *key, char *name, size_t room, size_t *size), (key, name, room, size), 0, NONE)
SHIM(int, EVP_PKEY_get_size, (const EVP_PKEY *key), (key), 0, NONE)

SHIM(int, EVP_PKEY_verify_init, (EVP_PKEY_CTX * context), (context), 0, NONE)
SHIM(int, EVP_PKEY_verify,
     (EVP_PKEY_CTX * context, const unsigned char *signature, size_t signature_size, const unsigned char *hash, size_t size),
     (context, signature, signature_size, hash, size), -1, NONE)
SHIM(int, EVP_PKEY_CTX_set_rsa_padding, (EVP_PKEY_CTX * context, int padding), (context, padding), 0, NONE)
SHIM(int, EVP_PKEY_CTX_set_rsa_mgf1_md, (EVP_PKEY_CTX * context, const EVP_MD *type), (context, type), 0, NONE)
SHIM(int, EVP_PKEY_CTX_set_rsa_pss_saltlen, (EVP_PKEY_CTX * context, int size), (context, size), 0, NONE)
SHIM(int, EVP_PKEY_CTX_set_signature_md, (EVP_PKEY_CTX * context, const EVP_MD *type), (context, type), 0, NONE)
