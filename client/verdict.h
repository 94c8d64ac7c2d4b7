/* What the agent said of one question. */
#ifndef ASSAY_CLIENT_VERDICT_H
#define ASSAY_CLIENT_VERDICT_H

#include <stdatomic.h>

#include "exports.h"
#include "value.h"

struct rendering;

/* Texts point into `values`, or are static. */
struct assay_verdict {
    bool ok;
    int http_status; /* 200, 401, 403; 0: nobody has decided */
    const char *reason;
    const char *rule;
    const char *issuer;
    const char *subject;
    int64_t expires_at;
    const struct value *claims; /* NULL after a no, and of authorize */
    const struct value *roles;  /* an array of strings; NULL of verify */
    _Atomic(struct rendering *) renderings;
    _Atomic uint32_t references; /* whoever asked, and the memory of this process; 0 counts as one */
    size_t bytes;                /* of the whole */
    size_t count;
    struct value values[]; /* what the agent said; after them their text */
};

/* A no that the agent was not asked for. ASSAY_E_REFUSED with a verdict, or ASSAY_E_NO_MEMORY. `reason` is not copied. */
int verdict_refuse(int http_status, const char *reason, struct assay_verdict **ret_verdict);

/* All that the agent said; NULL where it was not asked. */
const struct value *verdict_result(const struct assay_verdict *verdict);

/* One more reference, to be given back by assay_verdict_free(). */
struct assay_verdict *verdict_share(struct assay_verdict *verdict);

void verdict_free_at(struct assay_verdict **verdict);

#endif
