/* Key sets on the disk, so that an agent that starts while an issuer cannot be reached has its keys. A set belongs to an issuer and
   to the place where it came from: the same issuer's from elsewhere is another. Only public halves are here (keyset_public).

   A set is a head and its text in pieces, all written in one transaction: after a crash there is the old one, or the new one. */
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
    char *text; /* NULL: none; when it is written: the one that lies there stays */
    size_t text_bytes;
};

/* 1: read, and the text is the caller's to free. 0: there is none, or it is damaged, which was logged: it can be fetched again.
   -1: the store cannot be read. */
int stored_read(struct view *view, const struct issuer_config *issuer, struct stored_set *ret);

/* Within a write job. 0 or -1. */
int stored_write(struct view *view, const struct issuer_config *issuer, const struct stored_set *set);

#endif
