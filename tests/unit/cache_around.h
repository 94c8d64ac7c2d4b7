/* A cache and what it has around it: an agent's page, and verdicts with a stamp to keep in it. */
#ifndef ASSAY_TEST_CACHE_AROUND_H
#define ASSAY_TEST_CACHE_AROUND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/cache.h"
#include "client/wire/exports.h"

/* The page, written as an agent does. */
extern struct page *page;
extern struct cache cache;

void beat(void);

int set_up(void **state); /* a cache that has the page */
int tear_down(void **state);

/* An answer with a stamp, as a verdict has it: {stamp: {…}} in msgpack, read by the library's own. */
struct told {
    char instance[33];
    int64_t from, until; /* seconds from now */
    uint64_t keys, policy;
    unsigned count;
    uint64_t index[9], value[9];
    const char *without; /* this member; NULL: it has all */
    void (*put_first)(struct wire_writer *writer); /* writes a member before the stamp; NULL: there is none */
    void (*put_last)(struct wire_writer *writer); /* writes the last pair as it should not be; NULL: as it should */
};

struct told told(void); /* a good one */
struct assay_verdict *verdict_of(const struct told *it);

struct question verify(const char *token, const char *audience);
struct question authorize(const char *token, const char *audience, const char *action, const char *resource);

bool is_known(struct question question);
void keep(struct question question, const struct told *it);

/* A thread that is moved to another processor finds another shard, in which nothing was put. */
void stay(void);

#endif
