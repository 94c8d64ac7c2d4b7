/* A verdict: what is known of one question, which is the agent's answer, or why there is none. */
#ifndef ASSAY_CLIENT_VERDICT_H
#define ASSAY_CLIENT_VERDICT_H

#include <stdatomic.h>

#include "client/wire/exports.h"
#include "client/wire/value.h"

/* A claim as JSON text, kept as long as the verdict. */
struct rendering {
    struct rendering *next;
    const struct value *value;
    char text[];
};

/* Its strings lie behind it, or are static. */
struct assay_verdict {
    bool ok;
    int http_status; /* 200, 401 or 403; if undecided 429 or 503; 0: not set yet */
    int error;       /* if undecided: errno of a failed system call; else 0 */
    const char *reason;
    const char *text; /* if undecided: why, in words */
    const char *rule;
    const char *issuer;
    const char *subject;
    int64_t expires_at;
    const struct value *claims;         /* NULL: no token was accepted, or the claims were not asked for */
    const struct value *roles, *scopes; /* arrays of strings; NULL: not known */
    struct assay_verdict *checks; /* with several checks: one verdict for each; */
    size_t check_count;
    const struct assay_verdict *whole; /* and in each of those, the verdict that it is a part of; else NULL */
    _Atomic(struct rendering *) renderings;
    _Atomic uint32_t references; /* callers and the cache; 0 counts as one */
    size_t bytes;                /* of the whole */
    size_t count;                /* of values */
    struct value *values;        /* the agent's result; the values lie behind the verdict, and their strings behind the values */
};

/* Makes a no without asking the agent. Returns ASSAY_E_REFUSED with a verdict, or ASSAY_E_NO_MEMORY. `reason` is not copied. */
int verdict_refuse(int http_status, const char *reason, struct assay_verdict **ret_verdict);

/* Makes an undecided verdict: a status other than 0 and ASSAY_E_REFUSED, errno or 0, and a text, which is copied. Returns NULL if there
   is no memory. */
struct assay_verdict *verdict_undecided(int status, int error, const char *text, size_t text_bytes);

/* The agent's whole result; NULL if the agent did not answer. */
const struct value *verdict_result(const struct assay_verdict *verdict);

/* Adds a reference, which assay_verdict_free() gives back. */
struct assay_verdict *verdict_share(struct assay_verdict *verdict);

void verdict_free_at(struct assay_verdict **verdict);

#endif
