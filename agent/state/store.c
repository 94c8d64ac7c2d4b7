#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "agent/observe/log.h"
#include "entries.h"
#include "pages.h"
#include "trap.h"

#define STORE_FORMAT "assay 2"

struct view {
    struct store *store;
    MDB_txn *txn;
    MDB_cursor *cursors[TABLE_COUNT]; /* the loop's: kept and renewed with the transaction */
    uint64_t turn, cursor_turns[TABLE_COUNT];
};

struct store {
    MDB_env *env;
    MDB_dbi tables[TABLE_COUNT];
    struct view loop; /* kept and renewed, not made anew */
    bool loop_is_open;
    struct view write;
    uint64_t transaction; /* of the write view */
    int lock;
    int last; /* the file with the number of the last transaction; -1: it cannot be written */
    size_t page_bytes, map_pages;
    _Atomic uint64_t damaged;
};

/* Every call that reads pages: a fault in it is the store's, wherever it strikes. */
static int left(int code)
{
    trap_inside--;
    return code;
}
#define LMDB(call) (trap_inside++, left(call))

static const char *const table_names[TABLE_COUNT] = {"meta", "records", "covers", "slots", "unread"};

/* An environment that LMDB has given up answers nothing any more, and only opening it again helps: that is the next start's. */
static int failed(const char *what, int code)
{
    log_error("the store failed", LOG_TEXT("call", what), LOG_TEXT("error", mdb_strerror(code)));
    if (code == MDB_PANIC) {
        log_error("the disk failed in the middle of a change; this agent ends, and the next start goes on from the last change that is whole");
        _exit(1);
    }
    return -1;
}

/* A lock of our own, not LMDB's: it tells two agents apart before either touches the data, and goes with the process. */
static int take_lock(const char *folder, char why[STORE_WHY_BYTES])
{
    char path[4096];
    int fd = -1;

    if (snprintf(path, sizeof path, "%s/lock", folder) < (int)sizeof path)
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        snprintf(why, STORE_WHY_BYTES, "the state folder %s cannot be written: %s", folder, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        snprintf(why, STORE_WHY_BYTES, "another assayd uses the state folder %s; stop it, or give this one a `state` of its own", folder);
        close(fd);
        return -1;
    }
    return fd;
}

static int make_folder(const char *folder, char why[STORE_WHY_BYTES])
{
    struct stat facts;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        snprintf(why, STORE_WHY_BYTES, "the state folder %s cannot be made: %s; make it, and give it to the agent's user", folder,
                 strerror(errno));
        return -1;
    }
    if (stat(folder, &facts) < 0 || !S_ISDIR(facts.st_mode)) {
        snprintf(why, STORE_WHY_BYTES, "%s is no folder", folder);
        return -1;
    }
    if ((facts.st_mode & S_IWOTH) != 0) {
        snprintf(why, STORE_WHY_BYTES, "anybody may write into the state folder %s; chmod o-w %s", folder, folder);
        return -1;
    }
    return 0;
}

static MDB_val as_value(struct bytes bytes)
{
    return (MDB_val){bytes.size, (void *)(uintptr_t)bytes.at};
}

static struct bytes as_bytes(MDB_val value)
{
    return (struct bytes){value.mv_data, value.mv_size};
}

/* In an empty file. What must always be there is there from the first transaction on, so that its absence is damage. */
static int make_tables(struct view *view)
{
    static const struct entry_set sets[] = {{.table = TABLE_RECORDS}, {.table = TABLE_COVERS}};
    const uint8_t zero[8] = {0};

    if (view_put(view, TABLE_META, (struct bytes){"format", 6}, (struct bytes){STORE_FORMAT, sizeof STORE_FORMAT - 1}) < 0 ||
        view_put(view, TABLE_META, (struct bytes){"kinds", 5}, (struct bytes){zero, 4}) < 0 ||
        view_put(view, TABLE_META, (struct bytes){"clock", 5}, (struct bytes){zero, 8}) < 0 ||
        view_put(view, TABLE_META, (struct bytes){"slots", 5}, (struct bytes){zero, 2}) < 0)
        return MDB_CORRUPTED;
    return entries_init(view, &sets[0]) < 0 || entries_init(view, &sets[1]) < 0 ? MDB_CORRUPTED : 0;
}

static int check_format(struct view *view)
{
    struct bytes found;

    if (view_get(view, TABLE_META, (struct bytes){"format", 6}, &found) != 1)
        return MDB_CORRUPTED;
    return found.size == sizeof STORE_FORMAT - 1 && memcmp(found.at, STORE_FORMAT, found.size) == 0 ? 0 : MDB_VERSION_MISMATCH;
}

/* Ours, or empty: a file of another program is not written into. */
static int check_owner(MDB_txn *txn, bool *ret_empty)
{
    MDB_stat facts;
    MDB_dbi main, meta;
    int code = LMDB(mdb_dbi_open(txn, NULL, 0, &main));

    if (code == 0)
        code = LMDB(mdb_stat(txn, main, &facts));
    if (code != 0)
        return code;
    *ret_empty = facts.ms_entries == 0;
    return *ret_empty || LMDB(mdb_dbi_open(txn, table_names[TABLE_META], 0, &meta)) == 0 ? 0 : MDB_INVALID;
}

static int open_tables(struct store *store)
{
    bool empty;
    int code = LMDB(mdb_txn_begin(store->env, NULL, 0, &store->write.txn));

    if (code != 0)
        return code;
    store->transaction = mdb_txn_id(store->write.txn);
    code = check_owner(store->write.txn, &empty);
    for (unsigned i = 0; code == 0 && i < TABLE_COUNT; i++)
        code = LMDB(mdb_dbi_open(store->write.txn, table_names[i], empty ? MDB_CREATE : 0, &store->tables[i]));
    if (code == MDB_NOTFOUND)
        code = MDB_VERSION_MISMATCH; /* another format has other tables */
    if (code == 0)
        code = empty ? make_tables(&store->write) : check_format(&store->write);
    if (code != 0) {
        mdb_txn_abort(store->write.txn);
        return code;
    }
    return store_commit(&store->write) < 0 ? EIO : 0;
}

/* LMDB's own alarm, when what it reads makes no sense. */
static void on_assert(MDB_env *env, const char *what)
{
    (void)env;
    log_error("the store is damaged; the agent ends, for nothing that it read there can be trusted", LOG_TEXT("lmdb", what),
              LOG_TEXT("remedy", "put back a copy, or carry over what can be read: assayd --salvage OLD NEW"));
    _exit(1);
}

/* A new file is on the disk, and its name is not: the folder has to be synced too, and the one in which it stands. */
static int sync_folder(const char *folder, const char *below)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s%s", folder, below) >= (int)sizeof path)
        return ENAMETOOLONG;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = fd < 0 || fsync(fd) < 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return code == EINVAL || code == EACCES ? 0 : code; /* some file systems cannot; the parent may be another's */
}

static int open_environment(struct store *store, const char *folder, uint64_t map_bytes)
{
    MDB_envinfo info;
    MDB_stat pages;
    int fd, code = mdb_env_create(&store->env);

    if (code != 0)
        return code;
    (void)mdb_env_set_assert(store->env, on_assert);
    code = mdb_env_set_maxdbs(store->env, TABLE_COUNT);
    if (code == 0)
        code = mdb_env_set_mapsize(store->env, map_bytes);
    if (code == 0)
        code = LMDB(mdb_env_open(store->env, folder, MDB_NOTLS, 0600)); /* commits sync: an answered revocation is on the disk */
    if (code == 0)
        code = mdb_reader_check(store->env, NULL);
    if (code == 0)
        code = mdb_env_info(store->env, &info);
    if (code == 0)
        code = mdb_env_stat(store->env, &pages);
    if (code != 0)
        return code;
    store->page_bytes = pages.ms_psize;
    store->map_pages = info.me_mapsize / pages.ms_psize;
    if (mdb_env_get_fd(store->env, &fd) == 0)
        trap_set(fd);
    return open_tables(store);
}

/* What a code means to who has to do something about it. */
static void say_why(const char *folder, int code, char why[STORE_WHY_BYTES])
{
    const char *reason = code == MDB_VERSION_MISMATCH ? "another version of assayd made them"
                         : code == MDB_INVALID        ? "the file is another program's"
                                                      : mdb_strerror(code);

    if (code == ENOSPC || code == EDQUOT || code == EROFS || code == EACCES || code == EIO || code == EFBIG)
        snprintf(why, STORE_WHY_BYTES, "the state folder %s cannot be written: %s", folder, reason);
    else if (code == ENOMEM || code == EMFILE || code == ENFILE || code == EAGAIN || code == EINTR)
        snprintf(why, STORE_WHY_BYTES, "the state folder %s cannot be opened: %s", folder, reason);
    else
        snprintf(why, STORE_WHY_BYTES,
                 "the revocations in %s cannot be read: %s. They are not thrown away silently: put back a copy (and remove %s/last), or carry "
                 "over what can be read: assayd --salvage %s NEW, or move the folder away to start without any",
                 folder, reason, folder, folder);
}

struct store *store_open(const char *folder, uint64_t map_bytes, char why[STORE_WHY_BYTES])
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL) {
        snprintf(why, STORE_WHY_BYTES, "out of memory");
        return NULL;
    }
    store->lock = store->last = -1;
    store->loop.store = store->write.store = store;
    if (make_folder(folder, why) < 0 || (store->lock = take_lock(folder, why)) < 0 || pages_check(folder, &store->last, why) < 0) {
        store_close(store);
        return NULL;
    }
    int code = open_environment(store, folder, map_bytes);

    if (code == 0)
        code = sync_folder(folder, "");
    if (code == 0)
        code = sync_folder(folder, "/..");
    if (code != 0) {
        say_why(folder, code, why);
        store_close(store);
        return NULL;
    }
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (unsigned i = 0; i < TABLE_COUNT; i++) {
        if (store->loop.cursors[i] != NULL)
            mdb_cursor_close(store->loop.cursors[i]);
    }
    if (store->loop.txn != NULL)
        mdb_txn_abort(store->loop.txn);
    if (store->env != NULL) {
        trap_clear();
        mdb_env_close(store->env);
    }
    if (store->last >= 0)
        close(store->last);
    if (store->lock >= 0)
        close(store->lock);
    free(store);
}

uint64_t store_damaged(const struct store *store)
{
    return store->damaged;
}

struct view *store_view(struct store *store)
{
    if (store->loop_is_open)
        return &store->loop;
    int code = store->loop.txn == NULL ? LMDB(mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->loop.txn)) : LMDB(mdb_txn_renew(store->loop.txn));

    if (code != 0) {
        (void)failed("begin reading", code);
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

    if ((count & (count - 1)) == 0) /* the first, and then ever more rarely: each call may meet it */
        log_error("the store is damaged; what it cannot answer is undecided, never a yes", LOG_TEXT("what", what),
                  LOG_TEXT("table", table_names[table]), LOG_NUMBER("times", count),
                  LOG_TEXT("remedy", "stop the agent, then: assayd --salvage OLD NEW"));
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
        return failed("get", code);
    return seal_is_good(table, key, as_bytes(v), &transaction, ret_value) ? 1 : view_damaged(view, table, "a value is not what was written");
}

int view_put_plain(struct view *view, enum table table, struct bytes key, struct bytes value)
{
    MDB_val k = as_value(key), v = as_value(value);
    int code = LMDB(mdb_put(view->txn, view->store->tables[table], &k, &v, 0));

    return code != 0 ? failed("put", code) : 0;
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

    return code != 0 && code != MDB_NOTFOUND ? failed("delete", code) : 0;
}

/* The loop's cursors live as long as its transaction is renewed; a write's are gone with it. */
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

int view_seek(struct view *view, enum table table, struct bytes key, struct bytes *ret_key, struct bytes *ret_value)
{
    bool is_loop = view == &view->store->loop;
    MDB_val k = as_value(key), v;
    MDB_cursor *cursor;
    int code = is_loop ? loop_cursor(view, table, &cursor) : LMDB(mdb_cursor_open(view->txn, view->store->tables[table], &cursor));

    if (code != 0)
        return failed("open a cursor", code);
    code = LMDB(mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE));
    if (!is_loop)
        mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return failed("seek", code);
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
        return failed("open a cursor", code);
    while (status == 0 && (code = LMDB(mdb_cursor_get(cursor, &k, &v, MDB_NEXT))) == 0) {
        if (seal_is_good(table, as_bytes(k), as_bytes(v), &transaction, &value))
            status = each(context, as_bytes(k), value);
        else
            status = view_damaged(view, table, "a value is not what was written");
    }
    mdb_cursor_close(cursor);
    if (status == 0 && code != MDB_NOTFOUND)
        return failed("read on", code);
    return status;
}

int view_count(struct view *view, enum table table, uint64_t *ret_count)
{
    MDB_stat facts;
    int code = LMDB(mdb_stat(view->txn, view->store->tables[table], &facts));

    if (code != 0)
        return failed("count", code);
    *ret_count = facts.ms_entries;
    return 0;
}

uint64_t view_transaction(const struct view *view)
{
    return view->store->transaction;
}

/* Pages that hold nothing now, by LMDB's own list of them: its values begin with how many numbers follow. */
static size_t free_pages(MDB_txn *txn)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    size_t pages = 0, some;

    if (LMDB(mdb_cursor_open(txn, 0, &cursor)) != 0)
        return 0;
    while (LMDB(mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
        if (v.mv_size < sizeof some)
            break;
        memcpy(&some, v.mv_data, sizeof some);
        pages += some;
    }
    mdb_cursor_close(cursor);
    return pages;
}

/* A full map cannot even forget, for that takes pages too. So what only adds stops before it is full. */
static bool is_full(const struct store *store)
{
    size_t kept = store->map_pages / STORE_KEPT_PARTS;
    MDB_envinfo info;

    if (mdb_env_info(store->env, &info) != 0 || info.me_last_pgno + kept < store->map_pages)
        return false;
    return store->map_pages - info.me_last_pgno + free_pages(store->write.txn) < kept;
}

struct view *store_begin(struct store *store, bool frees)
{
    int code = LMDB(mdb_txn_begin(store->env, NULL, 0, &store->write.txn));

    if (code != 0) {
        (void)failed("begin writing", code);
        return NULL;
    }
    store->transaction = mdb_txn_id(store->write.txn);
    if (frees || !is_full(store))
        return &store->write;
    mdb_txn_abort(store->write.txn);
    store->write.txn = NULL;
    log_error("the store is full; nothing can be revoked until some of it is forgotten",
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
        return failed("commit", code);
    if (mdb_env_info(store->env, &info) == 0)
        pages_note(store->last, info.me_last_txnid);
    return 0;
}

void store_abort(struct view *view)
{
    mdb_txn_abort(view->txn);
    view->txn = NULL;
}
