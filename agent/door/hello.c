/* `hello`: hands over the page, and lets the agent's heart beat as long as somebody holds it. */
#include "agent/alarm.h"
#include "agent/clock.h"
#include "agent/earlier.h"
#include "agent/files/watch.h"
#include "agent/stamp.h"
#include "client/clock.h"
#include "answers.h"
#include "conn_inside.h"
#include "methods.h"

/* Nobody who holds the page asks about time or files; so that a clock that is set back is noticed, the time at which clients say yes
   is known to the next run, and what was changed in a file ends their yeses, all of it is looked at here. */
void door_beat(void *context)
{
    struct door *door = context;

    if (door->page_holders == 0)
        return;
    board_beat(door->agent->board);
    clock_saw(door->agent, agent_now());
    watch_look(door->agent->watch);
    alarm_set(door->heart, HEARTBEAT_SECONDS);
}

static void answer(const struct request *request, const char *refusal)
{
    struct wire_writer *writer = rpc_result(request->conn, request->msgid, 256);

    if (writer == NULL)
        return;
    wire_put_map(writer, 4);
    put_pair_text(writer, "instance", request->agent->instance);
    put_pair_uint(writer, "clock", (uint64_t)monotonic_ns());
    wire_put_text(writer, "page");
    wire_put_bool(writer, refusal == NULL);
    put_pair_text(writer, "why", refusal);
    conn_answer_end(request->conn);
}

/* The descriptor goes with the first byte of what is sent next, so nothing may be waiting to be sent. */
void method_hello(const struct request *request)
{
    struct agent *agent = request->agent;
    const char *refusal = stamp_refusal(agent);

    if (!rpc_params(request, NULL, 0, false))
        return;
    if (refusal == NULL)
        refusal = peer_page_refusal(conn_peer(request->conn));
    if (refusal == NULL && !conn_may_pass(request->conn)) {
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "read your answers before you say hello");
        return;
    }
    if (refusal == NULL && !earlier_mark(agent->earlier))
        refusal = "its marker cannot be written; the agent's log says why";
    if (refusal == NULL) {
        conn_hold_page(request->conn);
        door_beat(agent->door);
    }
    answer(request, refusal);
}
