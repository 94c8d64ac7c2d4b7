/* What decisions need: the cache of verified tokens, the threads that check signatures, and the counts. agent.c creates it; used on the loop's
   thread. */
#ifndef ASSAY_VERDICTS_H
#define ASSAY_VERDICTS_H

#include "agent/base/core.h"
#include "agent/token/verify.h"

#define DECISION_RUN_BYTES  12 /* hex digits of the agent's run */
#define DECISION_ID_BYTES   25 /* those, a dash, and 12 hex digits that count */
#define DECISION_HEAD     "\xab" "decision_id" "\xb9"
#define DECISION_HEAD_BYTES 13

/* The id of a decision as a pair of an answer: its name and a string. */
struct decision_id {
    char pair[DECISION_HEAD_BYTES + DECISION_ID_BYTES + 1];
};

struct cache;
struct checks;
struct renamed_keys;
struct sink;
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
    struct sink *sink;     /* for lines about decisions (audit.h); NULL: they go to the log */
    struct decision_id decision; /* of the answer that is being made (audit_begin) */
};

#endif
