/* Sorted sets of entries of one size, by a hash of 96 bits. The set is cut into buckets that lie end to end over all hashes there
   can be, each under a checksum with the first and the last hash that belong into it. So "not there" is proven by the bucket in
   which it would be, and a bucket that cannot be had, or is another's, is damage: no flipped bit makes a revocation vanish. Over a
   view; no I/O of its own. */
#ifndef ASSAY_ENTRIES_H
#define ASSAY_ENTRIES_H

#include "store.h"

#define ENTRY_BYTES         24
#define ENTRY_KEY_BYTES     12
#define ENTRIES_PER_KEY_MAX 64

struct entry_set {
    enum table table;
    size_t id_bytes;                                     /* entries are told apart by so many of their first bytes */
    void (*meet)(uint8_t *stored, const uint8_t *given); /* what becomes of an entry that is added again; NULL: it stays */
};

enum entry_change {
    ENTRY_ADD, /* meets the one that is there */
    ENTRY_SET, /* replaces it */
    ENTRY_REMOVE,
};

struct entry_op {
    uint8_t entry[ENTRY_BYTES]; /* of ENTRY_REMOVE only the id counts */
    enum entry_change change;
    bool was, is; /* given back: did it stand there before, and after? */
    uint16_t tag; /* the caller's own */
};

/* In an empty store, once. 0 or -1. */
int entries_init(struct view *view, const struct entry_set *set);

/* The entries of a key, one after the other: their number, or -1. */
int entries_find(struct view *view, const struct entry_set *set, const uint8_t key[ENTRY_KEY_BYTES], struct bytes *ret);

/* Applies changes that are sorted by their ids, each id once; as many as lie in `buckets_max` buckets. 0, and how many that were;
   or -1, and the transaction must be given up. */
int entries_change(struct view *view, const struct entry_set *set, struct entry_op *ops, size_t count, unsigned buckets_max,
                   size_t *ret_done);

/* Walks over the set from `at` on, some buckets a call, forgetting the entries that `keep` says no to, and joining buckets that
   have become small. `at` begins with zeros and moves on; *ret_end when the last bucket was seen. What is damaged is stepped over,
   and told. */
int entries_sweep(struct view *view, const struct entry_set *set, uint8_t at[ENTRY_KEY_BYTES],
                  bool (*keep)(void *context, const uint8_t *entry), void *context, bool *ret_end);
#define SWEEP_BUCKETS 64

/* A bucket as it lies in the store: read by salvage, which finds them without an index. */
struct bucket {
    uint64_t transaction;        /* that wrote it */
    const uint8_t *first, *last; /* hashes that belong into it */
    const uint8_t *entries;
    unsigned count;
};
bool bucket_read(enum table table, struct bytes value, struct bucket *ret);
size_t bucket_bytes(struct bytes from); /* how many of these bytes are one, if it begins there; 0: that cannot be */

#endif
