#include "request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/revocation/record.h"
#include "common_request.h"
#include "listener.h"
#include "methods.h"

#define HEAD_BYTES 16 /* [1, msgid, nil, */
#define ERROR_BYTES_MAX 512

void rpc_put_head(struct wire_writer *writer, uint32_t msgid)
{
    wire_put_array(writer, 4);
    wire_put_uint(writer, 1);
    wire_put_uint(writer, msgid);
    wire_put_nil(writer);
}

struct wire_writer *rpc_result(struct conn *conn, uint32_t msgid, size_t room)
{
    struct wire_writer *writer = conn_answer_begin(conn, room + HEAD_BYTES);

    if (writer == NULL)
        return NULL;
    rpc_put_head(writer, msgid);
    return writer;
}

void rpc_error(struct conn *conn, uint32_t msgid, enum wire_error error, const char *format, ...)
{
    char text[ERROR_BYTES_MAX];
    int used = snprintf(text, sizeof text, "%s: ", wire_error_name(error));
    struct wire_writer *writer = conn_answer_begin(conn, sizeof text + HEAD_BYTES);
    va_list arguments;

    if (writer == NULL)
        return;
    va_start(arguments, format);
    vsnprintf(text + used, sizeof text - (size_t)used, format, arguments);
    va_end(arguments);
    wire_put_array(writer, 4);
    wire_put_uint(writer, 1);
    wire_put_uint(writer, msgid);
    wire_put_array(writer, 2);
    wire_put_uint(writer, error);
    wire_put_text(writer, text);
    wire_put_nil(writer);
    conn_answer_end(conn);
}

void rpc_undecided(struct conn *conn, uint32_t msgid, enum doubt doubt, const char *why)
{
    enum wire_error error = wire_error_of(doubt, &why);

    rpc_error(conn, msgid, error, "%s", why);
}

/* A peer's text for an answer or a log line: short, and only characters that cannot break anything. */
static const char *printable(struct text text, char out[64])
{
    size_t size = text.bytes < 60 ? text.bytes : 60;

    for (size_t i = 0; i < size; i++)
        out[i] = text.at[i] > ' ' && text.at[i] < 0x7f && text.at[i] != '`' ? text.at[i] : '?';
    out[size] = '\0';
    return out;
}

static const struct param *find_param(const struct param *params, unsigned count, struct text name)
{
    for (unsigned i = 0; i < count; i++) {
        if (text_is(name, params[i].name, strlen(params[i].name)))
            return &params[i];
    }
    return NULL;
}

static bool read_param(const struct request *request, const struct param *param, const msgpack_object *value)
{
    if (param->type == PARAM_TEXT && object_text(value, param->into))
        return true;
    if (param->type == PARAM_BOOL && value->type == MSGPACK_OBJECT_BOOLEAN) {
        *(bool *)param->into = value->via.boolean;
        return true;
    }
    if (param->type == PARAM_ARRAY && value->type == MSGPACK_OBJECT_ARRAY) {
        *(const msgpack_object_array **)param->into = &value->via.array;
        return true;
    }
    if (value->type == MSGPACK_OBJECT_NIL)
        return true; /* as if it were absent */
    static const char *const kinds[] = {[PARAM_TEXT] = "a string", [PARAM_BOOL] = "true or false", [PARAM_ARRAY] = "an array"};

    rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "`%s` must be %s", param->name, kinds[param->type]);
    return false;
}

/* With a repeated member it would be unclear which one counts. */
static bool is_twice(const msgpack_object_map *map, uint32_t index, struct text name)
{
    struct text other;

    for (uint32_t i = 0; i < index; i++) {
        if (object_text(&map->ptr[i].key, &other) && text_is(other, name.at, name.bytes))
            return true;
    }
    return false;
}

#define PARAMS_MAX 16

bool rpc_params(const struct request *request, const struct param *params, unsigned count, bool record)
{
    const msgpack_object_map *map = request->params;
    char shown[64];

    if (map->size > PARAMS_MAX) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "the params have %u members; no method takes more than %d", map->size,
                  PARAMS_MAX);
        return false;
    }
    for (uint32_t i = 0; i < map->size; i++) {
        struct text name;

        if (!object_text(&map->ptr[i].key, &name)) {
            rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "a member's name is not a string");
            return false;
        }
        if (is_twice(map, i, name)) {
            rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "`%s` is given twice", printable(name, shown));
            return false;
        }
        const struct param *param = find_param(params, count, name);

        if (param == NULL && record && record_has_member(name))
            continue;
        if (param == NULL) {
            rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "unknown member `%s`", printable(name, shown));
            return false;
        }
        if (!read_param(request, param, &map->ptr[i].val))
            return false;
    }
    return true;
}

static const struct method *find_method(struct text name)
{
    for (const struct method *method = methods; method->name != NULL; method++) {
        if (text_is(name, method->name, strlen(method->name)))
            return method;
    }
    return NULL;
}

static void forbid(const struct request *request, enum right right, const char *method)
{
    const struct peer *peer = conn_peer(request->conn);
    char words[PEER_WORDS_BYTES];

    peer_explain(peer, right, method, words);
    rpc_error(request->conn, request->msgid, ERROR_FORBIDDEN, "%s", words);
    conn_log_stranger(request->conn);
}

void rpc_rate_limited(const struct request *request)
{
    rpc_error(request->conn, request->msgid, ERROR_RATE_LIMITED, "peer `%s` has used up its `rate`; try again in a moment",
              conn_peer(request->conn)->entry->name);
}

static bool may(const struct request *request, enum right right, const char *method)
{
    const struct peer *peer = conn_peer(request->conn);

    if (peer->entry == NULL && (peer->rights & RIGHT_BIT(right)) != 0)
        return true; /* no `peers` are configured, so nothing is counted */
    enum peer_verdict verdict = peer_ask(peer, right, uv_now(request->core->loop));

    if (verdict == PEER_FORBIDDEN)
        forbid(request, right, method);
    else if (verdict != PEER_MAY)
        rpc_rate_limited(request);
    return verdict == PEER_MAY;
}

void rpc_handle_common(struct conn *conn, struct verdicts *verdicts, const struct common_request *usual)
{
    const struct request request = {.core = verdicts->core, .verdicts = verdicts, .conn = conn, .msgid = usual->msgid};

    conn_door(conn)->accounts.facts.requests++;
    if (!may(&request, usual->authorize ? RIGHT_AUTHORIZE : RIGHT_VERIFY, usual->authorize ? "authorize" : "verify"))
        return;
    if (usual->authorize)
        authorize(&request, usual);
    else
        verify(&request, usual->token, usual->audience, usual->stamp);
}

static void call(struct request *request, struct text name, const msgpack_object *params)
{
    const struct method *method = find_method(name);
    char shown[64];

    if (method == NULL && peer_is_stranger(conn_peer(request->conn))) {
        (void)may(request, RIGHT_NONE, printable(name, shown));
        return;
    }
    if (method == NULL) {
        rpc_error(request->conn, request->msgid, ERROR_UNKNOWN_METHOD, "this agent has no method `%s`", printable(name, shown));
        return;
    }
    if (!may(request, method->right, method->name))
        return;
    if (params->via.array.size != 1 || params->via.array.ptr[0].type != MSGPACK_OBJECT_MAP) {
        rpc_error(request->conn, request->msgid, ERROR_BAD_REQUEST, "the params must be an array of one map");
        return;
    }
    request->params = &params->via.array.ptr[0].via.map;
    method->call(request);
}

void rpc_handle(struct conn *conn, struct verdicts *verdicts, msgpack_zone *zone, const uint8_t *bytes, size_t size)
{
    struct request request = {.core = verdicts->core, .verdicts = verdicts, .conn = conn};
    msgpack_object object;
    struct text name;
    msgpack_unpack_return status = msgpack_unpack((const char *)bytes, size, NULL, zone, &object);
    const msgpack_object *parts = object.via.array.ptr;

    conn_door(conn)->accounts.facts.requests++;
    if (status != MSGPACK_UNPACK_SUCCESS || object.type != MSGPACK_OBJECT_ARRAY || object.via.array.size != 4 ||
        parts[0].type != MSGPACK_OBJECT_POSITIVE_INTEGER || parts[0].via.u64 != 0 || parts[1].type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
        parts[1].via.u64 > UINT32_MAX || !object_text(&parts[2], &name) || parts[3].type != MSGPACK_OBJECT_ARRAY) {
        conn_door(conn)->accounts.facts.protocol_errors++;
        conn_close(conn); /* a message, but not a request: the peer is not a client of this protocol */
    } else {
        request.msgid = (uint32_t)parts[1].via.u64;
        call(&request, name, &parts[3]);
    }
    msgpack_zone_clear(zone);
}
