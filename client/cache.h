/* Yeses that this process remembers, so that it need not ask for them again. Only yeses, and each only as long as the agent's page
   (page.h) shows that nothing has changed of what it rests on. A hit makes no system call, waits for nobody, and allocates nothing.

   Any number of threads. A child after fork() begins with nothing. */
#ifndef ASSAY_CLIENT_CACHE_H
#define ASSAY_CLIENT_CACHE_H

#include "lane.h"

/* Stands where a fork wipes it. All zero: there is no page. */
struct greeting {
    _Atomic uint32_t has_page;
    _Atomic uint32_t busy;  /* a thread is saying hello */
    _Atomic uint32_t never; /* no page is of any use to this process */
    _Atomic int64_t next;   /* hello is not said again before then; monotonic clock */
};

struct cache {
    struct greeting *greeting; /* NULL: nothing is remembered */
    size_t bytes;              /* of the memory that begins there; the lanes follow */
    struct lanes lanes;
    const struct page *page; /* always the same place; `greeting` says whether it is there */
    struct clocks ticks;
};

/* `bytes`: for all that is remembered, tokens and verdicts; 0: nothing. Where there is no memory for it nothing is remembered. */
void cache_init(struct cache *cache, size_t bytes);
void cache_fini(struct cache *cache); /* wipes; no call may be under way */

/* Is there a page with somebody alive behind it? Without one a stamp is of no use. */
bool cache_has_page(const struct cache *cache);

/* A page takes the place of the one before, whose yeses are forgotten. 0 or -1. */
int cache_use_page(struct cache *cache, int fd);

/* True: yes, as of this moment. *ret_verdict, if it is wanted, is the caller's to give back. */
bool cache_find(struct cache *cache, const struct question *question, struct assay_verdict **ret_verdict);

/* Remembers a yes, if it has a stamp of the agent whose page is here. The verdict stays the caller's. */
void cache_keep(struct cache *cache, const struct question *question, struct assay_verdict *verdict);

#endif
