/* Memory in which yeses lie, cut into lanes: one for each processor. A thread takes the lane of the processor that it runs on, by one
   exchange that succeeds unless another thread was interrupted just there; then it tries the next, and after a few it goes without.
   So nobody waits, a thread that stops inside a lane takes nothing from the others but that lane, and what is in a lane is one
   thread's at a time: nothing can be freed while somebody reads it. */
#ifndef ASSAY_CLIENT_LANE_H
#define ASSAY_CLIENT_LANE_H

#include "stamp.h"
#include "verdict.h"

/* What is asked. Texts are the caller's, and are sent from where they are. */
struct question {
    const char *token; /* NULL: none, which only authorize takes */
    size_t token_bytes;
    const char *audience;          /* NULL: any */
    const char *action, *resource; /* of authorize; NULL: it is verify, or there are checks */
    const struct assay_check *checks;
    uint32_t check_count; /* 0: it is one question */
    unsigned timeout_ms;  /* 0: the handle's */
    bool claims;          /* of authorize: those of the token are asked for, too */
};

/* A yes. Its texts follow: token, audience, action, resource. */
struct yes {
    uint32_t bytes; /* of all, in whole units; 0: the ring goes on at its start */
    uint32_t slot;  /* its place in the table */
    uint64_t hash;
    struct assay_verdict *verdict; /* NULL: it was forgotten */
    uint32_t token_bytes, audience_bytes, action_bytes, resource_bytes;
    bool has_audience, is_authorize, has_claims;
    struct stamp stamp;
    char texts[];
};

struct lane;

struct lanes {
    char *at; /* all zero: empty lanes */
    unsigned count; /* a power of two */
    uint32_t ring_bytes, rows; /* of each; rows are a power of two */
    size_t lane_bytes;
    size_t verdict_bytes_max; /* of each lane's verdicts, which lie in the heap */
    uint64_t secret;
};

/* How many lanes that many bytes of tokens and verdicts are enough for, and how large: lanes->at is for the caller to fill in, with
   so much memory of zeros as is returned. 0: it is not enough for one. */
size_t lanes_plan(struct lanes *lanes, size_t bytes);

/* The head of an entry for this question. False: it is larger than anything that is remembered, or of a kind that is not. */
bool lanes_measure(const struct lanes *lanes, const struct question *question, struct yes *ret_head);

struct lane *lanes_enter(const struct lanes *lanes); /* NULL: every lane that was tried is in use */
void lane_leave(struct lane *lane);

/* All of these of a lane that was entered. */
struct yes *lane_find(const struct lanes *lanes, struct lane *lane, const struct question *question, const struct yes *head);
void lane_put(const struct lanes *lanes, struct lane *lane, const struct question *question, const struct yes *head); /* its verdict goes with it */
void lane_forget(struct lane *lane, struct yes *yes);

/* Every entry of every lane that nobody is in. */
void lanes_empty(const struct lanes *lanes);

#endif
