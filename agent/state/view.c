/* Reads and writes the store, through views of it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "agent/base/log.h"
#include "pages.h"
#include "store_inside.h"

const char *const table_names[TABLE_COUNT] = {"meta", "records", "covers", "slots", "unread", "keys"};

/* After LMDB has given up an environment, it answers nothing any more, and only opening it again helps: the next start does. */
int store_failed(const char *what, int code)
{
    log_error("the store failed", LOG_TEXT("call", what), LOG_TEXT("error", mdb_strerror(code)));
    if (code == MDB_PANIC) {
        log_error("the disk failed in the middle of a change; this agent ends, and the next start continues from the last complete change");
        _exit(1);
    }
    return -1;
}

static MDB_val as_value(struct bytes bytes)
{
    return (MDB_val){bytes.size, (void *)(uintptr_t)bytes.at};
}

static struct bytes as_bytes(MDB_val value)
{
    return (struct bytes){value.mv_data, value.mv_size};
}

uint64_t store_damaged(const struct store *store)
{
    return store->damaged;
}

struct view *store_view(struct store *store)
{
    if (store->loop_is_open)
        return &store->loop;
    int code = store->loop.txn == NULL ? LMDB(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->loop.txn))
                                       : LMDB(mdb_txn_renew(store->loop.txn));

    if (code != 0) {
        (void)store_failed("begin reading", code);
        return NULL;
    }
    store->loop.turn++;
    store->loop_is_open = true;
    return &store->loop;
}

void store_let_go(struct store *store)
{
    if (store->loop_is_open)
        mdb_txn_reset(store->loop.txn);
    store->loop_is_open = false;
}

int view_damaged(struct view *view, enum table table, const char *what)
{
    uint64_t count = ++view->store->damaged;

    if ((count & (count - 1)) == 0) /* logs the first, then ever more rarely: each call may find it */
        log_error("the store is damaged; tokens that need the damaged part are undecided, never accepted", LOG_TEXT("what", what),
                  LOG_TEXT("table", table_names[table]), LOG_NUMBER("times", count),
                  LOG_TEXT("remedy", "stop the agent, then run: assayd --salvage OLD NEW"));
    return -1;
}

static uint64_t seal_of(enum table table, struct bytes key, const uint8_t *rest, size_t size)
{
    uint64_t seed = XXH3_64bits_withSeed(key.at, key.size, (uint64_t)table + 1);

    return XXH3_64bits_withSeed(rest, size, seed);
}

/* A sealed value: checksum 8, transaction 8, value. */
bool seal_is_good(enum table table, struct bytes key, struct bytes sealed, uint64_t *ret_transaction, struct bytes *ret_value)
{
    const uint8_t *at = sealed.at;
    uint64_t seal;

    if (sealed.size < SEAL_BYTES)
        return false;
    memcpy(&seal, at, sizeof seal);
    if (seal != seal_of(table, key, at + 8, sealed.size - 8))
        return false;
    memcpy(ret_transaction, at + 8, sizeof *ret_transaction);
    *ret_value = (struct bytes){at + SEAL_BYTES, sealed.size - SEAL_BYTES};
    return true;
}

int view_get(struct view *view, enum table table, struct bytes key, struct bytes *ret_value)
{
    MDB_val k = as_value(key), v;
    int code = LMDB(mdb_get(view->txn, view->store->tables[table], &k, &v));
    uint64_t transaction;

    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return store_failed("get", code);
    return seal_is_good(table, key, as_bytes(v), &transaction, ret_value)
               ? 1
               : view_damaged(view, table, "a value does not match its checksum");
}

int view_put_plain(struct view *view, enum table table, struct bytes key, struct bytes value)
{
    MDB_val k = as_value(key), v = as_value(value);
    int code = LMDB(mdb_put(view->txn, view->store->tables[table], &k, &v, 0));

    return code != 0 ? store_failed("put", code) : 0;
}

int view_put(struct view *view, enum table table, struct bytes key, struct bytes value)
{
    uint8_t sealed[SEAL_BYTES + SEALED_BYTES_MAX];
    uint64_t transaction = view_transaction(view);

    if (value.size > SEALED_BYTES_MAX)
        return -1;
    memcpy(sealed + 8, &transaction, sizeof transaction);
    if (value.size > 0)
        memcpy(sealed + SEAL_BYTES, value.at, value.size);
    uint64_t seal = seal_of(table, key, sealed + 8, value.size + 8);

    memcpy(sealed, &seal, sizeof seal);
    return view_put_plain(view, table, key, (struct bytes){sealed, SEAL_BYTES + value.size});
}

int view_delete(struct view *view, enum table table, struct bytes key)
{
    MDB_val k = as_value(key);
    int code = LMDB(mdb_del(view->txn, view->store->tables[table], &k, NULL));

    return code != 0 && code != MDB_NOTFOUND ? store_failed("delete", code) : 0;
}

/* The loop's cursors live as long as its transaction is renewed; a write transaction's end with it. */
static int loop_cursor(struct view *view, enum table table, MDB_cursor **ret)
{
    int code = 0;

    if (view->cursors[table] == NULL)
        code = LMDB(mdb_cursor_open(view->txn, view->store->tables[table], &view->cursors[table]));
    else if (view->cursor_turns[table] != view->turn)
        code = LMDB(mdb_cursor_renew(view->txn, view->cursors[table]));
    if (code != 0)
        return code;
    view->cursor_turns[table] = view->turn;
    *ret = view->cursors[table];
    return 0;
}

/* For a value alone on a page of the file: is the head not as LMDB wrote it? Pages of an uncommitted change are elsewhere. */
static bool has_damaged_head(const struct store *store, const void *value)
{
    uintptr_t at = (uintptr_t)value - store->map;

    return at / store->page_bytes < store->map_pages && at % store->page_bytes == PAGE_HEAD_BYTES &&
           !page_is_alone(value, at / store->page_bytes);
}

int view_seek(struct view *view, enum table table, struct bytes key, struct bytes *ret_key, struct bytes *ret_value)
{
    bool is_loop = view == &view->store->loop;
    MDB_val k = as_value(key), v;
    MDB_cursor *cursor;
    int code = is_loop ? loop_cursor(view, table, &cursor) : LMDB(mdb_cursor_open(view->txn, view->store->tables[table], &cursor));

    if (code != 0)
        return store_failed("open a cursor", code);
    code = LMDB(mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE));
    if (!is_loop)
        mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return store_failed("seek", code);
    if (has_damaged_head(view->store, v.mv_data))
        return view_damaged(view, table, "a page's head is damaged");
    *ret_key = as_bytes(k);
    *ret_value = as_bytes(v);
    return 1;
}

int view_each(struct view *view, enum table table, int (*each)(void *context, struct bytes key, struct bytes value), void *context)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    uint64_t transaction;
    struct bytes value;
    int status = 0, code = LMDB(mdb_cursor_open(view->txn, view->store->tables[table], &cursor));

    if (code != 0)
        return store_failed("open a cursor", code);
    while (status == 0 && (code = LMDB(mdb_cursor_get(cursor, &k, &v, MDB_NEXT))) == 0) {
        if (seal_is_good(table, as_bytes(k), as_bytes(v), &transaction, &value))
            status = each(context, as_bytes(k), value);
        else
            status = view_damaged(view, table, "a value does not match its checksum");
    }
    mdb_cursor_close(cursor);
    if (status == 0 && code != MDB_NOTFOUND)
        return store_failed("read on", code);
    return status;
}

int view_count(struct view *view, enum table table, uint64_t *ret_count)
{
    MDB_stat facts;
    int code = LMDB(mdb_stat(view->txn, view->store->tables[table], &facts));

    if (code != 0)
        return store_failed("count", code);
    *ret_count = facts.ms_entries;
    return 0;
}

uint64_t view_transaction(const struct view *view)
{
    return view->store->transaction;
}

/* Counts the free pages by LMDB's own list, which only readers see: each of its values begins with the number of pages that follow. */
static size_t free_pages(MDB_env *env)
{
    MDB_txn *txn;
    MDB_cursor *cursor;
    MDB_val k, v;
    size_t pages = 0, some;

    if (LMDB(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) != 0)
        return 0;
    if (LMDB(mdb_cursor_open(txn, 0, &cursor)) == 0) {
        while (LMDB(mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0 && v.mv_size >= sizeof some) {
            memcpy(&some, v.mv_data, sizeof some);
            pages += some;
        }
        mdb_cursor_close(cursor);
    }
    mdb_txn_abort(txn);
    return pages;
}

/* A full map cannot even remove records, because that takes pages too. So jobs that only add stop before it is full. */
static bool is_full(const struct store *store)
{
    size_t kept = store->map_pages / STORE_KEPT_PARTS;
    MDB_envinfo info;

    if (mdb_env_info(store->env, &info) != 0 || info.me_last_pgno + kept < store->map_pages)
        return false;
    return store->map_pages - info.me_last_pgno + free_pages(store->env) < kept;
}

struct view *store_begin(struct store *store, bool frees)
{
    int code = LMDB(mdb_txn_begin(store->env, NULL, 0, &store->write.txn));

    if (code != 0) {
        (void)store_failed("begin writing", code);
        return NULL;
    }
    store->transaction = mdb_txn_id(store->write.txn);
    if (frees || !is_full(store))
        return &store->write;
    mdb_txn_abort(store->write.txn);
    store->write.txn = NULL;
    log_error("the store is full; nothing can be revoked until the agent removes expired records",
              LOG_NUMBER("bytes", store->map_pages * store->page_bytes));
    return NULL;
}

int store_commit(struct view *view)
{
    struct store *store = view->store;
    MDB_envinfo info;
    int code = LMDB(mdb_txn_commit(view->txn));

    view->txn = NULL;
    if (code != 0)
        return store_failed("commit", code);
    if (mdb_env_info(store->env, &info) == 0)
        pages_note(store->last, info.me_last_txnid);
    return 0;
}

void store_abort(struct view *view)
{
    mdb_txn_abort(view->txn);
    view->txn = NULL;
}

void store_number(uint8_t *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

uint64_t stored_number(const uint8_t *in, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}
