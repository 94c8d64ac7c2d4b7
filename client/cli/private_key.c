#include "private_key.h"

#include <openssl/pem.h>
#include <string.h>

#include "owned.h"
#include "report.h"

/* Without this, OpenSSL would ask on the terminal, in the middle of a script. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

static bool fits(const EVP_PKEY *key, enum key_kind kind)
{
    char group[32] = "";

    if (kind == KEY_RSA)
        return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) >= 2048;
    if (kind == KEY_ED25519)
        return EVP_PKEY_is_a(key, "ED25519");
    if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof group, NULL) != 1)
        return false;
    return strcmp(group, kind == KEY_P256 ? "prime256v1" : kind == KEY_P384 ? "secp384r1" : "secp521r1") == 0;
}

static const char *wanted_key(enum key_kind kind)
{
    return kind == KEY_RSA       ? "an RSA key of at least 2048 bits"
           : kind == KEY_ED25519 ? "an Ed25519 key"
           : kind == KEY_P256    ? "an EC key on P-256"
           : kind == KEY_P384    ? "an EC key on P-384"
                                 : "an EC key on P-521";
}

int private_key_parse(const char *path, const struct secret *file, enum algorithm algorithm, EVP_PKEY **ret_key)
{
    BIO *bio OWNED_BIO = BIO_new_mem_buf(file->bytes, (int)file->count);
    EVP_PKEY *key OWNED_KEY = bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    const struct algorithm_facts *facts = &algorithm_facts[algorithm];

    if (key == NULL)
        return report_bad_input("%s has no private key in PEM without a passphrase; 'assay keygen' creates one", path);
    if (!fits(key, facts->kind))
        return report_bad_input("%s does not fit --alg %s, which needs %s", path, facts->name, wanted_key(facts->kind));
    *ret_key = take(key);
    return 0;
}
