/* A stamp: the grounds of an acceptance in the form for clients that hold the page, which may then repeat the answer themselves until one of the
   grounds changes. */
#ifndef ASSAY_STAMP_H
#define ASSAY_STAMP_H

#include "agent/base/core.h"
#include "agent/fastpath/shared_page.h"
#include "agent/token/verify.h"
#include "grounds.h"

struct stamp {
    uint64_t from, until; /* Unix seconds: valid from the first up to, and excluding, the second */
    uint64_t keys, policy;
    struct grounds grounds; /* without counters if the request had no token */
};

/* Can the page be given to clients at present? NULL: yes; otherwise why not. */
const char *stamp_refusal(const struct core *core);

/* The times between which an acceptance of this token is valid by itself, excluding the second: Unix seconds. */
void stamp_times(const struct core *core, const struct token *token, double *ret_from, double *ret_until);

/* `token` NULL: the request had none, and the permission is for everybody. False: this answer gets no stamp. */
bool stamp_make(const struct core *core, const struct token *token, const struct grounds *grounds, struct stamp *ret);

/* `stamp: {…}`, a pair of the answer's map. */
void stamp_put(struct wire_writer *writer, const struct core *core, const struct stamp *stamp);
#define STAMP_ROOM (160 + THINGS_MAX * 16)

#endif
