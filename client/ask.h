/* The two questions themselves, for the library's calls and for the commands that print what the agent said. */
#ifndef ASSAY_CLIENT_ASK_H
#define ASSAY_CLIENT_ASK_H

#include "call.h"
#include "exports.h"

/* For each string its name and its own head, which have at most this many bytes together. */
#define PAIR_HEAD_BYTES_MAX 16

/* What is sent as parameters. The parts point into it and to the question's texts: neither may move. */
struct params {
    uint8_t heads[PARAMS_PAIRS_MAX * PAIR_HEAD_BYTES_MAX];
    struct wire_writer writer;
    struct iovec parts[PARAMS_PARTS_MAX];
    unsigned count;
};

/* One of the two questions: what is looked at before it is asked (0: ask; else the answer is known, or there is none), what is sent
   then (`stamped`: a yes is to say what it rests on), and what the result means. */
struct kind {
    const char *name;
    int (*check)(const struct question *question, struct assay_verdict **ret_verdict);
    void (*put)(struct params *params, const struct question *question, bool stamped);
    int (*judge)(struct wire_cursor result, struct assay_verdict **ret_verdict);
};
extern const struct kind kind_verify, kind_authorize;

/* As assay_verify() and assay_authorize(), with the answer left in `answer` (initialised; the caller's to clear) and a place for
   the verdict that is not NULL. */
int ask_verify(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict);
int ask_authorize(struct assay *assay, const struct question *question, struct answer *answer, struct assay_verdict **ret_verdict);

#endif
