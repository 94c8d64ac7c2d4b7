/* Reads an answer, and makes a yes or a no of it. */
#ifndef ASSAY_CLIENT_JUDGE_H
#define ASSAY_CLIENT_JUDGE_H

#include "shard.h"
#include "verdict.h"

/* Each reads the result of one kind of question. Returns 0 for a yes and ASSAY_E_REFUSED for a no, both with a verdict; ASSAY_E_PROTOCOL
   for everything that is not exactly one of the two; ASSAY_E_NO_MEMORY. */
int judge_verify(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict);
int judge_authorize(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict);

/* For several checks: 0 if every one of them is a yes. The verdict has one verdict per check, in the question's order. */
int judge_checks(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict);

#endif
