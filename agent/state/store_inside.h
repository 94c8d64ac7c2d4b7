/* The inside of the store, for store.c (opening) and view.c (reading and writing): the two files that use LMDB. */
#ifndef ASSAY_STORE_INSIDE_H
#define ASSAY_STORE_INSIDE_H

#include <lmdb.h>

#include "store.h"
#include "trap.h"

struct view {
    struct store *store;
    MDB_txn *txn;
    MDB_cursor *cursors[TABLE_COUNT]; /* the loop's view: kept and renewed with the transaction */
    uint64_t turn, cursor_turns[TABLE_COUNT];
};

struct store {
    MDB_env *env;
    MDB_dbi tables[TABLE_COUNT];
    struct view loop; /* kept and renewed, not created again */
    bool loop_is_open;
    struct view write;
    uint64_t transaction; /* of the write view */
    int lock;
    int last; /* the file with the number of the last transaction; -1: it cannot be written */
    size_t page_bytes, map_pages;
    bool is_new;
    uintptr_t map; /* where the file is mapped; 0: unknown, and heads of pages are not checked */
    _Atomic uint64_t damaged;
};

extern const char *const table_names[TABLE_COUNT];

/* Translates LMDB's codes into a line in the log, and -1. */
int store_failed(const char *what, int code);

/* Marks every call that reads pages: a fault inside it is the store's, at whatever address. */
static inline int left(int code)
{
    trap_inside--;
    return code;
}
#define LMDB(call) (trap_inside++, left(call))

#endif
