/* MessagePack-RPC: decodes requests and encodes answers. methods.c has the methods. */
#ifndef ASSAY_RPC_H
#define ASSAY_RPC_H

#include <msgpack.h>

#include "agent/verdict/decide.h"
#include "connection.h"

struct request {
    struct core *core;
    struct verdicts *verdicts;
    struct conn *conn;
    uint32_t msgid;
    const msgpack_object_map *params;
};

/* The methods; a new one is one more line. Ends with a name of NULL. */
struct method {
    const char *name;
    enum right right;
    void (*call)(const struct request *request);
};
extern const struct method methods[];

/* Handles one whole message that wire_measure has passed. */
void rpc_handle(struct conn *conn, struct verdicts *verdicts, msgpack_zone *zone, const uint8_t *bytes, size_t size);

/* A message of the usual form (common_request.h), which needs no measuring. */
struct common_request;
void rpc_handle_common(struct conn *conn, struct verdicts *verdicts, const struct common_request *usual);

/* The beginning of an answer, up to its result. */
void rpc_put_head(struct wire_writer *writer, uint32_t msgid);

/* The same in the connection's own memory, with `room` bytes for the result. NULL: the connection is gone. */
struct wire_writer *rpc_result(struct conn *conn, uint32_t msgid, size_t room);

/* The error for a caller over its rate. */
void rpc_rate_limited(const struct request *request);

/* The error for an undecided question. */
void rpc_undecided(struct conn *conn, uint32_t msgid, enum doubt doubt, const char *why);
__attribute__((format(printf, 4, 5))) void rpc_error(struct conn *conn, uint32_t msgid, enum wire_error error, const char *format, ...);

/* A member that a params map may have. */
struct param {
    const char *name;
    enum param_type { PARAM_TEXT, PARAM_BOOL, PARAM_ARRAY } type;
    void *into; /* struct text *, bool *, const msgpack_object_array ** */
};

/* Reads the params. `record`: members of a record (revocation/record.h) are skipped, because the caller reads them. False: the request has been
   answered with an error. */
bool rpc_params(const struct request *request, const struct param *params, unsigned count, bool record);

#endif
