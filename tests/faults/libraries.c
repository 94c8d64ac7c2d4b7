/* LMDB, msgpack-c, jansson, libyaml and libuv as the agent calls them. What fails inside them is libc's. */
#include "shim.h"

#include <jansson.h>
#include <lmdb.h>
#include <msgpack.h>
#include <uv.h>
#include <yaml.h>

SHIM(int, mdb_env_create, (MDB_env * *env), (env), ENOMEM, ENOMEM)
SHIM(int, mdb_env_open, (MDB_env * env, const char *path, unsigned flags, mdb_mode_t mode), (env, path, flags, mode), EIO, EIO)
SHIM(int, mdb_env_set_mapsize, (MDB_env * env, size_t size), (env, size), EINVAL, EINVAL)
SHIM(int, mdb_env_set_maxdbs, (MDB_env * env, MDB_dbi count), (env, count), EINVAL, EINVAL)
SHIM(int, mdb_env_info, (MDB_env * env, MDB_envinfo *info), (env, info), EINVAL, EINVAL)
SHIM(int, mdb_env_stat, (MDB_env * env, MDB_stat *facts), (env, facts), EINVAL, EINVAL)
SHIM(int, mdb_env_get_fd, (MDB_env * env, mdb_filehandle_t *fd), (env, fd), EINVAL, EINVAL)
SHIM(int, mdb_reader_check, (MDB_env * env, int *dead), (env, dead), EINVAL, EINVAL)
SHIM(int, mdb_txn_begin, (MDB_env * env, MDB_txn *parent, unsigned flags, MDB_txn **txn), (env, parent, flags, txn), ENOMEM, ENOMEM)
SHIM(int, mdb_txn_renew, (MDB_txn * txn), (txn), EINVAL, EINVAL)
SHIM(int, mdb_dbi_open, (MDB_txn * txn, const char *name, unsigned flags, MDB_dbi *table), (txn, name, flags, table), MDB_DBS_FULL, 0)
SHIM(int, mdb_get, (MDB_txn * txn, MDB_dbi table, MDB_val *key, MDB_val *value), (txn, table, key, value), MDB_CORRUPTED, 0)
SHIM(int, mdb_put, (MDB_txn * txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags), (txn, table, key, value, flags),
     MDB_MAP_FULL, 0)
SHIM(int, mdb_del, (MDB_txn * txn, MDB_dbi table, MDB_val *key, MDB_val *value), (txn, table, key, value), MDB_MAP_FULL, 0)
SHIM(int, mdb_cursor_open, (MDB_txn * txn, MDB_dbi table, MDB_cursor **cursor), (txn, table, cursor), ENOMEM, ENOMEM)
SHIM(int, mdb_cursor_get, (MDB_cursor * cursor, MDB_val *key, MDB_val *value, MDB_cursor_op operation), (cursor, key, value, operation),
     MDB_CORRUPTED, 0)

/* LMDB frees a transaction that it cannot commit. */
static int cannot_commit(MDB_txn *txn)
{
    mdb_txn_abort(txn);
    return ENOSPC;
}

SHIM(int, mdb_txn_commit, (MDB_txn * txn), (txn), cannot_commit(txn), ENOSPC)

SHIM(msgpack_zone *, msgpack_zone_new, (size_t size), (size), NULL, ENOMEM)
SHIM(msgpack_unpack_return, msgpack_unpack,
     (const char *bytes, size_t size, size_t *offset, msgpack_zone *zone, msgpack_object *object), (bytes, size, offset, zone, object),
     MSGPACK_UNPACK_NOMEM_ERROR, ENOMEM)

SHIM(json_t *, json_loadb, (const char *bytes, size_t size, size_t flags, json_error_t *why), (bytes, size, flags, why), NULL, ENOMEM)

SHIM(int, yaml_parser_initialize, (yaml_parser_t * parser), (parser), 0, ENOMEM)

static int cannot_parse(yaml_parser_t *parser)
{
    parser->error = YAML_MEMORY_ERROR;
    return 0;
}

static int cannot_load(yaml_parser_t *parser, yaml_document_t *document)
{
    *document = (yaml_document_t){0};
    return cannot_parse(parser);
}

SHIM(int, yaml_parser_parse, (yaml_parser_t * parser, yaml_event_t *event), (parser, event), cannot_parse(parser), ENOMEM)
SHIM(int, yaml_parser_load, (yaml_parser_t * parser, yaml_document_t *document), (parser, document), cannot_load(parser, document), ENOMEM)

SHIM(int, uv_async_init, (uv_loop_t * loop, uv_async_t *async, uv_async_cb call), (loop, async, call), UV_EMFILE, 0)
SHIM(int, uv_poll_init, (uv_loop_t * loop, uv_poll_t *poll, int fd), (loop, poll, fd), UV_ENOSPC, 0)
SHIM(int, uv_pipe_open, (uv_pipe_t * pipe, uv_file fd), (pipe, fd), UV_ENOMEM, 0)
SHIM(int, uv_listen, (uv_stream_t * stream, int backlog, uv_connection_cb call), (stream, backlog, call), UV_ENOMEM, 0)
SHIM(int, uv_signal_init, (uv_loop_t * loop, uv_signal_t *signal), (loop, signal), UV_EMFILE, 0)
SHIM(int, uv_signal_start, (uv_signal_t * signal, uv_signal_cb call, int number), (signal, call, number), UV_EINVAL, 0)
SHIM(int, uv_fs_event_start, (uv_fs_event_t * event, uv_fs_event_cb call, const char *path, unsigned flags), (event, call, path, flags),
     UV_ENOSPC, 0)
SHIM(int, uv_fileno, (const uv_handle_t *handle, uv_os_fd_t *fd), (handle, fd), UV_EBADF, 0)
SHIM(int, uv_try_write, (uv_stream_t * stream, const uv_buf_t *pieces, unsigned count), (stream, pieces, count), UV_EPIPE, 0)
SHIM(int, uv_write, (uv_write_t * request, uv_stream_t *stream, const uv_buf_t *pieces, unsigned count, uv_write_cb call),
     (request, stream, pieces, count, call), UV_ENOMEM, 0)
