/* The agent's persistent state, in LMDB. This is the only room that uses LMDB: its error codes become 0 and -1 here, with a line in the log. One
   thread writes (writer.h). The loop reads through one view, which is renewed at the first read after it was dropped.

   LMDB does not verify what it reads, so everything here has the agent's own checksums: each small value has a seal, and hashes lie in buckets
   (entries.h). Damage is an error, never "not found". */
#ifndef ASSAY_STORE_H
#define ASSAY_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/limits.h"

/* These numbers go into checksums: append only. */
enum table {
    TABLE_META,    /* single values: the kinds of record, the latest time seen, cursors of feeds */
    TABLE_RECORDS, /* revocations: buckets of hashes (entries.h) */
    TABLE_COVERS,  /* keys, and the revoked kids that they have had: buckets too */
    TABLE_SLOTS,   /* counts by issuer, kind and source */
    TABLE_UNREAD,  /* lines of feeds that could not be read, to try again */
    TABLE_KEYS,    /* issuers' key sets, public halves only: a fetch restores them */
    TABLE_COUNT
};

struct store;
struct view; /* a consistent state for reading, and in a write job also for changes */

#define STORE_WHY_BYTES 1024

/* Opens the folder, creates it (0700) if it does not exist, and takes its lock: one state, one agent. `map_bytes`: the largest size of the file.
   NULL: `why` says what is wrong and what to do about it. */
struct store *store_open(const char *folder, uint64_t map_bytes, char why[STORE_WHY_BYTES]);
void store_close(struct store *store); /* NULL is fine */

/* Was the folder empty when it was opened? */
bool store_is_new(const struct store *store);

/* How often damaged data was found since the start. From the loop's thread. */
uint64_t store_damaged(const struct store *store);

/* The loop's view. NULL: it could not be opened, which is logged. store_let_go ends it: the next one sees what was committed since. */
struct view *store_view(struct store *store);
void store_let_go(struct store *store);

struct bytes {
    const void *at;
    size_t size;
};

/* Sealed values. 1: found, and *ret_value is valid as long as the view, or until the next change; 0: not found; -1: unreadable or damaged. */
int view_get(struct view *view, enum table table, struct bytes key, struct bytes *ret_value);
int view_put(struct view *view, enum table table, struct bytes key, struct bytes value); /* 0 or -1; SEALED_BYTES_MAX at most */
int view_delete(struct view *view, enum table table, struct bytes key);                  /* 0, also if it did not exist, or -1 */

#define SEALED_BYTES_MAX (8 * 1024)
#define SEAL_BYTES       16

/* Is this a value of this table under this key? Returns the transaction that wrote it, and the sealed data. */
bool seal_is_good(enum table table, struct bytes key, struct bytes sealed, uint64_t *ret_transaction, struct bytes *ret_value);

/* The first value whose key is not below, for entries.c: does not check a seal. */
int view_seek(struct view *view, enum table table, struct bytes key, struct bytes *ret_key, struct bytes *ret_value);
int view_put_plain(struct view *view, enum table table, struct bytes key, struct bytes value);
uint64_t view_transaction(const struct view *view);

/* Data that was read is not what was written: counts and logs it. Returns -1. */
int view_damaged(struct view *view, enum table table, const char *what);

int view_count(struct view *view, enum table table, uint64_t *ret_count); /* 0 or -1 */

/* Calls `each` for every sealed entry in the order of the keys, until it returns non-zero, which is returned. -1: unreadable. */
int view_each(struct view *view, enum table table, int (*each)(void *context, struct bytes key, struct bytes value), void *context);

/* Begins a write transaction, for the writer. `frees`: it frees more space than it takes, and may use the reserve that is kept for that. NULL:
   failed, which is logged. */
struct view *store_begin(struct store *store, bool frees);
int store_commit(struct view *view); /* 0: what was changed is on the disk */
void store_abort(struct view *view);

/* Numbers in the store are little-endian. */
void store_number(uint8_t *out, uint64_t value, unsigned size);
uint64_t stored_number(const uint8_t *in, unsigned size);

#endif
