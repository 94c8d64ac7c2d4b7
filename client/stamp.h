/* What a yes rests on, as the agent has told it with the answer, and whether it still does. */
#ifndef ASSAY_CLIENT_STAMP_H
#define ASSAY_CLIENT_STAMP_H

#include "client/wire/page.h"
#include "client/wire/value.h"

/* The agent names 6 at most: issuer, key, signing input, jti, sub, sid. */
#define STAMP_COUNTERS_MAX 8

struct stamp {
    uint8_t instance[16];
    uint64_t keys, policy;
    int64_t from, until; /* wall clock, nanoseconds: from the one up to, and without, the other */
    int64_t deadline;    /* monotonic clock: the same end, should the wall clock be set back */
    uint32_t count;
    uint16_t index[STAMP_COUNTERS_MAX];
    uint64_t value[STAMP_COUNTERS_MAX];
};

/* Nanoseconds. The wall clock moves on in ticks: the time is up to one later than what it says. */
struct clocks {
    int64_t wall, monotonic;
};
struct clocks clocks_read(void);
struct clocks clocks_ticks(void);

/* Reads the stamp of an answer. False: there is none, or none that this library understands. */
bool stamp_read(const struct value *result, struct stamp *ret);

/* Is this page its agent's, who is alive, and has nothing changed of what it rests on? `policy`: it rests on that too. */
bool stamp_holds(const struct stamp *stamp, const struct page *page, bool policy, const struct clocks *now, const struct clocks *ticks);

/* Is somebody alive behind this page? */
bool page_is_fresh(const struct page *page, const struct clocks *now, const struct clocks *ticks);

/* 16 bytes from 32 digits of hex, as instances are written. */
bool instance_read(const char *hex, size_t bytes, uint8_t ret[16]);

#endif
