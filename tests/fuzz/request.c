/* Bytes from any peer, through the agent's own taking apart of requests (rpc/request.c and the methods): whatever a whole message says, there
   is exactly one answer to it, well formed and under its number, or the connection is closed. What lies behind the methods (connection,
   decision, writer) stands here in a small form. The first byte says how that behaves. */
#include <unistd.h>

#include "agent/base/limits.h"
#include "agent/keys/keyring.h"
#include "agent/revocation/record.h"
#include "agent/rpc/common_request.h"
#include "agent/rpc/listener.h"
#include "agent/rpc/request.h"
#include "agent/state/writer.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/decide.h"
#include "tests/fuzz/request_agent.h"
#include "tests/fuzz/target.h"

static const struct wire_limits limits = {FRAME_BYTES_MAX, FRAME_NODES_MAX, FRAME_DEPTH_MAX};
static const struct wire_limits answer_limits = {ANSWER_BYTES_MAX + 1024, UINT32_MAX, 24};
static const struct peer root = {.pid = 1,
                                 .rights = ~0U,
                                 .bounds = {.any_issuer = true, .any_audience = true}};

static uint8_t behaviour;
static bool decided_later, closed;
static unsigned held, answers, told_later;
static struct text asked_token;
static uint8_t *room;
static struct wire_writer writer;
static uint32_t msgid;
static struct piecework *work;

enum { SAYS_LATER = 1, SAYS_NO = 2, SAYS_NOTHING = 4, HOLDS_NONE = 8, GONE = 16, TAKES_NONE = 32, FAILS = 64, HAS_COMPANY = 128 };

/* The connection: the writer's room is exactly what was asked for, so that a sanitizer sees its end. */
struct wire_writer *conn_answer_begin(struct conn *conn, size_t bytes)
{
    (void)conn;
    CHECK(room == NULL && !closed);
    room = malloc(bytes);
    CHECK(room != NULL);
    wire_writer_init(&writer, room, bytes);
    return &writer;
}

void conn_answer_end(struct conn *conn)
{
    struct wire_cursor cursor = {writer.start, writer.at};
    struct wire_item item;
    size_t bytes = 0;

    (void)conn;
    CHECK(room != NULL && !writer.full);
    CHECK(wire_measure(writer.start, wire_written(&writer), &answer_limits, &bytes) == WIRE_OK && bytes == wire_written(&writer));
    CHECK(wire_next(&cursor, &item) == WIRE_OK && item.type == WIRE_ARRAY && item.count == 4);
    CHECK(wire_next(&cursor, &item) == WIRE_OK && item.type == WIRE_UINT && item.uint == 1);
    CHECK(wire_next(&cursor, &item) == WIRE_OK && item.type == WIRE_UINT && item.uint == msgid);
    free(room);
    room = NULL;
    answers++;
}

struct door *conn_door(const struct conn *conn)
{
    static struct door door;

    (void)conn;
    return &door;
}

const struct peer *conn_peer(const struct conn *conn)
{
    (void)conn;
    return &root;
}

void conn_log_stranger(struct conn *conn)
{
    (void)conn;
}

bool conn_hold(struct conn *conn)
{
    (void)conn;
    held += (behaviour & HOLDS_NONE) == 0;
    return (behaviour & HOLDS_NONE) == 0;
}

bool conn_release(struct conn *conn)
{
    (void)conn;
    CHECK(held > 0);
    held--;
    told_later += (behaviour & GONE) != 0;
    return (behaviour & GONE) == 0;
}

struct line_of_tasks *conn_line(struct conn *conn)
{
    (void)conn;
    return NULL;
}

void conn_close(struct conn *conn)
{
    (void)conn;
    closed = true;
}

bool conn_takes_pieces(struct conn *conn, size_t bytes)
{
    (void)conn;
    CHECK(bytes > 0);
    return (behaviour & HAS_COMPANY) != 0 && work == NULL;
}

void conn_take_pieces(struct conn *conn, struct piecework *given)
{
    (void)conn;
    work = given;
}

/* To its end, or until the peer is gone. */
static void work_on(void)
{
    struct piecework *given = work;

    if (given == NULL)
        return;
    for (unsigned pieces = 0; !given->go_on(given); pieces++) {
        CHECK(pieces < AUTHORIZE_CHECKS_MAX);
        if (pieces == 2 && (behaviour & GONE) != 0) {
            given->drop(given);
            told_later++;
            break;
        }
    }
    work = NULL;
}

static void fill(struct decision *decision)
{
    *decision = (struct decision){.outcome = OUTCOME_ACCEPTED, .token = request_good_token(), .issuer = &request_verdicts()->core->ring->entries[0],
                                   .grounds = request_grounds()};
    if ((behaviour & SAYS_NO) != 0)
        *decision = (struct decision){.outcome = OUTCOME_REFUSED, .token = request_bad_token()};
    if ((behaviour & SAYS_NOTHING) != 0)
        *decision = (struct decision){.outcome = OUTCOME_UNDECIDED, .token = request_bad_token()};
}

static uint32_t touch(const char *at, size_t bytes)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < bytes; i++)
        sum += (uint8_t)at[i];
    return sum;
}

bool decide_now(struct verdicts *verdicts, struct text token, struct text audience, const struct bounds *bounds, bool signature_only,
                struct decision *ret_decision, struct pending *ret_pending)
{
    CHECK(bounds == &root.bounds);
    (void)verdicts;
    (void)signature_only;
    CHECK(token.at != NULL && touch(token.at, token.bytes) + touch(audience.at, audience.bytes) < UINT32_MAX);
    asked_token = token;
    decided_later = (behaviour & SAYS_LATER) != 0;
    fill(ret_decision);
    *ret_pending = (struct pending){ret_decision->token, false};
    return !decided_later;
}

int decide_later(struct verdicts *verdicts, const struct pending *pending, struct waiter *waiter)
{
    struct decision decision;

    (void)verdicts;
    CHECK(pending->token != NULL && decided_later && asked_token.at != NULL);
    decided_later = false;
    if ((behaviour & TAKES_NONE) != 0)
        return -1;
    CHECK(touch(waiter->audience, waiter->audience_bytes) < UINT32_MAX);
    fill(&decision);
    waiter->decided(waiter, &decision);
    return 0;
}

int writer_submit(struct writer *unused, struct job *job)
{
    (void)unused;
    if ((behaviour & TAKES_NONE) != 0)
        return -1;
    job->done(job, (behaviour & FAILS) != 0 ? -1 : 0);
    return 0;
}

/* What a message becomes in msgpack-c, in bytes: what wire_measure has counted bounds it, whatever counts it claims. */
static size_t size_of(const msgpack_object *object)
{
    size_t bytes = 0;

    if (object->type == MSGPACK_OBJECT_ARRAY) {
        bytes += object->via.array.size * sizeof *object;
        for (uint32_t i = 0; i < object->via.array.size; i++)
            bytes += size_of(&object->via.array.ptr[i]);
    } else if (object->type == MSGPACK_OBJECT_MAP) {
        bytes += object->via.map.size * sizeof(msgpack_object_kv);
        for (uint32_t i = 0; i < object->via.map.size; i++)
            bytes += size_of(&object->via.map.ptr[i].key) + size_of(&object->via.map.ptr[i].val);
    }
    return bytes;
}

static bool is_member(const msgpack_object_map *map, const char *name, struct text expected)
{
    struct text key, value;

    for (uint32_t i = 0; i < map->size; i++) {
        if (object_text(&map->ptr[i].key, &key) && text_is(key, name, strlen(name)))
            return object_text(&map->ptr[i].val, &value) && expected.at != NULL && text_is(value, expected.at, expected.bytes);
    }
    return expected.at == NULL;
}

/* What is taken apart in one pass means what it means to who decodes it. */
static void compare(const msgpack_object *object, const struct common_request *usual)
{
    const msgpack_object *parts = object->via.array.ptr;
    struct text method;

    CHECK(object->type == MSGPACK_OBJECT_ARRAY && object->via.array.size == 4 && parts[0].via.u64 == 0);
    CHECK(parts[1].type == MSGPACK_OBJECT_POSITIVE_INTEGER && parts[1].via.u64 == usual->msgid);
    CHECK(object_text(&parts[2], &method) && text_is(method, usual->authorize ? "authorize" : "verify", usual->authorize ? 9 : 6));
    CHECK(parts[3].type == MSGPACK_OBJECT_ARRAY && parts[3].via.array.size == 1 && parts[3].via.array.ptr[0].type == MSGPACK_OBJECT_MAP);
    const msgpack_object_map *map = &parts[3].via.array.ptr[0].via.map;
    const struct text *texts[] = {&usual->token, &usual->audience, &usual->action, &usual->resource};
    uint32_t known = 0;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        known += texts[i]->at != NULL;

    CHECK(is_member(map, "token", usual->token) && is_member(map, "audience", usual->audience) &&
          is_member(map, "action", usual->action) && is_member(map, "resource", usual->resource));
    for (uint32_t i = 0; i < map->size; i++) {
        struct text name;

        if (map->ptr[i].val.type == MSGPACK_OBJECT_BOOLEAN && object_text(&map->ptr[i].key, &name))
            CHECK(map->ptr[i].val.via.boolean == (text_is(name, "claims", 6) ? usual->claims : usual->stamp) && ++known > 0);
    }
    CHECK(known == map->size);
}

/* Also reads it as a record, which it need not be in its right place for. */
static void look_inside(const uint8_t *bytes, size_t size)
{
    struct wire_cursor cursor = {bytes, bytes + size};
    struct wire_item item;
    msgpack_zone *zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    msgpack_object object;
    char digits[RECORD_DIGITS_BYTES];
    struct record record;
    struct common_request usual;
    size_t taken = common_request_read(bytes, size, &usual);

    CHECK(zone != NULL && msgpack_unpack((const char *)bytes, size, NULL, zone, &object) == MSGPACK_UNPACK_SUCCESS);
    CHECK(size_of(&object) <= FRAME_NODES_MAX * sizeof(msgpack_object));
    if (object.type == MSGPACK_OBJECT_MAP && record_read(&object.via.map, true, digits, &record) == NULL) {
        CHECK(record.kind > RECORD_NONE && record.kind <= RECORD_ISSUER && record.name.bytes <= REVOCATION_NAME_BYTES_MAX);
        CHECK(record.exp >= 0 || record.exp == SECONDS_NONE);
        CHECK(record.before >= 0 || (record.before == SECONDS_NONE && record.kind != RECORD_SUB && record.kind != RECORD_ISSUER));
    }
    CHECK(taken == 0 || taken == size);
    if (taken > 0)
        compare(&object, &usual);
    for (size_t half = 0; half < size; half += 1 + half / 3) {
        char *some = exactly(bytes, half);

        CHECK(common_request_read((const uint8_t *)some, half, &usual) == 0);
        free(some);
    }
    msgpack_zone_free(zone);
    msgid = 0;
    if (wire_next(&cursor, &item) == WIRE_OK && wire_next(&cursor, &item) == WIRE_OK && wire_next(&cursor, &item) == WIRE_OK)
        msgid = (uint32_t)item.uint;
}

static void begin(void)
{
    answers = held = told_later = 0;
    decided_later = false;
}

static void handle(const uint8_t *bytes, size_t size)
{
    struct common_request usual;

    static msgpack_zone *zone;

    if (zone == NULL)
        zone = msgpack_zone_new(MSGPACK_ZONE_CHUNK_SIZE);
    CHECK(zone != NULL);
    look_inside(bytes, size);
    begin();
    rpc_handle(NULL, request_verdicts(), zone, bytes, size);
    work_on();
    CHECK(held == 0 && room == NULL);
    CHECK(answers + told_later + closed == 1);
    if (common_request_read(bytes, size, &usual) == 0)
        return;
    begin();
    rpc_handle_common(NULL, request_verdicts(), &usual);
    CHECK(held == 0 && room == NULL && answers + told_later == 1 && !closed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;

    if (size == 0)
        return 0;
    behaviour = *data;
    closed = false;
    for (size_t at = 1; at < size && !closed && wire_measure(data + at, size - at, &limits, &length) == WIRE_OK; at += length) {
        char *message = exactly(data + at, length);

        handle((const uint8_t *)message, length);
        free(message);
    }
    return 0;
}
