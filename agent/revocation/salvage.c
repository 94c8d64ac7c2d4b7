#include "salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state/pages.h"
#include "list.h"
#include "salvage_map.h"

#define KEY_BYTES_MAX   511
#define VALUE_BYTES_MAX (SEAL_BYTES + SEALED_BYTES_MAX)
#define OPS_PER_COMMIT  20000
#define UNKNOWN_SOURCE  "salvaged"

/* A sealed value that was found. */
struct sealed {
    enum table table;
    uint64_t transaction;
    size_t key_bytes, value_bytes; /* the value without its seal */
    uint8_t *bytes;                /* key, value */
};

struct dig {
    int fd;
    size_t page_bytes;
    uint64_t unreadable_pages;
    struct salvage_map maps[2]; /* of records, of covers */
    struct sealed *sealed;
    size_t sealed_count, sealed_room;
    bool out_of_memory;
};

static void keep_sealed(struct dig *dig, enum table table, struct bytes key, struct bytes value, uint64_t transaction)
{
    if (dig->sealed_count == dig->sealed_room) {
        size_t room = dig->sealed_room == 0 ? 256 : 2 * dig->sealed_room;
        struct sealed *larger = realloc(dig->sealed, room * sizeof *larger);

        if (larger == NULL) {
            dig->out_of_memory = true;
            return;
        }
        dig->sealed = larger;
        dig->sealed_room = room;
    }
    struct sealed *sealed = &dig->sealed[dig->sealed_count];

    *sealed = (struct sealed){table, transaction, key.size, value.size, malloc(key.size + value.size + 1)};
    if (sealed->bytes == NULL) {
        dig->out_of_memory = true;
        return;
    }
    memcpy(sealed->bytes, key.at, key.size);
    if (value.size > 0)
        memcpy(sealed->bytes + key.size, value.at, value.size);
    dig->sealed_count++;
}

/* A bucket contains its own range and table. */
static bool keep_bucket(struct dig *dig, struct bytes value, uint64_t offset)
{
    static const enum table tables[] = {TABLE_RECORDS, TABLE_COVERS};
    struct bucket bucket;

    for (unsigned i = 0; i < 2; i++) {
        if (!bucket_read(tables[i], value, &bucket))
            continue;
        dig->out_of_memory |= salvage_map_add(&dig->maps[i], &bucket, offset, value.size) < 0;
        return true;
    }
    return false;
}

static void keep_node(struct dig *dig, struct bytes key, struct bytes value, uint64_t offset)
{
    static const enum table others[] = {TABLE_META, TABLE_SLOTS, TABLE_UNREAD};
    struct bytes inside;
    uint64_t transaction;

    if (keep_bucket(dig, value, offset))
        return;
    for (unsigned i = 0; i < 3; i++) {
        if (seal_is_good(others[i], key, value, &transaction, &inside)) {
            keep_sealed(dig, others[i], key, inside, transaction);
            return;
        }
    }
}

/* Also finds a bucket that is alone on a page: what points to it may be lost, or older than the page. */
static void on_node(void *context, struct bytes key, struct bytes value, uint64_t offset)
{
    if (key.size == 0)
        (void)keep_bucket(context, (struct bytes){value.at, bucket_bytes(value)}, offset);
    else if (key.size <= KEY_BYTES_MAX && value.size <= VALUE_BYTES_MAX)
        keep_node(context, key, value, offset);
}

static int dig_out(struct dig *dig, char why[STORE_WHY_BYTES])
{
    if (pages_scan(dig->fd, on_node, dig, &dig->unreadable_pages) < 0 || dig->out_of_memory) {
        snprintf(why, STORE_WHY_BYTES, "out of memory");
        return -1;
    }
    if (dig->maps[0].count > 0 || dig->sealed_count > 0)
        return 0;
    snprintf(why, STORE_WHY_BYTES, "it contains nothing that this version of assayd has stored");
    return -1;
}

/* The newest of each key first. */
static int compare_sealed(const void *a, const void *b)
{
    const struct sealed *x = a, *y = b;

    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    int order = memcmp(x->bytes, y->bytes, x->key_bytes < y->key_bytes ? x->key_bytes : y->key_bytes);

    if (order != 0)
        return order;
    if (x->key_bytes != y->key_bytes)
        return x->key_bytes < y->key_bytes ? -1 : 1;
    return x->transaction == y->transaction ? 0 : x->transaction > y->transaction ? -1 : 1;
}

static bool is_same_key(const struct sealed *a, const struct sealed *b)
{
    return a->table == b->table && a->key_bytes == b->key_bytes && memcmp(a->bytes, b->bytes, a->key_bytes) == 0;
}

static bool is_key(const struct sealed *sealed, const char *name)
{
    return sealed->table == TABLE_META && sealed->key_bytes == strlen(name) && memcmp(sealed->bytes, name, sealed->key_bytes) == 0;
}

/* Leaves out cursors: feeds are then read from their start, which restores their records. Counts begin at zero. */
static int write_sealed(struct view *view, const struct sealed *sealed, struct salvaged *ret, uint16_t *slots)
{
    struct bytes key = {sealed->bytes, sealed->key_bytes}, value = {sealed->bytes + sealed->key_bytes, sealed->value_bytes};

    if (sealed->table == TABLE_META)
        return is_key(sealed, "clock") ? view_put(view, TABLE_META, key, value) : 0;
    if (sealed->table == TABLE_SLOTS && sealed->key_bytes == 3 && sealed->bytes[0] == 'n' && value.size >= 8) {
        uint16_t number = (uint16_t)(sealed->bytes[1] << 8 | sealed->bytes[2]);

        memset(sealed->bytes + sealed->key_bytes, 0, 8);
        *slots = number >= *slots ? (uint16_t)(number + 1) : *slots;
    }
    ret->lines += sealed->table == TABLE_UNREAD;
    return view_put(view, sealed->table, key, value);
}

static int write_all_sealed(struct dig *dig, struct view *view, struct salvaged *ret)
{
    uint16_t slots = 0;
    uint8_t bytes[2];

    if (dig->sealed_count > 0)
        qsort(dig->sealed, dig->sealed_count, sizeof *dig->sealed, compare_sealed);
    for (size_t i = 0; i < dig->sealed_count; i++) {
        if ((i == 0 || !is_same_key(&dig->sealed[i - 1], &dig->sealed[i])) && write_sealed(view, &dig->sealed[i], ret, &slots) < 0)
            return -1;
    }
    store_number(bytes, slots, 2);
    return view_put(view, TABLE_META, (struct bytes){"slots", 5}, (struct bytes){bytes, 2});
}

/* Entries that are being copied into the new store. */
struct carry {
    struct store *store;
    const struct entry_set *set;
    struct entry_op *ops;
    size_t count;
    uint64_t carried;
    unsigned kinds;
};

/* A revocation whose slot was lost stays in force, in a slot that says so. */
static int count_word(struct carry *carry, struct view *view, struct entry_op *op)
{
    uint16_t number = word_slot(op->entry);
    struct slot slot;

    if (slot_read(view, number, &slot) < 0) {
        if (slot_number(view, (struct text){"(unknown)", 9}, RECORD_JTI, UNKNOWN_SOURCE, true, &number) != 1)
            return -1;
        word_set_slot(op->entry, number);
        carry->kinds = ~0U;
    } else {
        carry->kinds |= LIST_KIND(slot.kind);
    }
    return slot_count(view, number, 1);
}

static int compare_ops(const void *a, const void *b)
{
    return memcmp(((const struct entry_op *)a)->entry, ((const struct entry_op *)b)->entry, ENTRY_BYTES);
}

static int write_ops(struct carry *carry, struct view *view)
{
    size_t done = 0;

    for (size_t i = 0; carry->set == &list_records && i < carry->count; i++) {
        if (count_word(carry, view, &carry->ops[i]) < 0)
            return -1;
    }
    qsort(carry->ops, carry->count, sizeof *carry->ops, compare_ops);
    return entries_change(view, carry->set, carry->ops, carry->count, UINT32_MAX, &done) < 0 ||
                   list_note_kinds(view, carry->kinds) < 0
               ? -1
               : 0;
}

static int flush(struct carry *carry)
{
    struct view *view = store_begin(carry->store, false);

    if (view == NULL)
        return -1;
    if (write_ops(carry, view) < 0) {
        store_abort(view);
        return -1;
    }
    carry->carried += carry->count;
    carry->count = 0;
    return store_commit(view);
}

static int on_entry(void *context, const uint8_t *entry)
{
    struct carry *carry = context;

    carry->ops[carry->count] = (struct entry_op){.change = ENTRY_ADD};
    memcpy(carry->ops[carry->count++].entry, entry, ENTRY_BYTES);
    return carry->count == OPS_PER_COMMIT ? flush(carry) : 0;
}

static int carry_entries(struct dig *dig, struct store *store, struct salvaged *ret)
{
    struct carry carry = {.store = store, .set = &list_records, .ops = calloc(OPS_PER_COMMIT, sizeof *carry.ops)};
    int status = carry.ops != NULL ? salvage_map_walk(&dig->maps[0], dig->fd, TABLE_RECORDS, on_entry, &carry, &ret->lost) : -1;

    if (status == 0)
        status = flush(&carry);
    ret->records = carry.carried;
    carry.carried = 0;
    carry.set = &list_covers;
    double lost = 0;

    if (status == 0)
        status = salvage_map_walk(&dig->maps[1], dig->fd, TABLE_COVERS, on_entry, &carry, &lost);
    if (lost > ret->lost)
        ret->lost = lost;
    if (status == 0)
        status = flush(&carry);
    ret->covers = carry.carried;
    free(carry.ops);
    return status;
}

static int build(struct dig *dig, const char *new, struct salvaged *ret, char why[STORE_WHY_BYTES])
{
    struct store *store = store_open(new, STORE_MAP_BYTES, why);
    struct view *view = store != NULL ? store_begin(store, false) : NULL;
    int status = -1;

    if (store == NULL)
        return -1;
    snprintf(why, STORE_WHY_BYTES, "the new store %s cannot be written; is the disk full?", new);
    if (view != NULL && write_all_sealed(dig, view, ret) < 0)
        store_abort(view);
    else if (view != NULL)
        status = store_commit(view);
    if (status == 0)
        status = carry_entries(dig, store, ret);
    store_close(store);
    return status;
}

static void clear(struct dig *dig)
{
    for (size_t i = 0; i < dig->sealed_count; i++)
        free(dig->sealed[i].bytes);
    free(dig->sealed);
    salvage_map_clear(&dig->maps[0]);
    salvage_map_clear(&dig->maps[1]);
    if (dig->fd >= 0)
        close(dig->fd);
}

/* If an agent still wrote there, the copy would be incomplete. */
static int is_in_use(const char *old)
{
    char path[4096];
    int fd = snprintf(path, sizeof path, "%s/lock", old) < (int)sizeof path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    int used = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;

    if (fd >= 0)
        close(fd);
    return used;
}

static int open_old(const char *old, const char *new, char why[STORE_WHY_BYTES])
{
    char path[4096], made[4096];
    struct stat facts;

    if (snprintf(path, sizeof path, "%s/data.mdb", old) >= (int)sizeof path ||
        snprintf(made, sizeof made, "%s/data.mdb", new) >= (int)sizeof made) {
        snprintf(why, STORE_WHY_BYTES, "a path is too long");
        return -1;
    }
    if (stat(made, &facts) == 0) {
        snprintf(why, STORE_WHY_BYTES, "%s already holds a store; name a folder that does not", new);
        return -1;
    }
    if (is_in_use(old)) {
        snprintf(why, STORE_WHY_BYTES, "an assayd uses %s; stop it first", old);
        return -1;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        snprintf(why, STORE_WHY_BYTES, "%.900s cannot be read: %s", path, strerror(errno));
    return fd;
}

int salvage(const char *old, const char *new, struct salvaged *ret, char why[STORE_WHY_BYTES])
{
    struct dig dig = {.fd = open_old(old, new, why)};
    int status = -1;

    *ret = (struct salvaged){0};
    if (dig.fd >= 0 && dig_out(&dig, why) == 0)
        status = build(&dig, new, ret, why);
    ret->unreadable_pages = dig.unreadable_pages;
    clear(&dig);
    return status;
}
