/* What the agent must not forget, in LMDB. The only room that knows LMDB: its codes become 0 and -1 here, with a line in the log.
   One thread writes (writer.h). The loop reads through one view, which is renewed at the first read after it was let go. */
#ifndef ASSAY_STORE_H
#define ASSAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/limits.h"

enum table {
    TABLE_META,    /* the format, names of sources */
    TABLE_RECORDS, /* revocations: who holds each */
    TABLE_COVERS,  /* key -> the revoked kids that it has borne */
    TABLE_TALLY,   /* counts by issuer, kind and source */
    TABLE_COUNT
};

struct store;
struct view; /* a consistent state to read from, and in a write job also to change */

#define STORE_WHY_BYTES 512

/* Opens the folder, makes it (0700) if there is none, and takes its lock: one state, one agent. NULL: `why` says what is wrong and
   what to do about it. */
struct store *store_open(const char *folder, char why[STORE_WHY_BYTES]);
void store_close(struct store *store); /* NULL is fine */

/* The loop's view. NULL: it could not be had, which is logged. store_let_go ends it: the next one sees what was committed since. */
struct view *store_view(struct store *store);
void store_let_go(struct store *store);

struct bytes {
    const void *at;
    size_t size;
};

/* 1: found, and *ret_value is valid as long as the view, or until the next change; 0: not there; -1: could not be read. */
int view_get(struct view *view, enum table table, struct bytes key, struct bytes *ret_value);
int view_put(struct view *view, enum table table, struct bytes key, struct bytes value); /* 0 or -1 */
int view_delete(struct view *view, enum table table, struct bytes key);                   /* 0, also if it was not there, or -1 */

/* Calls `each` for every entry in the order of the keys, until it returns non-zero, which is returned. -1: could not be read. */
int view_each(struct view *view, enum table table, int (*each)(void *context, struct bytes key, struct bytes value), void *context);

/* The writer's. */
struct view *store_begin(struct store *store);  /* NULL: could not, which is logged */
int store_commit(struct view *view); /* 0: what was changed is on the disk */
void store_abort(struct view *view);

#endif
