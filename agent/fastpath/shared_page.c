#include "shared_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "agent/base/log.h"
#include "client/wire/clock.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

struct shared_page {
    struct page *page;
    int fd; /* -1: the page is ordinary memory */
    uint8_t secret[XXH_SECRET_DEFAULT_SIZE];
    EVP_CIPHER_CTX *cipher;
};

/* A thing's hash is fast, but from many of its results an observer could find its secret; so the result goes through AES before a part of it is
   shown. */
static EVP_CIPHER_CTX *new_cipher(void)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    uint8_t key[16];
    bool whole = cipher != NULL && RAND_bytes(key, sizeof key) == 1 &&
                 EVP_EncryptInit_ex2(cipher, EVP_aes_128_ecb(), key, NULL, NULL) == 1 && EVP_CIPHER_CTX_set_padding(cipher, 0) == 1;

    OPENSSL_cleanse(key, sizeof key);
    if (whole)
        return cipher;
    EVP_CIPHER_CTX_free(cipher);
    return NULL;
}

static void close_fd(struct shared_page *shared)
{
    if (shared->fd >= 0)
        close(shared->fd);
    shared->fd = -1;
}

/* Touches every page of the memory before it is sealed and handed out, because the first process to touch it is charged for it. It cannot seal
   WRITE while the memory is mapped here, so it seals every way to write that is not open already. */
static int make_shared(struct shared_page *shared)
{
    shared->fd = memfd_create("assay", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (shared->fd < 0 || ftruncate(shared->fd, sizeof(struct page)) < 0)
        return -1;
    void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, shared->fd, 0);

    if (at == MAP_FAILED)
        return -1;
    shared->page = at;
    memset(at, 0, sizeof(struct page));
    return fcntl(shared->fd, F_ADD_SEALS, SEALS);
}

/* Clients get a descriptor that was never open for writing, if /proc is available to make one. */
static void reopen_for_reading(struct shared_page *shared)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", shared->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    close_fd(shared);
    shared->fd = fd;
}

static int make_page(struct shared_page *shared)
{
    if (make_shared(shared) == 0) {
        reopen_for_reading(shared);
        return 0;
    }
    log_warning("no memory can be shared with clients, so each of their calls goes to the agent", LOG_TEXT("error", strerror(errno)));
    close_fd(shared);
    if (shared->page != NULL)
        munmap(shared->page, sizeof(struct page));
    void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    shared->page = at != MAP_FAILED ? at : NULL;
    return shared->page != NULL ? 0 : -1;
}

static int fill_page(struct page *page, const uint8_t instance[16])
{
    memcpy(page->magic, PAGE_MAGIC, sizeof PAGE_MAGIC);
    page->version = PAGE_VERSION;
    page->counters = PAGE_COUNTERS;
    memcpy(page->instance, instance, sizeof page->instance);
    return RAND_bytes((uint8_t *)page->counter, sizeof page->counter) == 1 && RAND_bytes((uint8_t *)&page->keys, 8) == 1 &&
                   RAND_bytes((uint8_t *)&page->policy, 8) == 1
               ? 0
               : -1;
}

struct shared_page *shared_page_new(const uint8_t instance[16])
{
    struct shared_page *shared = calloc(1, sizeof *shared);

    if (shared == NULL)
        return NULL;
    shared->fd = -1;
    shared->cipher = new_cipher();
    if (shared->cipher != NULL && RAND_bytes(shared->secret, sizeof shared->secret) == 1 && make_page(shared) == 0 &&
        fill_page(shared->page, instance) == 0)
        return shared;
    shared_page_free(shared);
    return NULL;
}

void shared_page_free(struct shared_page *shared)
{
    if (shared == NULL)
        return;
    close_fd(shared);
    if (shared->page != NULL)
        munmap(shared->page, sizeof(struct page));
    EVP_CIPHER_CTX_free(shared->cipher);
    OPENSSL_cleanse(shared->secret, sizeof shared->secret);
    free(shared);
}

int shared_page_fd(const struct shared_page *shared)
{
    return shared->fd;
}

const struct page *shared_page_at(const struct shared_page *shared)
{
    return shared->page;
}

struct thing shared_page_thing(const struct shared_page *shared, enum thing_kind kind, struct text issuer, struct text name)
{
    XXH128_hash_t parts[3] = {{.low64 = kind}, XXH3_128bits_withSecret(issuer.at, issuer.bytes, shared->secret, sizeof shared->secret),
                              XXH3_128bits_withSecret(name.at, name.bytes, shared->secret, sizeof shared->secret)};
    XXH128_hash_t whole = XXH3_128bits_withSecret(parts, sizeof parts, shared->secret, sizeof shared->secret);

    return (struct thing){whole.low64, whole.high64};
}

int shared_page_indexes(struct shared_page *shared, const struct thing *things, unsigned count, uint16_t *ret_indexes)
{
    struct thing hidden[THINGS_MAX];
    int bytes = 0, size = (int)(count * sizeof *things);

    if (count > THINGS_MAX || EVP_EncryptUpdate(shared->cipher, (uint8_t *)hidden, &bytes, (const uint8_t *)things, size) != 1 ||
        bytes != size)
        return -1;
    for (unsigned i = 0; i < count; i++)
        ret_indexes[i] = (uint16_t)(hidden[i].low % PAGE_COUNTERS);
    return 0;
}

/* There is one writer, so reading and writing need not be one atomic step. */
static void grow(_Atomic uint64_t *word)
{
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + 1, memory_order_release);
}

void shared_page_bump(struct shared_page *shared, struct thing thing)
{
    uint16_t index;

    if (shared_page_indexes(shared, &thing, 1, &index) == 0)
        grow(&shared->page->counter[index]);
    else
        shared_page_bump_all(shared); /* it is among them */
}

void shared_page_bump_issuer(struct shared_page *shared, const struct issuer *issuer)
{
    shared_page_bump(shared, shared_page_thing(shared, THING_ISSUER, issuer->names.list[0], (struct text){"", 0}));
}

void shared_page_bump_all(struct shared_page *shared)
{
    for (unsigned i = 0; i < PAGE_COUNTERS; i++)
        grow(&shared->page->counter[i]);
}

void shared_page_bump_keys(struct shared_page *shared)
{
    grow(&shared->page->keys);
}

void shared_page_bump_policy(struct shared_page *shared)
{
    grow(&shared->page->policy);
}

void shared_page_beat(struct shared_page *shared)
{
    atomic_store_explicit(&shared->page->heartbeat, (uint64_t)monotonic_ns(), memory_order_release);
}

void shared_page_close(struct shared_page *shared)
{
    atomic_store_explicit(&shared->page->closed, 1, memory_order_release);
}
