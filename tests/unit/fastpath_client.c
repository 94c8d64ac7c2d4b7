#include "fastpath_client.h"

#include <stdatomic.h>
#include <string.h>

static void (*stops)(const char *where);

static uint64_t read_word(const _Atomic uint64_t *word)
{
    stops("a word of the page");
    return atomic_load(word);
}

/* The library's own, but that each word is read like this. */
#undef atomic_load_explicit
#define atomic_load_explicit(word, order) read_word(word)
#define stamp_holds                       stamp_holds_as_written
#include "client/stamp.c"
#undef stamp_holds
#undef atomic_load_explicit

#include "client/cache.h"
#include "client/call.h"
#include "client/judge.h"

#define BYTES (1024 * 1024)

static struct cache cache;
static bool heartbeat_last;

bool stamp_holds(const struct stamp *stamp, const struct page *page, bool policy, const struct clocks *now,
                 const struct clocks *ticks);
bool stamp_holds(const struct stamp *stamp, const struct page *page, bool policy, const struct clocks *now,
                 const struct clocks *ticks)
{
    if (!heartbeat_last)
        return stamp_holds_as_written(stamp, page, policy, now, ticks);
    struct clocks whenever = {now->wall, (int64_t)page->heartbeat};

    return stamp_holds_as_written(stamp, page, policy, &whenever, ticks) && page_is_fresh(page, now, ticks);
}

void side_read_heartbeat_last(bool last)
{
    heartbeat_last = last;
}

void side_open(void (*point)(const char *where))
{
    stops = point;
    cache_init(&cache, BYTES);
}

void side_close(void)
{
    cache_fini(&cache);
}

bool side_has_page(void)
{
    return cache.greeting != NULL && cache.greeting->has_page;
}

void side_use_page(int fd)
{
    (void)cache_use_page(&cache, fd);
}

static struct question question_of(const char *token)
{
    return (struct question){.token = token, .token_bytes = strlen(token)};
}

bool side_repeats(const char *token)
{
    struct question question = question_of(token);

    return cache_find(&cache, &question, NULL);
}

bool side_takes(const char *token, const uint8_t *bytes, size_t size, uint32_t msgid)
{
    struct question question = question_of(token);
    struct assay_verdict *verdict = NULL;
    struct answer answer;

    answer_init(&answer);
    memcpy(answer.small, bytes, size < sizeof answer.small ? size : 0);
    answer.size = size < sizeof answer.small ? size : 0;
    bool yes = answer_read(&answer, msgid) == 0 && judge_verify(answer.result, NULL, &verdict) == 0;

    if (yes)
        cache_keep(&cache, &question, verdict);
    assay_verdict_free(verdict);
    answer_clear(&answer);
    return yes;
}
