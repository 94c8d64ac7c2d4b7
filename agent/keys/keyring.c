#include "keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include "agent/fastpath/shared_page.h"

struct file {
    char *text;
    size_t size;
    mode_t mode;
};

static int read_all(int fd, struct file *file)
{
    while (file->size <= KEY_FILE_BYTES_MAX) {
        ssize_t got = read(fd, file->text + file->size, KEY_FILE_BYTES_MAX + 1 - file->size);

        if (got == 0)
            return 0;
        if (got < 0 && errno != EINTR)
            return -1;
        file->size += got > 0 ? (size_t)got : 0;
    }
    errno = EFBIG;
    return -1;
}

/* A file that is missing, or has no key left, counts as a mistake, because every token would be refused; the fault says how to revoke the keys on
   purpose. */
static void fault_file(const struct issuer_config *issuer, const char *what, const char *why, struct faults *faults)
{
    fault_add(faults, issuer->keys.place,
              "the key file %s %s: %s; a running agent keeps its current keys. To revoke the last key: assay revoke --kid KID --issuer %s",
              issuer->keys.file, what, why, issuer->rules.names.list[0].at);
}

/* Empty text: the fault was added. */
static struct file read_file(const struct issuer_config *issuer, struct faults *faults)
{
    struct file file = {NULL, 0, 0};
    struct stat facts;
    int fd = open(issuer->keys.file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &facts) < 0 || !S_ISREG(facts.st_mode)) {
        fault_file(issuer, "cannot be read", fd < 0 ? strerror(errno) : "it is not a regular file", faults);
    } else if ((file.text = malloc(KEY_FILE_BYTES_MAX + 1)) == NULL || read_all(fd, &file) < 0) {
        fault_file(issuer, "cannot be read", strerror(errno), faults);
        free(file.text);
        file.text = NULL;
    } else {
        file.mode = facts.st_mode;
    }
    if (fd >= 0)
        close(fd);
    return file;
}

static void file_free(struct file *file)
{
    if (file->text != NULL)
        OPENSSL_cleanse(file->text, file->size);
    free(file->text);
}

/* HS* are never on by accident (RFC 8725 3.1): an issuer with secrets must name the algorithms, and other users must not have access to the file. */
static void check_secrets(const struct issuer_config *issuer, const struct file *file, const struct keyset *keys,
                          struct faults *faults)
{
    if (keys->has_secrets && (file->mode & (S_IROTH | S_IWOTH)) != 0)
        fault_add(faults, issuer->keys.place, "the key file %s holds a secret and other users can read or write it; run: chmod o-rw %s",
                  issuer->keys.file, issuer->keys.file);
    if (!keys->has_secrets && (file->mode & S_IWOTH) != 0)
        fault_add(faults, issuer->keys.place, "every user can write to the key file %s; run: chmod o-w %s", issuer->keys.file,
                  issuer->keys.file);
}

static struct keyset *load_keys(const struct issuer_config *issuer, const struct file *file, struct faults *faults)
{
    char why[KEYSET_WHY_BYTES];
    struct keyset *keys = keyset_parse(file->text, file->size, issuer->keys.kid, why);
    unsigned before = faults->count;

    if (keys == NULL) {
        fault_file(issuer, "cannot be used", why, faults);
        return NULL;
    }
    check_secrets(issuer, file, keys, faults);
    if (faults->count > before) {
        keyset_drop(keys);
        return NULL;
    }
    return keys;
}

static struct keyring *keyring_new(struct config *config)
{
    unsigned count = config->issuer_count;
    struct keyring *ring = calloc(1, sizeof *ring + count * sizeof *ring->entries);

    if (ring == NULL)
        return NULL;
    ring->references = 1;
    ring->config = config;
    ring->count = count;
    ring->issuers = calloc(count, sizeof *ring->issuers);
    if (ring->issuers == NULL) {
        free(ring);
        return NULL;
    }
    for (unsigned i = 0; i < count; i++)
        ring->issuers[i] = &ring->entries[i].issuer;
    return ring;
}

static void set_entry(struct keyring *ring, unsigned index, struct keyset *keys, double loaded, const uint8_t digest[32])
{
    struct keyring_entry *entry = &ring->entries[index];

    entry->issuer = ring->config->issuers[index].rules;
    entry->issuer.keys = keys;
    entry->keys = keys;
    entry->loaded = loaded;
    memmove(entry->digest, digest, sizeof entry->digest);
}

/* Keys over HTTPS: an empty set until they arrive. */
static void add_empty(struct keyring *ring, unsigned index, struct faults *faults)
{
    static const uint8_t digest[32];
    struct keyset *none = keyset_none();

    if (none == NULL) {
        fault_add(faults, ring->config->issuers[index].keys.place, "out of memory");
        return;
    }
    set_entry(ring, index, none, 0, digest);
}

static void fault_memory(const struct issuer_config *issuer, struct faults *faults)
{
    fault_add(faults, issuer->keys.place, "the key file %s cannot be read: out of memory", issuer->keys.file);
}

/* Includes the mode: if others can read a secret from now on, that is a change. -1: a fault was added, here or when it was read. */
static int digest_file(const struct file *file, const struct issuer_config *issuer, uint8_t digest[32], struct faults *faults)
{
    if (file->text == NULL)
        return -1;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int status = context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
                         EVP_DigestUpdate(context, &file->mode, sizeof file->mode) == 1 &&
                         EVP_DigestUpdate(context, file->text, file->size) == 1 && EVP_DigestFinal_ex(context, digest, NULL) == 1
                     ? 0
                     : -1;

    EVP_MD_CTX_free(context);
    if (status < 0)
        fault_memory(issuer, faults);
    return status;
}

struct keyring *keyring_load(struct config *config, double now, struct faults *faults)
{
    struct keyring *ring = keyring_new(config);
    unsigned before = faults->count;

    for (unsigned i = 0; ring != NULL && i < ring->count; i++) {
        if (config->issuers[i].keys.file == NULL) {
            add_empty(ring, i, faults);
            continue;
        }
        struct file file = read_file(&config->issuers[i], faults);
        uint8_t digest[32];
        struct keyset *keys =
            digest_file(&file, &config->issuers[i], digest, faults) == 0 ? load_keys(&config->issuers[i], &file, faults) : NULL;

        if (keys != NULL)
            set_entry(ring, i, keys, now, digest);
        file_free(&file);
    }
    if (ring != NULL && config->policy_path != NULL)
        ring->policy = policy_load(config->policy_path, config, faults);
    if (ring == NULL) {
        fault_add(faults, (struct place){config->path, 0, 0}, "out of memory");
    } else if (faults->count > before) {
        ring->config = NULL;
        keyring_drop(ring);
        ring = NULL;
    }
    return ring;
}

struct keyring *keyring_reload_file(const struct keyring *old, unsigned index, double now, bool *ret_changed, struct faults *faults)
{
    const struct issuer_config *issuer = &old->config->issuers[index];
    uint8_t digest[32];
    struct keyring *ring = NULL;
    struct keyset *keys;

    *ret_changed = issuer->keys.file != NULL;
    if (!*ret_changed)
        return NULL;
    struct file file = read_file(issuer, faults);

    if (digest_file(&file, issuer, digest, faults) < 0) {
        file_free(&file);
        return NULL;
    }
    if (memcmp(digest, old->entries[index].digest, sizeof digest) == 0)
        *ret_changed = false;
    else if ((keys = load_keys(issuer, &file, faults)) != NULL) {
        ring = keyring_new(old->config);
        if (ring != NULL) {
            set_entry(ring, index, keys, now, digest);
        } else {
            fault_memory(issuer, faults);
            keyset_drop(keys);
        }
    }
    file_free(&file);
    return ring;
}

/* The other entries are the current keyring's, of the same configuration. */
static void fill_up(struct keyring *ring, const struct keyring *current)
{
    config_hold(ring->config);
    ring->policy = policy_hold(current->policy);
    for (unsigned i = 0; i < ring->count; i++) {
        const struct keyring_entry *entry = &current->entries[i];

        if (ring->entries[i].keys == NULL)
            set_entry(ring, i, keyset_hold(entry->keys), entry->loaded, entry->digest);
        ring->entries[i].remote = entry->remote;
    }
}

struct keyring *keyring_adopt(struct keyring *ring, const struct keyring *current)
{
    if (ring->config != current->config) {
        ring->config = NULL; /* no reference was taken */
        keyring_drop(ring);
        return NULL;
    }
    fill_up(ring, current);
    return ring;
}

struct keyring *keyring_with(const struct keyring *current, unsigned index, struct keyset *keys, double loaded)
{
    struct keyring *ring = keyring_new(current->config);

    if (ring == NULL)
        return NULL;
    set_entry(ring, index, keys, loaded, current->entries[index].digest);
    fill_up(ring, current);
    return ring;
}

struct keyring *keyring_with_policy(const struct keyring *current, struct policy *policy)
{
    struct keyring *ring = keyring_new(current->config);

    if (ring == NULL) {
        policy_drop(policy);
        return NULL;
    }
    fill_up(ring, current);
    policy_drop(ring->policy);
    ring->policy = policy;
    return ring;
}

void keyring_fill(struct keyring *ring, unsigned index, struct keyset *keys, double loaded)
{
    keyset_drop(ring->entries[index].keys);
    set_entry(ring, index, keys, loaded, ring->entries[index].digest);
}

/* By arithmetic, because each answer needs it; on numbers, because pointers into different objects cannot be compared. */
static bool find_entry(const struct keyring *ring, const struct issuer *issuer, size_t *ret_index)
{
    size_t offset = (uintptr_t)issuer - (uintptr_t)&ring->entries[0].issuer;

    *ret_index = offset / sizeof ring->entries[0];
    return offset % sizeof ring->entries[0] == 0 && *ret_index < ring->count;
}

struct keyring_entry *keyring_entry_of(struct keyring *ring, const struct issuer *issuer)
{
    size_t index;

    return find_entry(ring, issuer, &index) ? &ring->entries[index] : NULL;
}

const struct issuer *keyring_carry(const struct keyring *from, const struct keyring *to, const struct issuer *issuer)
{
    size_t index;

    if (from->config != to->config || from->policy != to->policy || !find_entry(from, issuer, &index) ||
        from->entries[index].keys != to->entries[index].keys)
        return NULL;
    return &to->entries[index].issuer;
}

const struct issuer *keyring_issuer(const struct keyring *ring, struct text name)
{
    for (unsigned i = 0; i < ring->count; i++) {
        if (texts_have(&ring->issuers[i]->names, name.at, name.bytes))
            return ring->issuers[i];
    }
    return NULL;
}

const struct texts *keyring_spellings(const struct keyring *ring, struct text name)
{
    const struct issuer *issuer = keyring_issuer(ring, name);

    return issuer != NULL ? &issuer->names : NULL;
}

struct keyring *keyring_hold(struct keyring *ring)
{
    ring->references++;
    return ring;
}

void keyring_drop(struct keyring *ring)
{
    if (ring == NULL || --ring->references > 0)
        return;
    for (unsigned i = 0; i < ring->count; i++)
        keyset_drop(ring->entries[i].keys);
    policy_drop(ring->policy);
    config_drop(ring->config);
    free(ring->issuers);
    free(ring);
}

bool keyring_has_other_keys(const struct keyring *old, const struct keyring *ring, unsigned index)
{
    return old->entries[index].keys != ring->entries[index].keys;
}

void keyring_bump_changed(const struct keyring *old, const struct keyring *ring, struct shared_page *shared)
{
    for (unsigned i = 0; i < ring->count; i++) {
        if (keyring_has_other_keys(old, ring, i))
            shared_page_bump_issuer(shared, &ring->entries[i].issuer);
    }
}
