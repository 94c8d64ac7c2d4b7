#include "cache_around.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "client/wire/clock.h"

#define BYTES (1024 * 1024)

struct page *page;
struct cache cache;

void beat(void)
{
    atomic_store(&page->heartbeat, (uint64_t)monotonic_ns());
}

int set_up(void **state)
{
    int fd = memfd_create("page", MFD_CLOEXEC);

    (void)state;
    assert_true(fd >= 0 && ftruncate(fd, sizeof *page) == 0);
    page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(page, MAP_FAILED);
    memset(page->instance, 7, sizeof page->instance);
    for (unsigned i = 0; i < PAGE_COUNTERS; i++)
        page->counter[i] = 1000 + i;
    page->keys = 50;
    page->policy = 60;
    beat();
    cache_init(&cache, BYTES);
    assert_false(cache_has_page(&cache));
    assert_int_equal(cache_use_page(&cache, fd), 0);
    assert_true(cache_has_page(&cache));
    close(fd);
    return 0;
}

int tear_down(void **state)
{
    (void)state;
    cache_fini(&cache);
    munmap(page, sizeof *page);
    return 0;
}

struct told told(void)
{
    struct told it = {
        .from = -10, .until = 100, .keys = 50, .policy = 60, .count = 3, .index = {5, 6, 4095}, .value = {1005, 1006, 5095}};

    for (unsigned i = 0; i < 16; i++)
        memcpy(it.instance + 2 * i, "07", 3);
    return it;
}

static bool has(const struct told *it, const char *name)
{
    return it->without == NULL || strcmp(it->without, name) != 0;
}

static void put_number(struct wire_writer *writer, const struct told *it, const char *name, int64_t number)
{
    if (!has(it, name))
        return;
    wire_put_text(writer, name);
    wire_put_int(writer, number);
}

static void put_counters(struct wire_writer *writer, const struct told *it)
{
    wire_put_text(writer, "counters");
    wire_put_array(writer, it->count);
    for (unsigned i = 0; i < it->count; i++) {
        if (it->put_last != NULL && i == it->count - 1) {
            it->put_last(writer);
            continue;
        }
        wire_put_array(writer, 2);
        wire_put_uint(writer, it->index[i]);
        wire_put_uint(writer, it->value[i]);
    }
}

struct assay_verdict *verdict_of(const struct told *it)
{
    uint8_t bytes[1024];
    struct wire_writer writer;
    struct value_size size;

    wire_writer_init(&writer, bytes, sizeof bytes);
    wire_put_map(&writer, it->put_first != NULL ? 2 : 1);
    if (it->put_first != NULL)
        it->put_first(&writer);
    wire_put_text(&writer, "stamp");
    wire_put_map(&writer, it->without != NULL ? 5 : 6);
    if (has(it, "instance")) {
        wire_put_text(&writer, "instance");
        wire_put_text(&writer, it->instance);
    }
    put_number(&writer, it, "from", time(NULL) + it->from);
    put_number(&writer, it, "until", time(NULL) + it->until);
    put_number(&writer, it, "keys", (int64_t)it->keys);
    put_number(&writer, it, "policy", (int64_t)it->policy);
    if (has(it, "counters"))
        put_counters(&writer, it);
    struct wire_cursor cursor = {bytes, writer.at};

    assert_false(writer.full);
    assert_int_equal(value_size(cursor, &size), 0);
    struct assay_verdict *verdict = calloc(1, sizeof *verdict + size.nodes * sizeof(struct value) + size.text_bytes);

    assert_non_null(verdict);
    verdict->ok = true;
    verdict->http_status = 200;
    verdict->count = size.nodes;
    verdict->values = (struct value *)(verdict + 1);
    verdict->bytes = sizeof *verdict + size.nodes * sizeof(struct value) + size.text_bytes;
    value_build(cursor, verdict->values, (char *)(verdict->values + size.nodes));
    return verdict;
}

struct question verify(const char *token, const char *audience)
{
    return (struct question){.token = token, .token_bytes = strlen(token), .audience = audience};
}

struct question authorize(const char *token, const char *audience, const char *action, const char *resource)
{
    return (struct question){
        .token = token, .token_bytes = token != NULL ? strlen(token) : 0, .audience = audience, .action = action, .resource = resource};
}

bool is_known(struct question question)
{
    return cache_find(&cache, &question, NULL);
}

void keep(struct question question, const struct told *it)
{
    struct assay_verdict *verdict = verdict_of(it);

    cache_keep(&cache, &question, verdict);
    assay_verdict_free(verdict);
}

void stay(void)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}
