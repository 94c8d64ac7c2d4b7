/* `reload`: reads the configuration and all files again for an administrator; also accepts the clock on his word. */
#include <stdlib.h>

#include "agent/base/log.h"
#include "agent/config/reload_waiter.h"
#include "agent/fastpath/previous_run.h"
#include "agent/state/clock.h"
#include "methods.h"

/* A reload request during the reading. */
struct reload_request {
    struct reload_waiter waiter;
    struct held held;
    struct faults faults; /* the faults, while the answer is delayed */
    struct core *core;
    struct conn *conn;
    uint32_t msgid;
};

static void answer_reload(struct held *held)
{
    struct reload_request *its = (struct reload_request *)((char *)held - offsetof(struct reload_request, held));
    const struct faults *faults = &its->faults;
    size_t room = 64;

    if (conn_release(its->conn)) {
        unsigned told = 0;

        for (; told < faults->count && room + strlen(faults->text[told]) + 8 < ANSWER_BYTES_MAX - 64; told++)
            room += strlen(faults->text[told]) + 8;
        struct wire_writer *writer = rpc_result(its->conn, its->msgid, room);

        if (writer != NULL) {
            wire_put_map(writer, 2);
            wire_put_text(writer, "reloaded");
            wire_put_bool(writer, faults->count == 0);
            wire_put_text(writer, "faults");
            wire_put_array(writer, told);
            for (unsigned i = 0; i < told; i++)
                wire_put_text(writer, faults->text[i]);
            conn_answer_end(its->conn);
        }
    }
    faults_clear(&its->faults);
    free(its);
}

static void reloaded(struct reload_waiter *waiter, const struct faults *faults)
{
    struct reload_request *its = (struct reload_request *)waiter;

    faults_copy(faults, &its->faults);
    its->held.answer = answer_reload;
    previous_run_hold(its->core->previous_run, &its->held);
}

/* The clock is written first: the result of the reload is then the answer. */
static void clock_accepted(void *context, int status)
{
    struct reload_request *its = context;

    if (status == 0) {
        log_warning("an operator has accepted the clock");
        its->core->reload(its->core, &its->waiter);
        return;
    }
    if (conn_release(its->conn))
        rpc_error(its->conn, its->msgid, ERROR_INTERNAL, "the clock could not be accepted: the store cannot be written");
    free(its);
}

void method_reload(const struct request *request)
{
    bool accept_clock = false;
    const struct param params[] = {{"accept_clock", PARAM_BOOL, &accept_clock}};

    if (!rpc_params(request, params, 1, false))
        return;
    struct reload_request *its = calloc(1, sizeof *its);

    if (its == NULL || !conn_hold(request->conn)) {
        free(its);
        rpc_error(request->conn, request->msgid, ERROR_OVERLOADED, "this user has too many requests under way; try again");
        return;
    }
    its->waiter.reloaded = reloaded;
    its->conn = request->conn;
    its->msgid = request->msgid;
    its->core = request->core;
    if (!accept_clock)
        request->core->reload(request->core, &its->waiter);
    else if (clock_accept(request->core->clock, clock_accepted, its) < 0)
        clock_accepted(its, -1);
}
