/* A handle without a cache, and questions over it. */
#ifndef ASSAY_TEST_ASKING_H
#define ASSAY_TEST_ASKING_H

#include "assay/assay.h"
#include "fake_agent.h"

struct assay *open_at(const struct fake_agent *agent, unsigned timeout_ms);

/* Always the same question. */
int verify(struct assay *assay);

/* Asks with a token of its own, so that another's answer would be seen. 0: the answer was the one to it. */
int ask_for(struct assay *assay, const char *who, int number);

#endif
