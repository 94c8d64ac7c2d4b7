/* The page that an agent shares with those who ask it, read-only: its heartbeat, and counters that grow when something that a yes
   may rest on has changed. Written by the agent alone, read by any process. Its layout is part of the protocol (PROTOCOL.md). */
#ifndef ASSAY_CLIENT_PAGE_H
#define ASSAY_CLIENT_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

#define PAGE_MAGIC    "assay page"
#define PAGE_VERSION  1
#define PAGE_COUNTERS 4096

/* Words are written with release and read with acquire. Those that grow begin at random, so that no two agents' pages agree. */
struct page {
    char magic[12];
    uint32_t version;
    uint8_t instance[16]; /* of this run of the agent: 128 random bits */
    uint32_t counters;    /* how many */
    uint32_t unused[7];
    _Atomic uint64_t heartbeat; /* CLOCK_MONOTONIC, nanoseconds: the agent was alive then */
    _Atomic uint64_t closed;    /* not 0: nothing may rest on this page any more */
    _Atomic uint64_t keys;      /* grows with the configuration, and with what makes every issuer's answers stale */
    _Atomic uint64_t policy;
    uint64_t reserved[500];
    _Atomic uint64_t counter[PAGE_COUNTERS];
};

_Static_assert(sizeof(struct page) == 4096 + 8 * PAGE_COUNTERS, "the page's layout is the protocol's");
_Static_assert(sizeof(_Atomic uint64_t) == 8 && ATOMIC_LLONG_LOCK_FREE == 2, "the page's words must be free of locks");

/* An agent that has not been heard of for so long may have another one in its place. A new one waits for longer than that before it
   says that something was revoked. */
#define PAGE_FRESH_NS INT64_C(1900000000)
#define PAGE_WAIT_NS  INT64_C(2000000000)

/* How far the clocks of agent and client may seem apart, which is reading them at different moments; and how long a question for the
   agent's may take to say anything about it. */
#define PAGE_CLOCK_SLACK_NS INT64_C(10000000)
#define PAGE_ROUND_TRIP_NS  INT64_C(50000000)

/* A heartbeat may seem to lie so far in the future: processors' clocks are not quite the same. */
#define PAGE_EARLY_NS INT64_C(10000000)

#endif
