#include "entries.h"

#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

/* A bucket's value: checksum 8, mark 4, count 4, transaction 8, first hash 12, last hash 12, entries. Its key is the last hash. The largest bucket
   fills a page of LMDB after the page's head: it is alone there. Smaller ones would share pages, two in each, and which pages LMDB leaves half
   empty as it splits them depends on its version: a record took twice the space. */
#define AT_MARK            8
#define AT_COUNT           12
#define AT_TRANSACTION     16
#define AT_FIRST           24
#define AT_LAST            36
#define HEAD_BYTES         48
#define BUCKET_ENTRIES_MAX ((4096 - 16 - HEAD_BYTES) / ENTRY_BYTES)
#define BUCKET_ENTRIES_FEW (BUCKET_ENTRIES_MAX * 3 / 8) /* on average: smaller neighbours are joined */
#define BUCKET_BYTES_MAX   (HEAD_BYTES + BUCKET_ENTRIES_MAX * ENTRY_BYTES)
#define BUCKET_MARK        0x42534100U /* combined with the table */

static const uint8_t lowest[ENTRY_KEY_BYTES] = {0};
static const uint8_t highest[ENTRY_KEY_BYTES] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static uint32_t mark_of(enum table table)
{
    return BUCKET_MARK + (uint32_t)table;
}

static uint64_t checksum(const uint8_t *value, size_t size)
{
    return XXH3_64bits(value + AT_MARK, size - AT_MARK);
}

size_t bucket_bytes(struct bytes from)
{
    uint32_t count;

    if (from.size < HEAD_BYTES)
        return 0;
    memcpy(&count, (const uint8_t *)from.at + AT_COUNT, sizeof count);
    return count <= (from.size - HEAD_BYTES) / ENTRY_BYTES ? HEAD_BYTES + count * ENTRY_BYTES : 0;
}

bool bucket_read(enum table table, struct bytes value, struct bucket *ret)
{
    const uint8_t *at = value.at;
    uint64_t sum;
    uint32_t mark, count;

    if (value.size > BUCKET_BYTES_MAX || value.size == 0 || bucket_bytes(value) != value.size)
        return false;
    memcpy(&sum, at, sizeof sum);
    memcpy(&mark, at + AT_MARK, sizeof mark);
    memcpy(&count, at + AT_COUNT, sizeof count);
    if (mark != mark_of(table) || sum != checksum(at, value.size))
        return false;
    memcpy(&ret->transaction, at + AT_TRANSACTION, sizeof ret->transaction);
    ret->first = at + AT_FIRST;
    ret->last = at + AT_LAST;
    ret->entries = at + HEAD_BYTES;
    ret->count = count;
    return true;
}

static int write_bucket(struct view *view, enum table table, const uint8_t *first, const uint8_t *last, const uint8_t *entries,
                        size_t count)
{
    uint8_t value[BUCKET_BYTES_MAX];
    size_t size = HEAD_BYTES + count * ENTRY_BYTES;
    uint32_t mark = mark_of(table), number = (uint32_t)count;
    uint64_t transaction = view_transaction(view);

    memcpy(value + AT_MARK, &mark, sizeof mark);
    memcpy(value + AT_COUNT, &number, sizeof number);
    memcpy(value + AT_TRANSACTION, &transaction, sizeof transaction);
    memcpy(value + AT_FIRST, first, ENTRY_KEY_BYTES);
    memcpy(value + AT_LAST, last, ENTRY_KEY_BYTES);
    if (count > 0)
        memcpy(value + HEAD_BYTES, entries, count * ENTRY_BYTES);
    uint64_t sum = checksum(value, size);

    memcpy(value, &sum, sizeof sum);
    return view_put_plain(view, table, (struct bytes){value + AT_LAST, ENTRY_KEY_BYTES}, (struct bytes){value, size});
}

int entries_init(struct view *view, const struct entry_set *set)
{
    return write_bucket(view, set->table, lowest, highest, NULL, 0);
}

static int compare_keys(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, ENTRY_KEY_BYTES);
}

/* Finds the bucket that the key belongs to. 0 or -1. */
static int seek(struct view *view, enum table table, const uint8_t *key, struct bucket *ret)
{
    struct bytes at, value;
    int found = view_seek(view, table, (struct bytes){key, ENTRY_KEY_BYTES}, &at, &value);

    if (found < 0)
        return -1;
    if (found == 0 || at.size != ENTRY_KEY_BYTES || !bucket_read(table, value, ret) || compare_keys(ret->last, at.at) != 0 ||
        compare_keys(ret->first, key) > 0 || compare_keys(ret->last, key) < 0)
        return view_damaged(view, table, "a bucket of hashes is damaged or missing");
    return 0;
}

/* The first entry whose first bytes are not below. */
static unsigned lower_bound(const struct bucket *bucket, const uint8_t *id, size_t id_bytes)
{
    unsigned low = 0, high = bucket->count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (memcmp(bucket->entries + middle * ENTRY_BYTES, id, id_bytes) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int entries_find(struct view *view, const struct entry_set *set, const uint8_t key[ENTRY_KEY_BYTES], struct bytes *ret)
{
    struct bucket bucket;

    if (seek(view, set->table, key, &bucket) < 0)
        return -1;
    unsigned first = lower_bound(&bucket, key, ENTRY_KEY_BYTES), end = first;

    while (end < bucket.count && compare_keys(bucket.entries + end * ENTRY_BYTES, key) == 0)
        end++;
    *ret = (struct bytes){bucket.entries + first * ENTRY_BYTES, (end - first) * ENTRY_BYTES};
    return (int)(end - first);
}

/* The largest hash below this one. */
static void key_before(const uint8_t *key, uint8_t *ret)
{
    memcpy(ret, key, ENTRY_KEY_BYTES);
    for (unsigned i = ENTRY_KEY_BYTES; i-- > 0;) {
        if (ret[i]-- != 0)
            return;
    }
}

/* Where a piece that begins there ends, so that all pieces are full, and about equally full: entries of one key stay together. */
static size_t piece_end(const uint8_t *entries, size_t count, size_t start)
{
    size_t left = count - start, pieces = (left + BUCKET_ENTRIES_MAX - 1) / BUCKET_ENTRIES_MAX;
    size_t end = start + (left + pieces - 1) / pieces;

    if (pieces == 1)
        return count;
    while (end > start && compare_keys(entries + end * ENTRY_BYTES, entries + (end - 1) * ENTRY_BYTES) == 0)
        end--;
    if (end > start)
        return end;
    for (end = start + 1; end < count && compare_keys(entries + end * ENTRY_BYTES, entries + (end - 1) * ENTRY_BYTES) == 0;)
        end++;
    return end;
}

/* Writes one bucket, or several adjacent ones over the same hashes. The last one's key is that of the old bucket, which it replaces. */
static int write_pieces(struct view *view, enum table table, const uint8_t *first, const uint8_t *last, const uint8_t *entries,
                        size_t count)
{
    uint8_t from[ENTRY_KEY_BYTES], to[ENTRY_KEY_BYTES];

    if (count <= BUCKET_ENTRIES_MAX)
        return write_bucket(view, table, first, last, entries, count);
    memcpy(from, first, sizeof from);
    for (size_t start = 0, end; start < count; start = end) {
        end = piece_end(entries, count, start);
        if (end < count)
            key_before(entries + end * ENTRY_BYTES, to);
        else
            memcpy(to, last, sizeof to);
        if (end - start > BUCKET_ENTRIES_MAX || write_bucket(view, table, from, to, entries + start * ENTRY_BYTES, end - start) < 0)
            return -1;
        if (end < count)
            memcpy(from, entries + end * ENTRY_BYTES, sizeof from);
    }
    return 0;
}

/* Changes one entry, and appends the result. */
static void change_one(const struct entry_set *set, struct entry_op *op, const uint8_t *stored, uint8_t *out, size_t *count)
{
    uint8_t *at = out + *count * ENTRY_BYTES;

    op->was = stored != NULL;
    op->is = op->change != ENTRY_REMOVE;
    if (!op->is)
        return;
    memcpy(at, op->change == ENTRY_ADD && op->was ? stored : op->entry, ENTRY_BYTES);
    if (op->change == ENTRY_ADD && op->was && set->meet != NULL)
        set->meet(at, op->entry);
    ++*count;
}

/* Merges the bucket's entries and the changes, both sorted, into one sorted list. */
static size_t merge(const struct entry_set *set, const struct bucket *bucket, struct entry_op *ops, size_t op_count, uint8_t *out)
{
    size_t count = 0, op = 0;
    unsigned old = 0;

    while (old < bucket->count || op < op_count) {
        const uint8_t *stored = bucket->entries + old * ENTRY_BYTES;
        int order = old == bucket->count ? 1 : op == op_count ? -1 : memcmp(stored, ops[op].entry, set->id_bytes);

        if (order < 0) {
            memcpy(out + count++ * ENTRY_BYTES, stored, ENTRY_BYTES);
            old++;
            continue;
        }
        change_one(set, &ops[op++], order == 0 ? stored : NULL, out, &count);
        if (order == 0)
            old++;
    }
    return count;
}

/* More entries of one key than a bucket is certain to hold? */
static bool has_crowd(const uint8_t *entries, size_t count)
{
    for (size_t i = ENTRIES_PER_KEY_MAX; i < count; i++) {
        if (compare_keys(entries + i * ENTRY_BYTES, entries + (i - ENTRIES_PER_KEY_MAX) * ENTRY_BYTES) == 0)
            return true;
    }
    return false;
}

static int change_bucket(struct view *view, const struct entry_set *set, const struct bucket *bucket, struct entry_op *ops,
                         size_t op_count)
{
    uint8_t first[ENTRY_KEY_BYTES], last[ENTRY_KEY_BYTES], *out = malloc((bucket->count + op_count) * ENTRY_BYTES);
    int status = -1;

    if (out == NULL)
        return -1;
    size_t count = merge(set, bucket, ops, op_count, out);

    memcpy(first, bucket->first, sizeof first); /* the view's data is invalid after the first change */
    memcpy(last, bucket->last, sizeof last);
    if (count == bucket->count && memcmp(out, bucket->entries, count * ENTRY_BYTES) == 0)
        status = 0;
    else if (!has_crowd(out, count))
        status = write_pieces(view, set->table, first, last, out, count);
    free(out);
    return status;
}

int entries_change(struct view *view, const struct entry_set *set, struct entry_op *ops, size_t count, unsigned buckets_max,
                   size_t *ret_done)
{
    size_t done = 0;

    for (unsigned buckets = 0; done < count && buckets < buckets_max; buckets++) {
        struct bucket bucket;
        size_t end = done;

        if (seek(view, set->table, ops[done].entry, &bucket) < 0)
            return -1;
        while (end < count && compare_keys(ops[end].entry, bucket.last) <= 0)
            end++;
        if (change_bucket(view, set, &bucket, ops + done, end - done) < 0)
            return -1;
        done = end;
    }
    *ret_done = done;
    return 0;
}

/* Neighbours that a sweep handles together. */
struct group {
    uint8_t first[ENTRY_KEY_BYTES], last[ENTRY_KEY_BYTES];
    uint8_t keys[SWEEP_BUCKETS][ENTRY_KEY_BYTES];
    unsigned buckets;
    size_t count, forgotten;
    uint8_t entries[SWEEP_BUCKETS * BUCKET_ENTRIES_MAX * ENTRY_BYTES];
};

static bool is_last(const uint8_t *key)
{
    return compare_keys(key, highest) == 0;
}

static void key_after(uint8_t *key)
{
    for (unsigned i = ENTRY_KEY_BYTES; i-- > 0;) {
        if (++key[i] != 0)
            return;
    }
}

/* Reads buckets from `at` on, up to the end, or to a damaged one, which ends the group. 1: `at` is after it; 0: an end was found. */
static int gather(struct view *view, const struct entry_set *set, struct group *group, uint8_t at[ENTRY_KEY_BYTES],
                  bool (*keep)(void *context, const uint8_t *entry), void *context)
{
    while (group->buckets < SWEEP_BUCKETS) {
        struct bucket bucket;

        if (seek(view, set->table, at, &bucket) < 0)
            return -1;
        if (group->buckets == 0)
            memcpy(group->first, bucket.first, ENTRY_KEY_BYTES);
        memcpy(group->last, bucket.last, ENTRY_KEY_BYTES);
        memcpy(group->keys[group->buckets++], bucket.last, ENTRY_KEY_BYTES);
        for (unsigned i = 0; i < bucket.count; i++) {
            const uint8_t *entry = bucket.entries + i * ENTRY_BYTES;

            if (keep(context, entry))
                memcpy(group->entries + group->count++ * ENTRY_BYTES, entry, ENTRY_BYTES);
            else
                group->forgotten++;
        }
        if (is_last(bucket.last))
            return 0;
        memcpy(at, bucket.last, ENTRY_KEY_BYTES);
        key_after(at);
    }
    return 1;
}

static int rewrite(struct view *view, const struct entry_set *set, const struct group *group)
{
    for (unsigned i = 0; i + 1 < group->buckets; i++) {
        if (view_delete(view, set->table, (struct bytes){group->keys[i], ENTRY_KEY_BYTES}) < 0)
            return -1;
    }
    return write_pieces(view, set->table, group->first, group->last, group->entries, group->count);
}

/* Continues after an unreadable bucket: its key, if readable, says where the next one begins. */
static bool step_over(struct view *view, const struct entry_set *set, uint8_t at[ENTRY_KEY_BYTES])
{
    struct bytes key, value;

    if (view_seek(view, set->table, (struct bytes){at, ENTRY_KEY_BYTES}, &key, &value) != 1 || key.size != ENTRY_KEY_BYTES ||
        compare_keys(key.at, at) < 0 || is_last(key.at))
        return false;
    memcpy(at, key.at, ENTRY_KEY_BYTES);
    key_after(at);
    return true;
}

int entries_sweep(struct view *view, const struct entry_set *set, uint8_t at[ENTRY_KEY_BYTES],
                  bool (*keep)(void *context, const uint8_t *entry), void *context, bool *ret_end)
{
    struct group *group = malloc(sizeof *group);

    if (group == NULL)
        return -1;
    group->buckets = 0;
    group->count = group->forgotten = 0;
    int more = gather(view, set, group, at, keep, context), status = 0;

    if (group->buckets > 1 || group->forgotten > 0) {
        bool sparse = group->buckets > 1 && group->count < group->buckets * (size_t)BUCKET_ENTRIES_FEW;

        if (group->forgotten > 0 || sparse)
            status = rewrite(view, set, group);
    }
    *ret_end = more == 0 || (more < 0 && !step_over(view, set, at));
    free(group);
    return status;
}
