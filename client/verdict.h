/* From an answer to a yes or a no. */
#ifndef ASSAY_CLIENT_VERDICT_H
#define ASSAY_CLIENT_VERDICT_H

#include "exports.h"
#include "value.h"

/* Reads the result of `verify`. 0 for a yes, and ASSAY_E_REFUSED, both with a verdict; ASSAY_E_PROTOCOL for everything that is
   not exactly one of the two; ASSAY_E_NO_MEMORY. */
int verdict_read(struct wire_cursor result, struct assay_verdict **ret_verdict);

/* A no that the agent was not asked for. ASSAY_E_REFUSED with a verdict, or ASSAY_E_NO_MEMORY. `reason` is not copied. */
int verdict_refuse(const char *reason, struct assay_verdict **ret_verdict);

/* All that the agent said; NULL where it was not asked. */
const struct value *verdict_result(const struct assay_verdict *verdict);

void verdict_free_at(struct assay_verdict **verdict);

#endif
