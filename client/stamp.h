/* A stamp: what a yes depends on, as the agent says in its answer; and whether that still holds. */
#ifndef ASSAY_CLIENT_STAMP_H
#define ASSAY_CLIENT_STAMP_H

#include "client/wire/page.h"
#include "client/wire/value.h"

/* The agent names 6 at most: issuer, key, signing input, jti, sub, sid. */
#define STAMP_COUNTERS_MAX 8

struct stamp {
    uint8_t instance[16];
    uint64_t keys, policy;
    int64_t from, until; /* wall clock, nanoseconds: from `from` on, up to but without `until` */
    int64_t deadline;    /* monotonic clock: the same end, in case the wall clock is set back */
    uint32_t count;
    uint16_t index[STAMP_COUNTERS_MAX];
    uint64_t value[STAMP_COUNTERS_MAX];
};

/* Nanoseconds. The wall clock advances in ticks: the real time is up to one tick later. */
struct clocks {
    int64_t wall, monotonic;
};
struct clocks clocks_read(void);
struct clocks clocks_ticks(void);

/* Reads the stamp of an answer. False: the answer has none, or none that this library understands. */
bool stamp_read(const struct value *result, struct stamp *ret);

/* True if this page belongs to the stamp's agent, that agent is alive, and nothing has changed on which the yes depends. `policy`: it
   depends on the policy too. */
bool stamp_holds(const struct stamp *stamp, const struct page *page, bool policy, const struct clocks *now, const struct clocks *ticks);

/* True if the agent that writes this page is alive. */
bool page_is_fresh(const struct page *page, const struct clocks *now, const struct clocks *ticks);

/* Reads 16 bytes from 32 hexadecimal digits, the form in which an instance is written. */
bool instance_read(const char *hex, size_t bytes, uint8_t ret[16]);

#endif
