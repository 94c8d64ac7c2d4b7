/* The questions themselves, for the library's calls and for the commands that print what the agent said. */
#ifndef ASSAY_CLIENT_ASK_H
#define ASSAY_CLIENT_ASK_H

#include "call.h"
#include "client/wire/clock.h"
#include "client/wire/exports.h"

/* For each string its name and its own head, which have at most this many bytes together. */
#define PAIR_HEAD_BYTES_MAX 16

/* What is sent as parameters. The parts point into it and to the question's texts: neither may move. */
struct params {
    uint8_t heads[PARAMS_PAIRS_MAX * PAIR_HEAD_BYTES_MAX];
    struct wire_writer writer;
    struct iovec parts[PARAMS_PARTS_MAX];
    unsigned count;
    uint8_t *own; /* of several checks: all of them, written out; else NULL */
    size_t own_bytes;
};
void params_clear(struct params *params); /* wipes and frees what is its own */

/* One kind of question: what is looked at before it is asked (0: ask; else the answer is known, or there is none), what is sent
   then (`stamped`: a yes is to say what it rests on; 0 or ASSAY_E_NO_MEMORY, with params to be cleared), and what the result means. */
struct kind {
    const char *name;
    const char *fault; /* what `check` finds wrong with the arguments */
    int (*check)(const struct question *question, struct assay_verdict **ret_verdict);
    int (*put)(struct params *params, const struct question *question, bool stamped);
    int (*judge)(struct wire_cursor result, const struct question *question, struct assay_verdict **ret_verdict);
};
extern const struct kind kind_verify, kind_authorize, kind_checks;

/* How long a call with this question may take. */
static inline int64_t question_ns(const struct assay *assay, const struct question *question)
{
    return question->timeout_ms != 0 ? NS_PER_MS * question->timeout_ms : assay->timeout_ns;
}

/* Asks the agent, whatever is remembered, and leaves its answer in `answer` (initialised; the caller's to clear). `ret_verdict` is not NULL;
   there is a verdict after 0 and ASSAY_E_REFUSED only. */
int ask_agent(struct assay *assay, const struct kind *kind, const struct question *question, struct answer *answer,
              struct assay_verdict **ret_verdict);

#endif
