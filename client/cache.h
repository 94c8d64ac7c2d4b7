/* The cache: yes results that this process keeps, so that it need not ask the agent again. It holds only yes results, each only as
   long as the agent's page (page.h) shows that nothing has changed on which the result depends. A hit makes no system call, does
   not wait and does not allocate.

   Any number of threads may use it. A child after fork() begins with an empty cache. */
#ifndef ASSAY_CLIENT_CACHE_H
#define ASSAY_CLIENT_CACHE_H

#include "shard.h"

/* Lies in memory that the kernel wipes in a child after fork(). All zero: there is no page. */
struct greeting {
    _Atomic uint32_t has_page;
    _Atomic uint32_t busy;  /* a thread is sending hello */
    _Atomic uint32_t never; /* this process can use no page */
    _Atomic int64_t next;   /* no hello before then; monotonic clock */
};

struct cache {
    struct greeting *greeting; /* NULL: the cache is off */
    size_t bytes;              /* of the memory that begins there; the shards follow */
    struct shards shards;
    const struct page *page; /* always the same address; `greeting` says whether a page is mapped there */
    struct clocks ticks;
};

/* `bytes`: for all cached results, tokens and verdicts together; 0: no cache. If there is no memory, the cache is off. */
void cache_init(struct cache *cache, size_t bytes);
void cache_fini(struct cache *cache); /* wipes the cache; no call may be running */

/* True if there is a page, and its agent is alive. Without one, a stamp is useless. */
bool cache_has_page(const struct cache *cache);

/* Replaces the page by a new one, and forgets the results that depend on the old one. Returns 0 or -1. */
int cache_use_page(struct cache *cache, int fd);

/* True: the answer is yes, as of now. If `ret_verdict` is not NULL, the caller frees *ret_verdict. */
bool cache_find(struct cache *cache, const struct question *question, struct assay_verdict **ret_verdict);

/* Stores a yes, if it has a stamp of the agent whose page is mapped. The caller keeps its own reference to the verdict. */
void cache_keep(struct cache *cache, const struct question *question, struct assay_verdict *verdict);

#endif
