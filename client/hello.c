#include "hello.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "exports.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

/* [0, 1, "hello", [{}]] */
static const uint8_t hello[] = {0x94, 0x00, 0x01, 0xa5, 'h', 'e', 'l', 'l', 'o', 0x91, 0x80};

enum outcome { GREETED, REFUSED, UNCERTAIN, FAILED };

/* What came back. */
struct greeted {
    uint8_t bytes[1024];
    size_t size;
    int fd; /* -1: none */
    int64_t before, after; /* monotonic: when it was asked, and answered */
};

/* A descriptor that comes is kept, the first one; more than one is no agent's. */
static void take_descriptor(struct msghdr *message, struct greeted *greeted)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL; head = CMSG_NXTHDR(message, head)) {
        int fd;

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof fd))
            continue;
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
        if (greeted->fd < 0)
            greeted->fd = fd;
        else
            close(fd);
    }
}

static bool receive_some(int fd, struct greeted *greeted)
{
    struct iovec part = {greeted->bytes + greeted->size, sizeof greeted->bytes - greeted->size};
    union {
        struct cmsghdr aligned;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t got;

    do
        got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    take_descriptor(&message, greeted);
    greeted->size += (size_t)got;
    return true;
}

/* One question and its whole answer. The socket's own timeouts bound it: they are those of the connect, which is done. */
static bool converse(int fd, struct greeted *greeted)
{
    static const struct wire_limits limits = {sizeof greeted->bytes, 64, 8};
    size_t bytes = 0;

    greeted->before = monotonic_ns();
    if (send(fd, hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
        return false;
    while (greeted->size < sizeof greeted->bytes && receive_some(fd, greeted)) {
        enum wire_status measured = wire_measure(greeted->bytes, greeted->size, &limits, &bytes);

        greeted->after = monotonic_ns();
        if (measured != WIRE_MORE)
            return measured == WIRE_OK && bytes == greeted->size;
    }
    return false;
}

/* A clock of another time namespace would find the heartbeat fresh for ever, or never. */
static enum outcome compare_clocks(const struct greeted *greeted, uint64_t clock)
{
    if (clock > INT64_MAX || greeted->before - PAGE_CLOCK_SLACK_NS > (int64_t)clock ||
        greeted->after + PAGE_CLOCK_SLACK_NS < (int64_t)clock)
        return FAILED;
    return greeted->after - greeted->before > PAGE_ROUND_TRIP_NS ? UNCERTAIN : GREETED;
}

/* Sealed memory of the right size cannot change its size under a reader, nor be written by anybody but who made it. */
static bool is_sealed(int fd)
{
    struct stat facts;
    int seals = fcntl(fd, F_GET_SEALS);

    return fstat(fd, &facts) == 0 && facts.st_size == (off_t)sizeof(struct page) && seals >= 0 && (seals & SEALS) == SEALS;
}

static bool is_page_of(const struct page *page, const uint8_t instance[16])
{
    return memcmp(page->magic, PAGE_MAGIC, sizeof PAGE_MAGIC) == 0 && page->version == PAGE_VERSION && page->counters == PAGE_COUNTERS &&
           memcmp(page->instance, instance, sizeof page->instance) == 0;
}

/* Looked at in another place before it is put where calls read it. */
static bool use_page(struct cache *cache, int fd, const uint8_t instance[16])
{
    if (fd < 0 || !is_sealed(fd))
        return false;
    void *at = mmap(NULL, sizeof(struct page), PROT_READ, MAP_SHARED, fd, 0);

    if (at == MAP_FAILED)
        return false;
    bool good = is_page_of(at, instance);

    munmap(at, sizeof(struct page));
    return good && cache_use_page(cache, fd) == 0;
}

/* [1, 1, nil, {instance, clock, page, …}] */
static enum outcome judge(struct cache *cache, const struct greeted *greeted)
{
    struct value *answer CLEANUP_FREE = NULL;
    uint8_t instance[16];

    if (value_read((struct wire_cursor){greeted->bytes, greeted->bytes + greeted->size}, &answer) != 0 || answer->type != WIRE_ARRAY ||
        answer->count != 4)
        return FAILED;
    const struct value *type = value_first(answer), *msgid = value_next(type), *error = value_next(msgid), *result = value_next(error);
    const struct value *page = value_member_of(result, "page", WIRE_BOOL), *clock = value_member_of(result, "clock", WIRE_UINT);
    const struct value *name = value_member_of(result, "instance", WIRE_STR);

    if (type->type != WIRE_UINT || type->uint != 1 || msgid->type != WIRE_UINT || msgid->uint != 1)
        return FAILED;
    if (error->type != WIRE_NIL || (page != NULL && !page->boolean))
        return REFUSED;
    if (page == NULL || clock == NULL || name == NULL || !instance_read(name->str, name->count, instance))
        return FAILED;
    enum outcome outcome = compare_clocks(greeted, clock->uint);

    if (outcome == FAILED)
        atomic_store(&cache->greeting->never, 1);
    return outcome == GREETED && !use_page(cache, greeted->fd, instance) ? FAILED : outcome;
}

static enum outcome greet(struct assay *assay, int64_t deadline)
{
    struct connection *connection CLEANUP(connection_close_at) = NULL;
    struct greeted greeted = {.fd = -1};

    if (channel_connect(&assay->channel, deadline, &connection) != 0)
        return FAILED;
    enum outcome outcome = converse(connection->fd, &greeted) ? judge(&assay->cache, &greeted) : FAILED;

    close_fd(&greeted.fd);
    if (outcome == GREETED) { /* the one before, of an agent that is gone or of this process' parent, goes */
        connection_close(assay->holder);
        assay->holder = take(connection);
    }
    return outcome;
}

void hello_if_needed(struct assay *assay, int64_t deadline)
{
    struct greeting *greeting = assay->cache.greeting;
    int64_t now;

    if (greeting == NULL || atomic_load(&greeting->never) != 0 || cache_has_page(&assay->cache))
        return;
    now = monotonic_ns();
    if (now < atomic_load(&greeting->next) || atomic_exchange(&greeting->busy, 1) != 0)
        return;
    enum outcome outcome = UNCERTAIN;
    int64_t latest = now + HELLO_TIMEOUT_NS < deadline ? now + HELLO_TIMEOUT_NS : deadline;

    atomic_store(&greeting->next, now + HELLO_AGAIN_NS);
    for (unsigned tries = 0; outcome == UNCERTAIN && tries < HELLO_TRIES; tries++)
        outcome = greet(assay, latest);
    if (outcome == REFUSED)
        atomic_store(&greeting->next, now + HELLO_REFUSED_NS);
    atomic_store(&greeting->busy, 0);
}
