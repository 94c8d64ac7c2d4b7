/* The page: memory that the agent shares read-only with its clients. It has the agent's heartbeat, and counters that grow when something
   changes on which a yes may depend. Only the agent writes it, and any process may read it. Its layout is part of the protocol
   (PROTOCOL.md). */
#ifndef ASSAY_CLIENT_PAGE_H
#define ASSAY_CLIENT_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#define PAGE_MAGIC    "assay page"
#define PAGE_VERSION  1
#define PAGE_COUNTERS 4096

/* Words are written with release and read with acquire. Counters begin at a random number, so that the pages of two agents never agree. */
struct page {
    char magic[12];
    uint32_t version;
    uint8_t instance[16]; /* of this run of the agent: 128 random bits */
    uint32_t counters;    /* how many */
    uint32_t unused[7];
    _Atomic uint64_t heartbeat; /* CLOCK_MONOTONIC, nanoseconds: when the agent was last alive */
    _Atomic uint64_t closed;    /* not 0: no yes may depend on this page any more */
    _Atomic uint64_t keys;      /* grows with the configuration, and when the answers of all issuers become stale */
    _Atomic uint64_t policy;
    uint64_t reserved[500];
    _Atomic uint64_t counter[PAGE_COUNTERS];
};

_Static_assert(sizeof(struct page) == 4096 + 8 * PAGE_COUNTERS, "the page's layout is the protocol's");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && ATOMIC_LLONG_LOCK_FREE == 2, "the page's words must be free of locks");

/* An agent whose heartbeat is older than this may have been replaced by another one. A new agent waits longer than this before it answers
   that something was revoked. */
#define PAGE_FRESH_NS INT64_C(1900000000)
#define PAGE_WAIT_NS  INT64_C(2000000000)

/* How far the clocks of agent and client may differ, because they are read at different moments; and how long the round trip for the
   agent's clock may take for the comparison to be valid. */
#define PAGE_CLOCK_SLACK_NS INT64_C(10000000)
#define PAGE_ROUND_TRIP_NS  INT64_C(50000000)

/* How far in the future a heartbeat may be: the clocks of processors differ a little. */
#define PAGE_EARLY_NS INT64_C(10000000)

#endif
