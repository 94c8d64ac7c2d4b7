/* What decisions need: the cache of verified tokens, the threads that check signatures, and the counts. agent.c creates it; used on the loop's
   thread. */
#ifndef ASSAY_VERDICTS_H
#define ASSAY_VERDICTS_H

#include "agent/base/core.h"
#include "agent/token/verify.h"

struct cache;
struct checks;
struct renamed_keys;
struct workers;

struct counters {
    uint64_t accepted;
    uint64_t refused[REASON_COUNT];
    uint64_t shadow[REASON_COUNT]; /* real results of shadow issuers' tokens */
    uint64_t undecided;
    uint64_t allowed;
    uint64_t denied[REASON_COUNT];
    uint64_t joined; /* answered by a check that was already under way for the same token */
    uint64_t revokes, unrevokes;
};

struct verdicts {
    struct core *core;
    struct cache *cache;
    struct workers *workers;
    struct checks *checks; /* signature checks under way */
    struct renamed_keys *renamed_keys;
    struct counters counters;
    uint8_t audit_key[32]; /* for the digests that name tokens in log lines */
};

#endif
