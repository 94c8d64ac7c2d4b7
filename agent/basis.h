/* What a yes rests on: the counters of the board that stand for the token's issuer, key, signing input, jti, sub and sid, as they
   were before it was looked up whether any of these is revoked. As long as they have not grown, nothing has been said against them.

   Read before the store's view, always: should a revocation be committed in between, its counter is still to grow. The other way
   round, a yes of an old view could pass for one of the new counters, for ever. */
#ifndef ASSAY_BASIS_H
#define ASSAY_BASIS_H

#include "agent/board.h"
#include "agent/revocation/list.h"

/* All zero: not known yet, and holds never. */
struct basis {
    uint8_t count;
    bool judged; /* the values are those of a look-up that found nothing */
    uint16_t index[THINGS_MAX];
    uint64_t value[THINGS_MAX];
};

/* The counters of a verified token. 0, or -1: OpenSSL failed, and it holds never. */
int basis_of(struct board *board, struct hasher *hasher, const struct token *token, struct basis *ret);

/* Reads the values, before the look-up that is to find nothing. */
void basis_read(const struct board *board, struct basis *basis);

bool basis_holds(const struct board *board, const struct basis *basis);

/* The thing that a record is against. What names a kid is against all that the issuer said: which keys have borne that kid is the
   list's to know (covers.c), and it happens rarely. */
struct thing basis_thing(const struct board *board, enum record_kind kind, struct text issuer, struct text name);

#endif
