/* What the agent must not forget, in LMDB. The only room that knows LMDB: its codes become 0 and -1 here, with a line in the log.
   One thread writes (writer.h). The loop reads through one view, which is renewed at the first read after it was let go.

   LMDB checks nothing that it reads, so everything here lies under checksums of our own: small values each under a seal, hashes in
   buckets (entries.h). Damage is an error, never "not there". */
#ifndef ASSAY_STORE_H
#define ASSAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/limits.h"

/* These numbers go into checksums: append only. */
enum table {
    TABLE_META,    /* what there is once: the kinds of record, the highest time seen, where a feed was read to */
    TABLE_RECORDS, /* revocations: buckets of hashes (entries.h) */
    TABLE_COVERS,  /* keys, and the revoked kids that they have borne: buckets too */
    TABLE_SLOTS,   /* counts by issuer, kind and source */
    TABLE_UNREAD,  /* lines of feeds that could not be read, to be tried again */
    TABLE_KEYS,    /* issuers' key sets, public halves alone: rebuilt by fetching */
    TABLE_COUNT
};

struct store;
struct view; /* a consistent state to read from, and in a write job also to change */

#define STORE_WHY_BYTES 1024

/* Opens the folder, makes it (0700) if there is none, and takes its lock: one state, one agent. `map_bytes`: what it may grow to.
   NULL: `why` says what is wrong and what to do about it. */
struct store *store_open(const char *folder, uint64_t map_bytes, char why[STORE_WHY_BYTES]);
void store_close(struct store *store); /* NULL is fine */

/* Was there nothing in the folder when it was opened? */
bool store_is_new(const struct store *store);

/* How often something damaged was met since the start. From the loop's thread. */
uint64_t store_damaged(const struct store *store);

/* The loop's view. NULL: it could not be had, which is logged. store_let_go ends it: the next one sees what was committed since. */
struct view *store_view(struct store *store);
void store_let_go(struct store *store);

struct bytes {
    const void *at;
    size_t size;
};

/* Values under a seal. 1: found, and *ret_value is valid as long as the view, or until the next change; 0: not there; -1: could not
   be read, or is damaged. */
int view_get(struct view *view, enum table table, struct bytes key, struct bytes *ret_value);
int view_put(struct view *view, enum table table, struct bytes key, struct bytes value); /* 0 or -1; SEALED_BYTES_MAX at most */
int view_delete(struct view *view, enum table table, struct bytes key);                  /* 0, also if it was not there, or -1 */

#define SEALED_BYTES_MAX (8 * 1024)
#define SEAL_BYTES       16

/* Is that a value of this table under this key? Gives the transaction that wrote it, and what lies under the seal. */
bool seal_is_good(enum table table, struct bytes key, struct bytes sealed, uint64_t *ret_transaction, struct bytes *ret_value);

/* The first value whose key is not below, for entries.c: no seal is looked at. */
int view_seek(struct view *view, enum table table, struct bytes key, struct bytes *ret_key, struct bytes *ret_value);
int view_put_plain(struct view *view, enum table table, struct bytes key, struct bytes value);
uint64_t view_transaction(const struct view *view);

/* Something that was read is not what was written: counted, and told in the log. Returns -1. */
int view_damaged(struct view *view, enum table table, const char *what);

int view_count(struct view *view, enum table table, uint64_t *ret_count); /* 0 or -1 */

/* Calls `each` for every sealed entry in the order of the keys, until it returns non-zero, which is returned. -1: could not be
 * read. */
int view_each(struct view *view, enum table table, int (*each)(void *context, struct bytes key, struct bytes value), void *context);

/* The writer's. `frees`: it gives back more than it takes, and may use the room that is kept for that. NULL: could not, which is
 * logged. */
struct view *store_begin(struct store *store, bool frees);
int store_commit(struct view *view); /* 0: what was changed is on the disk */
void store_abort(struct view *view);

/* Numbers in the store are little-endian. */
void store_number(uint8_t *out, uint64_t value, unsigned size);
uint64_t stored_number(const uint8_t *in, unsigned size);

#endif
