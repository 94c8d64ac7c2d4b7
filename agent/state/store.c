#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/observe/log.h"

#define STORE_FORMAT "assay 1"

struct view {
    MDB_txn *txn;
    const MDB_dbi *tables;
};

struct store {
    MDB_env *env;
    MDB_dbi tables[TABLE_COUNT];
    struct view loop; /* the loop's: kept and renewed, not made anew */
    bool loop_is_open;
    struct view write;
    int lock;
};

static const char *const table_names[TABLE_COUNT] = {"meta", "records", "covers", "tally"};

static int failed(const char *what, int code)
{
    log_error("the store failed", LOG_TEXT("call", what), LOG_TEXT("error", mdb_strerror(code)));
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

static int open_tables(struct store *store)
{
    MDB_txn *txn;
    int code = mdb_txn_begin(store->env, NULL, 0, &txn);

    if (code != 0)
        return code;
    for (unsigned i = 0; code == 0 && i < TABLE_COUNT; i++)
        code = mdb_dbi_open(txn, table_names[i], MDB_CREATE, &store->tables[i]);
    MDB_val key = {6, (void *)"format"}, value = {sizeof STORE_FORMAT - 1, (void *)STORE_FORMAT}, found;

    if (code == 0) {
        code = mdb_get(txn, store->tables[TABLE_META], &key, &found);
        if (code == MDB_NOTFOUND)
            code = mdb_put(txn, store->tables[TABLE_META], &key, &value, 0);
        else if (code == 0 && (found.mv_size != value.mv_size || memcmp(found.mv_data, value.mv_data, value.mv_size) != 0))
            code = MDB_VERSION_MISMATCH;
    }
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn);
}

/* LMDB maps the file and believes it: a page that is not there any more is a SIGBUS in the middle of an answer. */
static int check_size(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat pages;
    struct stat file;
    int fd, code = mdb_env_info(env, &info);

    if (code == 0)
        code = mdb_env_stat(env, &pages);
    if (code == 0)
        code = mdb_env_get_fd(env, &fd);
    if (code == 0 && fstat(fd, &file) < 0)
        code = errno;
    if (code == 0 && (uint64_t)file.st_size < ((uint64_t)info.me_last_pgno + 1) * pages.ms_psize)
        code = MDB_CORRUPTED;
    return code;
}

static int open_environment(struct store *store, const char *folder)
{
    int code = mdb_env_create(&store->env);

    if (code == 0)
        code = mdb_env_set_maxdbs(store->env, TABLE_COUNT);
    if (code == 0)
        code = mdb_env_set_mapsize(store->env, STORE_MAP_BYTES);
    if (code == 0)
        code = mdb_env_open(store->env, folder, MDB_NOTLS, 0600); /* commits sync: an answered revocation is on the disk */
    if (code == 0)
        code = check_size(store->env);
    if (code == 0)
        code = mdb_reader_check(store->env, NULL);
    if (code == 0)
        code = open_tables(store);
    return code;
}

struct store *store_open(const char *folder, char why[STORE_WHY_BYTES])
{
    struct store *store = calloc(1, sizeof *store);

    if (store == NULL) {
        snprintf(why, STORE_WHY_BYTES, "out of memory");
        return NULL;
    }
    store->lock = -1;
    if (make_folder(folder, why) < 0 || (store->lock = take_lock(folder, why)) < 0) {
        store_close(store);
        return NULL;
    }
    int code = open_environment(store, folder);

    if (code != 0) {
        snprintf(why, STORE_WHY_BYTES,
                 "the revocations in %s cannot be read: %s. They are not thrown away silently: put back a copy, or move the folder away to "
                 "start without any",
                 folder, code == MDB_VERSION_MISMATCH ? "another version of assayd made them" : mdb_strerror(code));
        store_close(store);
        return NULL;
    }
    store->loop.tables = store->write.tables = store->tables;
    return store;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    if (store->loop.txn != NULL)
        mdb_txn_abort(store->loop.txn);
    if (store->env != NULL)
        mdb_env_close(store->env);
    if (store->lock >= 0)
        close(store->lock);
    free(store);
}

struct view *store_view(struct store *store)
{
    if (store->loop_is_open)
        return &store->loop;
    int code = store->loop.txn == NULL ? mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->loop.txn) : mdb_txn_renew(store->loop.txn);

    if (code != 0) {
        (void)failed("begin reading", code);
        return NULL;
    }
    store->loop_is_open = true;
    return &store->loop;
}

void store_let_go(struct store *store)
{
    if (store->loop_is_open)
        mdb_txn_reset(store->loop.txn);
    store->loop_is_open = false;
}

static MDB_val as_value(struct bytes bytes)
{
    return (MDB_val){bytes.size, (void *)(uintptr_t)bytes.at};
}

int view_get(struct view *view, enum table table, struct bytes key, struct bytes *ret_value)
{
    MDB_val k = as_value(key), v;
    int code = mdb_get(view->txn, view->tables[table], &k, &v);

    if (code == MDB_NOTFOUND)
        return 0;
    if (code != 0)
        return failed("get", code);
    *ret_value = (struct bytes){v.mv_data, v.mv_size};
    return 1;
}

int view_put(struct view *view, enum table table, struct bytes key, struct bytes value)
{
    MDB_val k = as_value(key), v = as_value(value);
    int code = mdb_put(view->txn, view->tables[table], &k, &v, 0);

    return code != 0 ? failed("put", code) : 0;
}

int view_delete(struct view *view, enum table table, struct bytes key)
{
    MDB_val k = as_value(key);
    int code = mdb_del(view->txn, view->tables[table], &k, NULL);

    return code != 0 && code != MDB_NOTFOUND ? failed("delete", code) : 0;
}

int view_each(struct view *view, enum table table, int (*each)(void *context, struct bytes key, struct bytes value), void *context)
{
    MDB_cursor *cursor;
    MDB_val k, v;
    int status = 0, code = mdb_cursor_open(view->txn, view->tables[table], &cursor);

    if (code != 0)
        return failed("open a cursor", code);
    while (status == 0 && (code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0)
        status = each(context, (struct bytes){k.mv_data, k.mv_size}, (struct bytes){v.mv_data, v.mv_size});
    mdb_cursor_close(cursor);
    if (status == 0 && code != MDB_NOTFOUND)
        return failed("read on", code);
    return status;
}

struct view *store_begin(struct store *store)
{
    int code = mdb_txn_begin(store->env, NULL, 0, &store->write.txn);

    if (code != 0) {
        (void)failed("begin writing", code);
        return NULL;
    }
    return &store->write;
}

int store_commit(struct view *view)
{
    int code = mdb_txn_commit(view->txn);

    view->txn = NULL;
    return code != 0 ? failed("commit", code) : 0;
}

void store_abort(struct view *view)
{
    mdb_txn_abort(view->txn);
    view->txn = NULL;
}
