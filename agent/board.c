#include "board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "agent/observe/log.h"
#include "client/clock.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

struct board {
    struct page *page;
    int fd; /* -1: the page is ordinary memory */
    uint8_t secret[XXH_SECRET_DEFAULT_SIZE];
    EVP_CIPHER_CTX *cipher;
};

/* A thing's hash is fast, but who sees many of its results could find its secret; so they go through AES before a part of them is
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

static void close_fd(struct board *board)
{
    if (board->fd >= 0)
        close(board->fd);
    board->fd = -1;
}

/* Every page of it is touched before it is sealed and handed out: the first to touch it pays for it. It is not WRITE that is sealed,
   which cannot be while it is mapped here, but every way to write that is not open already. */
static int make_shared(struct board *board)
{
    board->fd = memfd_create("assay", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (board->fd < 0 || ftruncate(board->fd, sizeof(struct page)) < 0)
        return -1;
    void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, board->fd, 0);

    if (at == MAP_FAILED)
        return -1;
    board->page = at;
    memset(at, 0, sizeof(struct page));
    return fcntl(board->fd, F_ADD_SEALS, SEALS);
}

/* Clients get a descriptor that was never open for writing, where /proc can be had to make one. */
static void reopen_for_reading(struct board *board)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", board->fd);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    close_fd(board);
    board->fd = fd;
}

static int make_page(struct board *board)
{
    if (make_shared(board) == 0) {
        reopen_for_reading(board);
        return 0;
    }
    log_warning("no memory can be shared with clients, so each of their calls goes to the agent", LOG_TEXT("error", strerror(errno)));
    close_fd(board);
    if (board->page != NULL)
        munmap(board->page, sizeof(struct page));
    void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    board->page = at != MAP_FAILED ? at : NULL;
    return board->page != NULL ? 0 : -1;
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

struct board *board_new(const uint8_t instance[16])
{
    struct board *board = calloc(1, sizeof *board);

    if (board == NULL)
        return NULL;
    board->fd = -1;
    board->cipher = new_cipher();
    if (board->cipher != NULL && RAND_bytes(board->secret, sizeof board->secret) == 1 && make_page(board) == 0 &&
        fill_page(board->page, instance) == 0)
        return board;
    board_free(board);
    return NULL;
}

void board_free(struct board *board)
{
    if (board == NULL)
        return;
    close_fd(board);
    if (board->page != NULL)
        munmap(board->page, sizeof(struct page));
    EVP_CIPHER_CTX_free(board->cipher);
    OPENSSL_cleanse(board->secret, sizeof board->secret);
    free(board);
}

int board_fd(const struct board *board)
{
    return board->fd;
}

const struct page *board_page(const struct board *board)
{
    return board->page;
}

struct thing board_thing(const struct board *board, enum thing_kind kind, struct text issuer, struct text name)
{
    XXH128_hash_t parts[3] = {{.low64 = kind}, XXH3_128bits_withSecret(issuer.at, issuer.bytes, board->secret, sizeof board->secret),
                              XXH3_128bits_withSecret(name.at, name.bytes, board->secret, sizeof board->secret)};
    XXH128_hash_t whole = XXH3_128bits_withSecret(parts, sizeof parts, board->secret, sizeof board->secret);

    return (struct thing){whole.low64, whole.high64};
}

int board_indexes(struct board *board, const struct thing *things, unsigned count, uint16_t *ret_indexes)
{
    struct thing hidden[THINGS_MAX];
    int bytes = 0, size = (int)(count * sizeof *things);

    if (count > THINGS_MAX || EVP_EncryptUpdate(board->cipher, (uint8_t *)hidden, &bytes, (const uint8_t *)things, size) != 1 ||
        bytes != size)
        return -1;
    for (unsigned i = 0; i < count; i++)
        ret_indexes[i] = (uint16_t)(hidden[i].low % PAGE_COUNTERS);
    return 0;
}

/* One writer, so that reading and writing need not be one step. */
static void grow(_Atomic uint64_t *word)
{
    atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed) + 1, memory_order_release);
}

void board_bump(struct board *board, struct thing thing)
{
    uint16_t index;

    if (board_indexes(board, &thing, 1, &index) == 0)
        grow(&board->page->counter[index]);
    else
        board_bump_all(board); /* it is one of them */
}

void board_bump_issuer(struct board *board, const struct issuer *issuer)
{
    board_bump(board, board_thing(board, THING_ISSUER, issuer->names.list[0], (struct text){"", 0}));
}

void board_bump_all(struct board *board)
{
    for (unsigned i = 0; i < PAGE_COUNTERS; i++)
        grow(&board->page->counter[i]);
}

void board_bump_keys(struct board *board)
{
    grow(&board->page->keys);
}

void board_bump_policy(struct board *board)
{
    grow(&board->page->policy);
}

void board_beat(struct board *board)
{
    atomic_store_explicit(&board->page->heartbeat, (uint64_t)monotonic_ns(), memory_order_release);
}

void board_close(struct board *board)
{
    atomic_store_explicit(&board->page->closed, 1, memory_order_release);
}
