/* A stamp: what a yes rests on, in the form in which it is handed to clients that hold the page, so that they may say it again
   themselves until one of these things has changed. */
#ifndef ASSAY_STAMP_H
#define ASSAY_STAMP_H

#include "agent/base/core.h"
#include "agent/fastpath/shared_page.h"
#include "agent/token/verify.h"
#include "grounds.h"

struct stamp {
    uint64_t from, until; /* Unix seconds: it holds from the one up to, and without, the other */
    uint64_t keys, policy;
    struct grounds grounds; /* without counters where there was no token */
};

/* Is the page handed out at all, as things are now? NULL: yes; or why not. */
const char *stamp_refusal(const struct core *core);

/* Between which times, without the second, a yes to this token holds by itself: Unix seconds. */
void stamp_times(const struct core *core, const struct token *token, double *ret_from, double *ret_until);

/* `token` NULL: none was sent, and what was allowed is allowed to everybody. False: there is no stamp for this yes. */
bool stamp_make(const struct core *core, const struct token *token, const struct grounds *grounds, struct stamp *ret);

/* `stamp: {…}`, a pair of the answer's map. */
void stamp_put(struct wire_writer *writer, const struct core *core, const struct stamp *stamp);
#define STAMP_ROOM (160 + THINGS_MAX * 16)

#endif
