/* An agent for questions with everything that can be asked, and a handle: what a test's set_up makes. */
#ifndef ASSAY_TEST_QUESTION_AGENT_H
#define ASSAY_TEST_QUESTION_AGENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "fake_agent.h"

#define TOKEN    "aaaa.bbbb.cccc"
#define QUESTION .size = sizeof(struct assay_question), .token = TOKEN, .token_bytes = sizeof TOKEN - 1

/* What the agent does. */
struct manner {
    atomic_bool holds;
    atomic_int delay_ms;
    const char *raw; /* in the place of the result; NULL: a good one */
    size_t raw_bytes;
    bool stranger; /* no token is accepted */
    int less;      /* so many decisions too few */
    size_t longest;
    atomic_uint claims_asked, stamps_asked, checks_asked;
};

extern struct manner manner;
extern struct fake_agent *agent;
extern struct assay *assay;

int set_up(void **state);
#define SHORT_MS 500
int set_up_short(void **state); /* calls have SHORT_MS */
int tear_down(void **state);

/* Asks, and returns the status; the verdict is what it says. */
int ask(const struct assay_question *question);

#endif
