/* What stands around the agent where all orders are gone through: its clock, its alarms, its connections and its random numbers are
   the test's; where others may come in between it is stopped; and deliberate mistakes are made there. Calls get here by the
   linker's --wrap. */
#ifndef ASSAY_TESTS_FASTPATH_AROUND_H
#define ASSAY_TESTS_FASTPATH_AROUND_H

#include "agent/base/alarm.h"
#include "agent/fastpath/previous_run.h"
#include "agent/rpc/connection.h"
#include "agent/state/store.h"
#include "agent/verdict/grounds.h"
#include "agent/verdict/workers.h"
#include "fastpath_agent.h"

#define NOW INT64_C(1767225600) /* when the token is good */

#define WRAPPED(type, name, ...)                                                                                                   \
    type __real_##name(__VA_ARGS__);                                                                                               \
    type __wrap_##name(__VA_ARGS__);                                                                                               \
    type __wrap_##name(__VA_ARGS__)

extern unsigned acting;  /* whose step it is: an agent's index */
extern bool closing;     /* the run has ended, and nothing counts any more */
extern bool has_view[2]; /* has this agent's loop a view of the store? */
extern struct shared_page *boards[2];

void around_begins(void); /* of a run */

/* Who asked is all there is to a connection. */
struct conn *conn_of(unsigned asker);

/* One of its alarms that should have rung; it is set no longer. NULL: none. */
bool has_due_alarm(unsigned index);
void ring_due_alarm(unsigned index);

struct view *__real_store_begin(struct store *its, bool frees);
int __real_store_commit(struct view *view);
void __real_store_let_go(struct store *its);

#endif
