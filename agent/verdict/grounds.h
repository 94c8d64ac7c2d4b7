/* What a yes rests on: the counters of the shared page that stand for the token's issuer, key, signing input, jti, sub and sid, as they
   were before it was looked up whether any of these is revoked. As long as they have not grown, nothing has been said against them.

   Read before the store's view, always: should a revocation be committed in between, its counter is still to grow. The other way
   round, a yes of an old view could pass for one of the new counters, for ever. */
#ifndef ASSAY_GROUNDS_H
#define ASSAY_GROUNDS_H

#include "agent/fastpath/shared_page.h"
#include "agent/revocation/list.h"

/* All zero: not known yet, and holds never. */
struct grounds {
    uint8_t count;
    bool judged; /* the values are those of a look-up that found nothing */
    uint16_t index[THINGS_MAX];
    uint64_t value[THINGS_MAX];
};

/* The counters of a verified token. 0, or -1: OpenSSL failed, and it holds never. */
int grounds_of(struct shared_page *shared, struct hasher *hasher, const struct token *token, struct grounds *ret);

/* Reads the values, before the look-up that is to find nothing. */
void grounds_read(const struct shared_page *shared, struct grounds *grounds);

bool grounds_holds(const struct shared_page *shared, const struct grounds *grounds);

#endif
