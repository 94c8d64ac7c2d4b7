#include "cache.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "client/wire/exports.h"
#include "cold.h"
#include "limits.h"

#define GREETING_BYTES 4096

static bool page_is_there(const struct cache *cache)
{
    return cache->greeting != NULL && atomic_load_explicit(&cache->greeting->has_page, memory_order_acquire) != 0;
}

COLD bool cache_has_page(const struct cache *cache)
{
    struct clocks now = clocks_read();

    return page_is_there(cache) && page_is_fresh(cache->page, &now, &cache->ticks);
}

bool cache_find(struct cache *cache, const struct question *question, struct assay_verdict **ret_verdict)
{
    struct yes head;
    bool holds = false;

    if (!page_is_there(cache) || !shards_measure(&cache->shards, question, &head))
        return false;
    struct shard *shard = shards_enter(&cache->shards);

    if (shard == NULL)
        return false;
    struct yes *yes = shard_find(&cache->shards, shard, question, &head);

    if (yes != NULL) {
        struct clocks now = clocks_read();

        holds = stamp_holds(&yes->stamp, cache->page, yes->is_authorize, &now, &cache->ticks);
        if (!holds)
            shard_forget(shard, yes);
        else if (ret_verdict != NULL)
            *ret_verdict = verdict_share(yes->verdict);
    }
    shard_leave(shard);
    return holds;
}

COLD void cache_keep(struct cache *cache, const struct question *question, struct assay_verdict *verdict)
{
    struct yes head = {.verdict = verdict};

    if (!page_is_there(cache) || !assay_verdict_ok(verdict) || !stamp_read(verdict_result(verdict), &head.stamp) ||
        verdict->bytes > cache->shards.verdict_bytes_max / 4 || !shards_measure(&cache->shards, question, &head))
        return;
    struct shard *shard = shards_enter(&cache->shards);

    if (shard == NULL)
        return;
    struct yes *before = shard_find(&cache->shards, shard, question, &head);

    if (before != NULL)
        shard_forget(shard, before);
    if (memcmp(head.stamp.instance, cache->page->instance, sizeof head.stamp.instance) == 0) {
        (void)verdict_share(verdict);
        shard_put(&cache->shards, shard, question, &head);
    }
    shard_leave(shard);
}

/* A thread that reads the page meanwhile may see the instance of one page and the counters of the other. Both begin at random
   numbers, so nothing that depends on one page holds by the other; and the thread reads the heartbeat before either (stamp_holds).
   A shard that another thread is in keeps its entries, which do not hold any more. */
COLD int cache_use_page(struct cache *cache, int fd)
{
    void *at = mmap((void *)cache->page, sizeof *cache->page, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);

    atomic_store(&cache->greeting->has_page, at != MAP_FAILED);
    if (at == MAP_FAILED)
        return -1;
    shards_empty(&cache->shards);
    return 0;
}

/* Memory that is not in core dumps, and not in children. If the kernel cannot do that, the cache is off. */
static void *map_private(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED)
        return NULL;
    if (madvise(at, bytes, MADV_WIPEONFORK) == 0 && madvise(at, bytes, MADV_DONTDUMP) == 0)
        return at;
    munmap(at, bytes);
    return NULL;
}

COLD void cache_init(struct cache *cache, size_t bytes)
{
    *cache = (struct cache){.ticks = clocks_ticks()};
    size_t shards = shards_plan(&cache->shards, bytes);

    if (shards == 0 || getrandom(&cache->shards.secret, sizeof cache->shards.secret, GRND_NONBLOCK) < 0)
        return;
    void *page = mmap(NULL, sizeof *cache->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (page == MAP_FAILED)
        return;
    cache->page = page;
    cache->bytes = GREETING_BYTES + shards;
    cache->greeting = map_private(cache->bytes);
    if (cache->greeting != NULL)
        cache->shards.at = (char *)cache->greeting + GREETING_BYTES;
}

COLD void cache_fini(struct cache *cache)
{
    if (cache->greeting != NULL) {
        shards_empty(&cache->shards);
        munmap(cache->greeting, cache->bytes);
    }
    if (cache->page != NULL)
        munmap((void *)cache->page, sizeof *cache->page);
}
