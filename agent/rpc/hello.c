/* `hello`: hands over the page, and keeps the heartbeat running while a client holds it. */
#include "agent/base/alarm.h"
#include "agent/base/pairs.h"
#include "agent/fastpath/previous_run.h"
#include "agent/fastpath/shared_page.h"
#include "agent/files/watch.h"
#include "agent/state/clock.h"
#include "agent/verdict/stamp.h"
#include "client/wire/clock.h"
#include "listener.h"
#include "methods.h"

#define ANSWER_ROOM 512

/* Clients with the page ask neither about time nor about files. So the heartbeat checks both: it detects a clock that is set back, records the
   time at which clients accept tokens for the next run, and ends their results after a change of a file. */
void door_beat(void *context)
{
    struct door *door = context;

    if (door->page_holders == 0)
        return;
    shared_page_beat(door->core->shared);
    clock_saw(door->core->clock, unix_now());
    watch_look(door->core->watch);
    alarm_set(door->heart, HEARTBEAT_SECONDS);
}

static void put_answer(struct wire_writer *writer, const struct core *core, const char *refusal)
{
    wire_put_map(writer, 4);
    put_pair_text(writer, "instance", core->instance);
    put_pair_uint(writer, "clock", (uint64_t)monotonic_ns());
    wire_put_text(writer, "page");
    wire_put_bool(writer, refusal == NULL);
    put_pair_text(writer, "why", refusal);
}

static void refuse(const struct request *request, const char *refusal)
{
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, ANSWER_ROOM);

    if (writer == NULL)
        return;
    put_answer(writer, request->core, refusal);
    conn_answer_end(request->conn);
}

/* NULL, or why it cannot be sent; then the answer is another one. The heartbeat comes first, so the page is valid when it arrives. */
static const char *hand_over(const struct request *request)
{
    struct conn *conn = request->conn;
    bool is_first = conn_hold_page(conn);
    uint8_t bytes[ANSWER_ROOM];
    struct wire_writer writer;

    door_beat(conn_door(request->conn));
    wire_writer_init(&writer, bytes, sizeof bytes);
    rpc_put_head(&writer, request->msgid);
    put_answer(&writer, request->core, NULL);
    const char *refusal = writer.full ? "the answer does not fit into its buffer" : conn_send_page(conn, bytes, wire_written(&writer));

    if (refusal != NULL && is_first)
        conn_drop_page(conn);
    return refusal;
}

void method_hello(const struct request *request)
{
    const char *refusal = stamp_refusal(request->core);

    if (!rpc_params(request, NULL, 0, false))
        return;
    if (refusal == NULL)
        refusal = peer_page_refusal(conn_peer(request->conn));
    if (refusal == NULL && !conn_may_pass(request->conn)) {
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "this connection has unread answers; read them before you call hello");
        return;
    }
    if (refusal == NULL)
        refusal = conn_page_refusal(request->conn);
    if (refusal == NULL && !previous_run_mark(request->core->previous_run))
        refusal = "the marker of the shared page cannot be written; see the agent's log";
    if (refusal == NULL)
        refusal = hand_over(request);
    if (refusal != NULL)
        refuse(request, refusal);
}
