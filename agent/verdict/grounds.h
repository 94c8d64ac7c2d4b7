/* The grounds of an acceptance: the counters in the shared page of the token's issuer, key, signing input, jti, sub and sid, as they were before
   the revocation lookup. As long as they have not grown, none of these has been revoked.

   The counters are always read before the store's view: if a revocation is committed in between, its counter is yet to grow. In the other order,
   an acceptance from an old view could be taken for one of the new counters, without end. */
#ifndef ASSAY_GROUNDS_H
#define ASSAY_GROUNDS_H

#include "agent/fastpath/shared_page.h"
#include "agent/revocation/list.h"

/* All zero: unknown, and never holds. */
struct grounds {
    uint8_t count;
    bool judged; /* the values are from before a lookup that found nothing */
    uint16_t index[THINGS_MAX];
    uint64_t value[THINGS_MAX];
};

/* The counters of a verified token. 0, or -1: OpenSSL failed, and the grounds never hold. */
int grounds_of(struct shared_page *shared, struct hasher *hasher, const struct token *token, struct grounds *ret);

/* Reads the values, before the lookup. */
void grounds_read(const struct shared_page *shared, struct grounds *grounds);

bool grounds_holds(const struct shared_page *shared, const struct grounds *grounds);

#endif
