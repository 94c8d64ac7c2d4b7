/* What is known of one question: the agent's answer, or why there is none. */
#ifndef ASSAY_CLIENT_VERDICT_H
#define ASSAY_CLIENT_VERDICT_H

#include <stdatomic.h>

#include "client/wire/exports.h"
#include "client/wire/value.h"

/* A claim as JSON, kept as long as the verdict. */
struct rendering {
    struct rendering *next;
    const struct value *value;
    char text[];
};

/* Texts lie behind it, or are static. */
struct assay_verdict {
    bool ok;
    int http_status; /* 200, 401, 403; of what was not decided 429 or 503; 0: nobody has said anything */
    int error;       /* errno of what was not decided, where a call of the system failed; else 0 */
    const char *reason;
    const char *text; /* of what was not decided */
    const char *rule;
    const char *issuer;
    const char *subject;
    int64_t expires_at;
    const struct value *claims;         /* NULL: there is no accepted token, or they were not asked for */
    const struct value *roles, *scopes; /* arrays of strings; NULL: there are none to know of */
    struct assay_verdict *checks; /* of several checks: one of each, so many of them; */
    size_t check_count;
    const struct assay_verdict *whole; /* and in each of these the one that it is a part of; else NULL */
    _Atomic(struct rendering *) renderings;
    _Atomic uint32_t references; /* whoever asked, and the memory of this process; 0 counts as one */
    size_t bytes;                /* of the whole */
    size_t count;                /* of values */
    struct value *values;        /* what the agent said; behind the verdict, and behind them their text */
};

/* A no that the agent was not asked for. ASSAY_E_REFUSED with a verdict, or ASSAY_E_NO_MEMORY. `reason` is not copied. */
int verdict_refuse(int http_status, const char *reason, struct assay_verdict **ret_verdict);

/* Why there is neither yes nor no: a status that is neither 0 nor ASSAY_E_REFUSED, errno where it has to do with it, and words, which are
   copied. NULL: there is no memory. */
struct assay_verdict *verdict_undecided(int status, int error, const char *text, size_t text_bytes);

/* All that the agent said; NULL where it said nothing. */
const struct value *verdict_result(const struct assay_verdict *verdict);

/* One more reference, to be given back by assay_verdict_free(). */
struct assay_verdict *verdict_share(struct assay_verdict *verdict);

void verdict_free_at(struct assay_verdict **verdict);

#endif
