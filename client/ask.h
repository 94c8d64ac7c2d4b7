/* The questions to the agent, for the library's calls and for the commands that print the agent's answer. */
#ifndef ASSAY_CLIENT_ASK_H
#define ASSAY_CLIENT_ASK_H

#include "call.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

/* The most bytes that one string parameter adds: its name, and the head of its value. */
#define PAIR_HEAD_BYTES_MAX 16

/* The parameters of a request. The parts point into this structure and to the question's strings, so neither may move. */
struct params {
    uint8_t heads[PARAMS_PAIRS_MAX * PAIR_HEAD_BYTES_MAX];
    struct wire_writer writer;
    struct iovec parts[PARAMS_PARTS_MAX];
    unsigned count;
    uint8_t *own; /* with several checks: all of them, encoded; else NULL */
    size_t own_bytes;
};
void params_clear(struct params *params); /* wipes and frees `own` */

/* One kind of question. `check` looks at it before it is sent: 0 means send it; any other status is the result of the call. `put` writes
   the parameters: with `stamped`, the answer must say what a yes depends on. It returns 0 or ASSAY_E_NO_MEMORY, and the caller clears the
   parameters. `judge` reads the result. */
struct question_kind {
    const char *name;
    const char *fault; /* what `check` finds wrong with the arguments */
    int (*check)(const struct question *question, struct assay_verdict **ret_verdict);
    int (*put)(struct params *params, const struct question *question, bool stamped);
    int (*judge)(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict);
};
extern const struct question_kind kind_verify, kind_authorize, kind_checks;

/* The timeout of a call with this question, in nanoseconds. */
static inline int64_t question_ns(const struct assay *assay, const struct question *question)
{
    return question->timeout_ms != 0 ? NS_PER_MS * question->timeout_ms : assay->timeout_ns;
}

/* Asks the agent, without looking into the cache, and leaves the agent's answer in `answer`, which the caller initialises and clears.
   `ret_verdict` is not NULL. There is a verdict only after 0 and ASSAY_E_REFUSED. */
int ask_agent(struct assay *assay, const struct question_kind *kind, const struct question *question, struct answer *answer,
              struct assay_verdict **ret_verdict);

#endif
