/* Key sets on the disk, so that an agent that starts while an issuer is unreachable has its keys. A stored set belongs to an issuer and to the
   source that it came from: the same issuer's set from another source is a different one. Only public halves are stored (keyset_public).

   A set is a head and its text in pieces, all written in one transaction: after a crash the store has the old set or the new one, whole. */
#ifndef ASSAY_KEYS_STORED_H
#define ASSAY_KEYS_STORED_H

#include "agent/state/store.h"
#include "fetch.h"
#include "schedule.h"

struct stored_set {
    struct known_set known;
    double fetched, tried; /* as in schedule.h */
    unsigned failures;
    bool failed;
    char *text; /* NULL: none; in a write: the stored text stays */
    size_t text_bytes;
};

/* 1: read, and the caller frees the text. 0: not stored, or damaged, which is logged: it can be fetched again. -1: the store cannot be read. */
int stored_read(struct view *view, const struct issuer_config *issuer, struct stored_set *ret);

/* Call it in a write job. 0 or -1. */
int stored_write(struct view *view, const struct issuer_config *issuer, const struct stored_set *set);

#endif
