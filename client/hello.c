#include "hello.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/wire/cleanup.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static int put_nothing(struct params *params, const struct question *question, bool stamped)
{
    (void)question;
    (void)stamped;
    params->heads[0] = 0x80; /* an empty map */
    params->parts[0] = (struct iovec){params->heads, 1};
    params->count = 1;
    params->own = NULL;
    return 0;
}

const struct question_kind kind_hello = {"hello", NULL, NULL, put_nothing, NULL};

void descriptor_take(struct msghdr *message, int *descriptor)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL; head = CMSG_NXTHDR(message, head)) {
        int fd;

        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof fd))
            continue;
        memcpy(&fd, CMSG_DATA(head), sizeof fd);
        close_fd(descriptor);
        *descriptor = fd;
    }
}

/* With the clock of another time namespace, the heartbeat would look fresh for ever, or never. */
static enum hello compare_clocks(const struct span *span, uint64_t clock)
{
    if (clock > INT64_MAX || span->before - PAGE_CLOCK_SLACK_NS > (int64_t)clock || span->after + PAGE_CLOCK_SLACK_NS < (int64_t)clock)
        return HELLO_FAILED;
    return span->after - span->before > PAGE_ROUND_TRIP_NS ? HELLO_UNCERTAIN : HELLO_GREETED;
}

/* The size of sealed memory cannot change while a reader uses it, and only its creator can write to it. */
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

/* Checks the page at another address before it is mapped where calls read it. */
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

/* {instance, clock, page, …} */
static enum hello judge(struct cache *cache, const struct value *result, int fd, const struct span *span)
{
    const struct value *page = value_member_of(result, "page", WIRE_BOOL), *clock = value_member_of(result, "clock", WIRE_UINT);
    const struct value *name = value_member_of(result, "instance", WIRE_STR);
    uint8_t instance[16];

    if (page != NULL && !page->boolean)
        return HELLO_REFUSED;
    if (page == NULL || clock == NULL || name == NULL || !instance_read(name->str, name->count, instance))
        return HELLO_FAILED;
    enum hello outcome = compare_clocks(span, clock->uint);

    if (outcome == HELLO_FAILED)
        atomic_store(&cache->greeting->never, 1);
    return outcome == HELLO_GREETED && !use_page(cache, fd, instance) ? HELLO_FAILED : outcome;
}

enum hello hello_take(struct cache *cache, int status, const struct answer *answer, int fd, const struct span *span)
{
    struct value *result CLEANUP_FREE = NULL;
    enum hello outcome = HELLO_FAILED;

    if (status <= ASSAY_E_WIRE)
        outcome = HELLO_REFUSED; /* an agent without the page, or one that refuses this process */
    else if (status == 0 && value_read(answer->result, &result) == 0)
        outcome = judge(cache, result, fd, span);
    if (outcome == HELLO_REFUSED)
        atomic_store(&cache->greeting->next, span->after + HELLO_REFUSED_NS);
    return outcome;
}

static bool receive_some(int fd, struct answer *answer, int *descriptor)
{
    struct iovec part = {answer->bytes + answer->size, sizeof answer->small - answer->size};
    union descriptor_room room;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room};
    ssize_t got;

    do
        got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    descriptor_take(&message, descriptor);
    answer->size += (size_t)got;
    return true;
}

/* Sends hello and reads its whole answer, within the socket's own timeouts, which the connect has set. Returns the statuses of
   answer_read(). */
static int converse(int fd, struct answer *answer, int *descriptor, struct span *span)
{
    uint8_t request[REQUEST_HEAD_BYTES_MAX + 1];
    size_t head = request_head(request, 1, kind_hello.name), bytes = 0;
    enum wire_status measured = WIRE_MORE;

    request[head++] = 0x80;
    span->before = monotonic_ns();
    if (send(fd, request, head, MSG_NOSIGNAL) != (ssize_t)head)
        return ASSAY_E_UNREACHABLE;
    while (measured == WIRE_MORE && answer->size < sizeof answer->small && receive_some(fd, answer, descriptor))
        measured = answer_measure(answer->bytes, answer->size, &bytes);
    span->after = monotonic_ns();
    return measured == WIRE_OK && bytes == answer->size ? answer_read(answer, 1) : ASSAY_E_PROTOCOL;
}

static enum hello greet(struct assay *assay, int64_t deadline)
{
    struct connection *connection CLEANUP(connection_close_at) = NULL;
    struct answer answer CLEANUP(answer_clear);
    int descriptor CLEANUP_FD = -1;
    struct span span;

    answer_init(&answer);
    if (channel_connect(&assay->channel, deadline, &connection) != 0)
        return HELLO_FAILED;
    int status = converse(connection->fd, &answer, &descriptor, &span);
    enum hello outcome = hello_take(&assay->cache, status, &answer, descriptor, &span);

    if (outcome == HELLO_GREETED) { /* closes the connection to an earlier agent, or the parent's */
        connection_close(assay->holder);
        assay->holder = take(connection);
    }
    return outcome;
}

bool hello_is_due(struct cache *cache, int64_t now)
{
    struct greeting *greeting = cache->greeting;

    if (greeting == NULL || atomic_load(&greeting->never) != 0 || cache_has_page(cache))
        return false;
    int64_t next = atomic_load(&greeting->next);

    return now >= next && atomic_compare_exchange_strong(&greeting->next, &next, now + HELLO_AGAIN_NS);
}

void hello_if_needed(struct assay *assay, int64_t deadline)
{
    int64_t now = monotonic_ns(), latest = now + HELLO_TIMEOUT_NS < deadline ? now + HELLO_TIMEOUT_NS : deadline;
    enum hello outcome = HELLO_UNCERTAIN;

    if (!hello_is_due(&assay->cache, now) || atomic_exchange(&assay->cache.greeting->busy, 1) != 0)
        return;
    for (unsigned tries = 0; outcome == HELLO_UNCERTAIN && tries < HELLO_TRIES; tries++)
        outcome = greet(assay, latest);
    atomic_store(&assay->cache.greeting->busy, 0);
}
