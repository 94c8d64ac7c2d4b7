#include "store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/log.h"
#include "entries.h"
#include "pages.h"

#define STORE_FORMAT "assay 3"

/* The agent's own lock, not LMDB's: it stops a second agent before it touches the data, and ends with the process. */
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
        snprintf(why, STORE_WHY_BYTES, "another assayd uses the state folder %s; stop it, or configure another `state`",
                 folder);
        close(fd);
        return -1;
    }
    return fd;
}

static int make_folder(const char *folder, char why[STORE_WHY_BYTES])
{
    struct stat facts;

    if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
        snprintf(why, STORE_WHY_BYTES, "the state folder %s cannot be created: %s; create it, and make the agent's user its owner", folder,
                 strerror(errno));
        return -1;
    }
    if (stat(folder, &facts) < 0 || !S_ISDIR(facts.st_mode)) {
        snprintf(why, STORE_WHY_BYTES, "%s is not a folder", folder);
        return -1;
    }
    if ((facts.st_mode & S_IWOTH) != 0) {
        snprintf(why, STORE_WHY_BYTES, "every user may write into the state folder %s; run: chmod o-w %s", folder, folder);
        return -1;
    }
    return 0;
}

/* In an empty file. Values that must always exist are written in the first transaction, so that their absence is damage. */
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

/* The file must be the agent's, or empty: it does not write into a file of another program. */
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
    bool empty = false;
    int code = LMDB(mdb_txn_begin(store->env, NULL, 0, &store->write.txn));

    if (code != 0)
        return code;
    store->transaction = mdb_txn_id(store->write.txn);
    code = check_owner(store->write.txn, &empty);
    for (unsigned i = 0; code == 0 && i < TABLE_COUNT; i++)
        code = LMDB(mdb_dbi_open(store->write.txn, table_names[i], empty || i == TABLE_KEYS ? MDB_CREATE : 0, &store->tables[i])); /* this table
                                                                                                                                      was added
                                                                                                                                      later */
    store->is_new = empty;
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

/* LMDB's assertions, if what it reads makes no sense. */
static void on_assert(MDB_env *env, const char *what)
{
    (void)env;
    log_error("the store is damaged; the agent ends, because it cannot trust what it has read there", LOG_TEXT("lmdb", what),
              LOG_TEXT("remedy", "restore a copy, or recover what can be read: assayd --salvage OLD NEW"));
    _exit(1);
}

/* A new file is on the disk, but its name may not be: the folder must be synced too, and the one that contains it. */
static int sync_folder(const char *folder, const char *below)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s%s", folder, below) >= (int)sizeof path)
        return ENAMETOOLONG;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = fd < 0 || fsync(fd) < 0 ? errno : 0;

    if (fd >= 0)
        close(fd);
    return code == EINVAL || code == EACCES ? 0 : code; /* some file systems cannot sync a folder; the parent may belong to another user */
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
        code = LMDB(mdb_env_open(store->env, folder, MDB_NOTLS, 0600)); /* commits sync: a confirmed revocation is on the disk */
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
    store->map = trap_map();
    return open_tables(store);
}

/* Translates a code into a message that says what to do. */
static void say_why(const char *folder, int code, char why[STORE_WHY_BYTES])
{
    const char *reason = code == MDB_VERSION_MISMATCH ? "another version of assayd wrote them"
                         : code == MDB_INVALID        ? "the file belongs to another program"
                                                      : mdb_strerror(code);

    if (code == ENOSPC || code == EDQUOT || code == EROFS || code == EACCES || code == EIO || code == EFBIG)
        snprintf(why, STORE_WHY_BYTES, "the state folder %s cannot be written: %s", folder, reason);
    else if (code == ENOMEM || code == EMFILE || code == ENFILE || code == EAGAIN || code == EINTR)
        snprintf(why, STORE_WHY_BYTES, "the state folder %s cannot be opened: %s", folder, reason);
    else
        snprintf(why, STORE_WHY_BYTES,
                 "the revocations in %s cannot be read: %s. The agent does not discard them silently: restore a copy (and remove %s/last), or "
                 "recover what can be read: assayd --salvage %s NEW, or move the folder away to start without revocations",
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

bool store_is_new(const struct store *store)
{
    return store->is_new;
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
