/* Sorted sets of entries of one size, by a hash of 96 bits. A set is divided into buckets that cover all possible hashes without a gap; each has a
   checksum and its first and last possible hash. So the bucket that would hold an entry proves its absence, and a bucket that is missing, or is
   another one, is damage: no flipped bit makes a revocation disappear. Works on a view; no I/O of its own. */
#ifndef ASSAY_ENTRIES_H
#define ASSAY_ENTRIES_H

#include "store.h"

#define ENTRY_BYTES         24
#define ENTRY_KEY_BYTES     12
#define ENTRIES_PER_KEY_MAX 64

struct entry_set {
    enum table table;
    size_t id_bytes;                                     /* this many first bytes identify an entry */
    void (*meet)(uint8_t *stored, const uint8_t *given); /* merges an entry that is added again; NULL: the old one stays */
};

enum entry_change {
    ENTRY_ADD, /* merges with the existing one */
    ENTRY_SET, /* replaces it */
    ENTRY_REMOVE,
};

struct entry_op {
    uint8_t entry[ENTRY_BYTES]; /* ENTRY_REMOVE uses only the id */
    enum entry_change change;
    bool was, is; /* returned: did the entry exist before, and does it after? */
    uint16_t tag; /* for the caller's use */
};

/* In an empty store, once. 0 or -1. */
int entries_init(struct view *view, const struct entry_set *set);

/* The entries of a key, one after the other: their number, or -1. */
int entries_find(struct view *view, const struct entry_set *set, const uint8_t key[ENTRY_KEY_BYTES], struct bytes *ret);

/* Applies changes that are sorted by their ids, each id once; as many as lie in `buckets_max` buckets. 0, and how many were applied; or -1, and
   the transaction must be given up. */
int entries_change(struct view *view, const struct entry_set *set, struct entry_op *ops, size_t count, unsigned buckets_max,
                   size_t *ret_done);

/* Walks the set from `at` on, some buckets a call, removes the entries for which `keep` returns false, and joins buckets that have become small.
   `at` begins with zeros and moves on; *ret_end after the last bucket. Damaged buckets are skipped and logged. */
int entries_sweep(struct view *view, const struct entry_set *set, uint8_t at[ENTRY_KEY_BYTES],
                  bool (*keep)(void *context, const uint8_t *entry), void *context, bool *ret_end);
#define SWEEP_BUCKETS 64

/* A bucket as stored: read by salvage, which finds buckets without an index. */
struct bucket {
    uint64_t transaction;        /* the transaction that wrote it */
    const uint8_t *first, *last; /* the range of its hashes */
    const uint8_t *entries;
    unsigned count;
};
bool bucket_read(enum table table, struct bytes value, struct bucket *ret);
size_t bucket_bytes(struct bytes from); /* the size of the bucket that begins there; 0: no bucket can begin there */

#endif
