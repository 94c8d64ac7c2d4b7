#include "fastpath_around.h"

#include <openssl/rand.h>
#include <time.h>

#include "client/wire/clock.h"
#include "client/wire/wire.h"
#include "schedules.h"
#include "tests/fuzz/target.h"

enum mistake mistake;
void (*agents_answered)(unsigned asker, const uint8_t *answer, size_t bytes, int descriptor);

unsigned acting;
bool closing;
bool has_view[2];
struct shared_page *boards[2];

static int64_t monotonic;
static unsigned random_state;
static bool owes_growth; /* a counter should have grown before the answer: a mistake */
static struct thing owed;

void around_begins(void)
{
    monotonic = 1000 * NS_PER_S;
    random_state = 1;
    closing = owes_growth = false;
    has_view[0] = has_view[1] = false;
}

/* A place where others may come in between. */
static void point(const char *where)
{
    unsigned self = acting;

    schedule_point(where);
    acting = self;
}

/* All clocks of this program, the client's module too. */
__attribute__((visibility("default"))) int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int64_t now = monotonic + (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? NOW * NS_PER_S : 0);

    *ret = (struct timespec){now / NS_PER_S, now % NS_PER_S};
    return 0;
}

void agents_wait(double seconds)
{
    monotonic += (int64_t)(seconds * 1e9);
}

/* Alarms ring when the loop finds that it is time. */
struct alarm {
    void (*rings)(void *context);
    void *context;
    int64_t due; /* 0: it is not set */
    struct alarm *next;
    unsigned owner;
};
static struct alarm *alarms;

struct alarm *alarm_new(uv_loop_t *loop, void (*rings)(void *context), void *context)
{
    struct alarm *alarm = calloc(1, sizeof *alarm);

    (void)loop;
    CHECK(alarm != NULL);
    *alarm = (struct alarm){rings, context, 0, alarms, acting};
    return alarms = alarm;
}

void alarm_set(struct alarm *alarm, double seconds)
{
    alarm->due = monotonic + (int64_t)(seconds * 1e9);
}

void alarm_close(struct alarm *alarm)
{
    struct alarm **link = &alarms;

    while (*link != NULL && *link != alarm)
        link = &(*link)->next;
    if (*link != NULL)
        *link = alarm->next;
    free(alarm);
}

static struct alarm *due_alarm(unsigned index)
{
    for (struct alarm *alarm = alarms; alarm != NULL; alarm = alarm->next) {
        if (alarm->owner == index && alarm->due > 0 && alarm->due <= monotonic)
            return alarm;
    }
    return NULL;
}

bool has_due_alarm(unsigned index)
{
    return due_alarm(index) != NULL;
}

void ring_due_alarm(unsigned index)
{
    struct alarm *alarm = due_alarm(index);

    alarm->due = 0;
    alarm->rings(alarm->context);
}

/* Connections: who asked is all there is to them. */
static uint8_t answer_bytes[8192];
static struct wire_writer answer_writer;
static int passed = -1; /* the descriptor that goes with the next answer */

struct conn *conn_of(unsigned asker)
{
    static char conns[8];

    return (struct conn *)&conns[asker];
}

static unsigned asker_of(const struct conn *conn)
{
    return (unsigned)((const char *)conn - (const char *)conn_of(0));
}

WRAPPED(bool, conn_hold, struct conn *conn)
{
    return conn != NULL;
}

WRAPPED(bool, conn_release, struct conn *conn)
{
    return conn != NULL;
}

WRAPPED(const struct peer *, conn_peer, const struct conn *conn)
{
    static const struct peer root = {.rights = ~0U,
                                     .bounds = {.any_issuer = true, .any_audience = true}};

    (void)conn;
    return &root;
}

WRAPPED(struct line_of_tasks *, conn_line, struct conn *conn)
{
    static struct line_of_tasks line;

    (void)conn;
    return &line;
}

WRAPPED(bool, conn_may_pass, struct conn *conn)
{
    return conn != NULL;
}

WRAPPED(const char *, conn_page_refusal, struct conn *conn)
{
    (void)conn;
    return NULL;
}

WRAPPED(bool, conn_hold_page, struct conn *conn)
{
    return conn != NULL;
}

static bool answers_nobody(void)
{
    return closing || schedule_is_dead();
}

WRAPPED(struct wire_writer *, conn_answer_begin, struct conn *conn, size_t room)
{
    (void)conn;
    CHECK(room <= sizeof answer_bytes);
    wire_writer_init(&answer_writer, answer_bytes, sizeof answer_bytes);
    return answers_nobody() ? NULL : &answer_writer;
}

void __real_shared_page_bump(struct shared_page *shared, struct thing thing);

WRAPPED(void, conn_answer_end, struct conn *conn)
{
    int descriptor = passed;

    passed = -1;
    agents_answered(asker_of(conn), answer_bytes, (size_t)(answer_writer.at - answer_bytes), descriptor);
    point("an answer");
    if (owes_growth)
        __real_shared_page_bump(boards[acting], owed);
    owes_growth = false;
}

WRAPPED(const char *, conn_send_page, struct conn *conn, const uint8_t *bytes, size_t size)
{
    if (answers_nobody())
        return NULL;
    CHECK(size <= sizeof answer_bytes);
    memcpy(answer_bytes, bytes, size);
    answer_writer.at = answer_bytes + size;
    passed = shared_page_fd(boards[acting]);
    __wrap_conn_answer_end(conn);
    return NULL;
}

WRAPPED(struct view *, store_view, struct store *its)
{
    point("before the view");
    has_view[acting] = true;
    struct view *view = __real_store_view(its);

    point("after the view");
    return schedule_is_dead() ? NULL : view;
}

WRAPPED(void, store_let_go, struct store *its)
{
    if (mistake == OLD_VIEW_IS_KEPT)
        return;
    has_view[acting] = false;
    __real_store_let_go(its);
}

WRAPPED(struct view *, store_begin, struct store *its, bool frees)
{
    point("before the transaction");
    return closing || schedule_is_dead() ? NULL : __real_store_begin(its, frees);
}

WRAPPED(int, store_commit, struct view *view)
{
    int status = __real_store_commit(view);

    point("after the commit");
    return status;
}

WRAPPED(void, shared_page_bump, struct shared_page *shared, struct thing thing)
{
    point("before a counter grows");
    owes_growth = mistake == ANSWERED_BEFORE_COUNTERS_GROW && !closing;
    owed = thing;
    if (!owes_growth && mistake != NO_COUNTER_GROWS && mistake != COUNTERS_GROW_BEFORE_THE_COMMIT)
        __real_shared_page_bump(shared, thing);
}

WRAPPED(void, shared_page_bump_keys, struct shared_page *shared)
{
    point("before the generation grows");
    if (mistake != NO_GENERATION_GROWS)
        __real_shared_page_bump_keys(shared);
}

WRAPPED(void, shared_page_close, struct shared_page *shared)
{
    if (mistake != PAGE_IS_NOT_CLOSED)
        __real_shared_page_close(shared);
}

WRAPPED(void, previous_run_hold, struct previous_run *earlier, struct held *held)
{
    if (mistake == NOTHING_IS_HELD_BACK)
        held->answer(held);
    else
        __real_previous_run_hold(earlier, held);
}

WRAPPED(bool, previous_run_mark, struct previous_run *earlier)
{
    return mistake == NO_MARKER_IS_LEFT || __real_previous_run_mark(earlier);
}

WRAPPED(int, uv_async_send, uv_async_t *async)
{
    (void)async;
    return 0;
}

/* Runs are to be alike, or another choice would not be another choice in the same run. */
WRAPPED(int, RAND_bytes, unsigned char *bytes, int count)
{
    for (int i = 0; i < count; i++) {
        random_state = random_state * 1103515245 + 12345;
        bytes[i] = (unsigned char)(random_state >> 16);
    }
    return 1;
}
