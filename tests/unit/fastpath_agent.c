#include "fastpath_agent.h"

/* With what is theirs alone: the writer's steps without its thread, and what the loop does after a commit. */
#include "agent/agent.c"
#include "agent/in_force.c"
#include "agent/state/writer.c"

#include <unistd.h>

#include "agent/base/hex.h"
#include "agent/rpc/methods.h"
#include "fastpath_around.h"
#include "schedules.h"
#include "tests/fuzz/target.h"
#include "tests/fuzz/token_good.h"

#define QUEUED_MAX 16

const char *good_token;

struct queued {
    enum item item;
    unsigned asker;
    struct task *checked; /* of a signature that was checked; then there is no item */
};

/* An agent, and what its loop has to do. */
struct acting {
    struct agent agent;
    struct writer writer;
    struct door door;
    struct queued queue[QUEUED_MAX];
    unsigned count;
    bool begun, ended;
    struct held reload;
    unsigned reload_asker;
};

static struct acting actings[2];
static char folder[64];
static struct store *store;
static struct hasher *hasher;
static struct verifier *its_verifier;
static struct keyring *with_key, *without_key;

static void push(unsigned index, struct queued queued)
{
    struct acting *its = &actings[index];

    CHECK(its->count < QUEUED_MAX);
    its->queue[its->count++] = queued;
}

/* Checked at once, and handed back when the loop comes to it. */
WRAPPED(int, workers_submit, struct workers *workers, struct task *task, struct line_of_tasks *line)
{
    struct question question = {.verifier = its_verifier};

    (void)workers;
    (void)line;
    task->outcome = token_check(&task->token, &question, STAGE_SIGNATURE, STAGE_SIGNATURE);
    push(acting, (struct queued){.checked = task});
    return 0;
}

WRAPPED(struct door *, conn_door, const struct conn *conn)
{
    (void)conn;
    return &actings[acting].door;
}

static void write_file(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");

    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
}

static struct keyring *load(const char *members)
{
    static const char text[] =
        "issuers:\n  - issuer: https://auth.example.com\n    keys: {file: keys.json}\n    audiences: [orders]\n"
        "log: {level: error, decisions: off}\n";
    static char keys[sizeof good_keys + 16];
    struct faults faults = {0};
    char path[128];

    snprintf(keys, sizeof keys, "{\"keys\":[%s]}", members);
    write_file("config.yaml", text);
    write_file("keys.json", keys);
    snprintf(path, sizeof path, "%s/config.yaml", folder);
    struct config *config = config_load(path, &faults);
    struct keyring *ring = config != NULL ? keyring_load(config, (double)NOW, &faults) : NULL;

    if (ring == NULL)
        fprintf(stderr, "%s\n", faults.count > 0 ? faults.text[0] : "no fault");
    CHECK(ring != NULL);
    return ring;
}

/* The token's key is the set's first. */
void agents_open(void)
{
    char why[STORE_WHY_BYTES];

    strcpy(folder, "/dev/shm/assay-orders-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    log_setup(LOG_ERROR, false);
    good_token = good_tokens[0];
    with_key = load(good_keys);
    without_key = load(strstr(good_keys, "},{") + 2);
    store = store_open(folder, STORE_MAP_BYTES, why);
    hasher = hasher_new();
    its_verifier = verifier_new(0);
    CHECK(store != NULL && hasher != NULL && its_verifier != NULL);
}

void agents_close(void)
{
    char command[128];

    store_close(store);
    hasher_free(hasher);
    verifier_free(its_verifier);
    keyring_drop(with_key);
    keyring_drop(without_key);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
}

void agents_begin(void)
{
    memset(actings, 0, sizeof actings);
    around_begins();
}

void agent_begins(unsigned index)
{
    struct acting *its = &actings[index];
    struct agent *agent = &its->agent;
    struct core *core;
    uint8_t instance[16] = {(uint8_t)(index + 1)};

    acting = index;
    __real_store_let_go(store);
    *its = (struct acting){.begun = true};
    *agent = (struct agent){.core = {.loop = uv_default_loop(),
                                     .ring = keyring_hold(with_key),
                                     .commits = 1,
                                     .store = store,
                                     .hasher = hasher,
                                     .writer = &its->writer,
                                     .clock = &agent->clock,
                                     .ready = true},
                            .verdicts = {.core = &agent->core},
                            .door = &its->door};
    core = &agent->core;
    agent->clock.highest = agent->clock.noted = unix_now();
    agent->clock.writer = &its->writer;
    agent->clock.on_behind = on_clock_behind;
    agent->clock.context = agent;
    hex_encode(instance, sizeof instance, core->instance);
    CHECK(audit_open(&agent->verdicts) == 0);
    core->shared = boards[index] = shared_page_new(instance);
    agent->verdicts.cache = cache_new(core->ring->config->cache_bytes);
    agent->verdicts.checks = checks_new();
    agent->verdicts.renamed_keys = renamed_keys_new(core);
    core->remotes = remotes_new(core, again_about, &agent->verdicts);
    core->key_errors = calloc(core->ring->count, sizeof *core->key_errors);
    core->previous_run = previous_run_new(core->loop, folder);
    core->feeds = feeds_new(core);
    its->door = (struct door){.core = core,
                              .verdicts = &agent->verdicts,
                              .page_holders = 1,
                              .heart = alarm_new(core->loop, door_beat, &its->door)};
    its->writer = (struct writer){.store = store, .committed = on_committed, .context = agent};
    queue_init(&its->writer.waiting);
    queue_init(&its->writer.finished);
    pthread_mutex_init(&its->writer.lock, NULL);
    pthread_cond_init(&its->writer.work, NULL);
    CHECK(core->shared != NULL && agent->verdicts.cache != NULL && agent->verdicts.checks != NULL && agent->verdicts.renamed_keys != NULL &&
          core->remotes != NULL && core->key_errors != NULL && core->previous_run != NULL && core->feeds != NULL);
}

bool writer_can_go_on(unsigned index)
{
    return actings[index].begun && !actings[index].ended && actings[index].writer.waiting.first != NULL;
}

void writer_goes_on(unsigned index)
{
    struct writer *writer = &actings[index].writer;
    struct queue batch;

    queue_init(&batch);
    for (struct job *job; (job = queue_take(&writer->waiting)) != NULL;)
        queue_add(&batch, job);
    run_batch(writer, &batch);
}

/* In the order of the agent's own end, as far as there is something to end here. */
void agent_ends(unsigned index)
{
    struct acting *its = &actings[index];
    struct agent stopped = {.core = {.shared = its->agent.core.shared, .previous_run = its->agent.core.previous_run}};

    acting = index;
    shared_page_close(its->agent.core.shared);
    while (its->writer.waiting.first != NULL)
        writer_goes_on(index);
    acting = index;
    finish(&(uv_async_t){.data = &its->writer});
    finish_stop(&stopped);
    its->agent.core.previous_run = NULL;
    its->ended = true;
}

static void answer_reload(struct held *held)
{
    struct acting *its = (struct acting *)((char *)held - offsetof(struct acting, reload));
    struct wire_writer *writer = rpc_result(conn_of(its->reload_asker), 1, 64);

    if (writer == NULL)
        return;
    wire_put_map(writer, 0);
    conn_answer_end(conn_of(its->reload_asker));
}

static void take_other_keys(struct acting *its, unsigned asker)
{
    its->reload.answer = answer_reload;
    its->reload_asker = asker;
    CHECK(agent_use_keyring(&its->agent.core, keyring_hold(without_key)) == 0);
    previous_run_hold(its->agent.core.previous_run, &its->reload);
}

static msgpack_object text_object(const char *text)
{
    return (msgpack_object){.type = MSGPACK_OBJECT_STR, .via.str = {(uint32_t)strlen(text), text}};
}

static void handle(unsigned index, struct queued queued)
{
    struct acting *its = &actings[index];
    struct agent *agent = &its->agent;
    struct msgpack_object_kv jti = {text_object("jti"), text_object("token-1")};
    msgpack_object_map params = {queued.item == ITEM_REVOKE, &jti};
    struct request request = {&agent->core, &agent->verdicts, conn_of(queued.asker), 1, &params};

    if (queued.checked != NULL)
        decide_checked(&agent->verdicts, queued.checked);
    else if (queued.item == ITEM_VERIFY)
        verify(&request, (struct text){good_token, strlen(good_token)}, (struct text){NULL, 0}, true);
    else if (queued.item == ITEM_HELLO)
        method_hello(&request);
    else if (queued.item == ITEM_REVOKE)
        method_revoke(&request);
    else
        take_other_keys(its, queued.asker);
    if (queued.item == ITEM_REVOKE && mistake == COUNTERS_GROW_BEFORE_THE_COMMIT)
        shared_page_bump_all(agent->core.shared);
}

bool agent_asked(unsigned index, unsigned asker, enum item item)
{
    if (!actings[index].begun || actings[index].ended)
        return false;
    push(index, (struct queued){item, asker, NULL});
    return true;
}

bool loop_can_go_on(unsigned index)
{
    const struct acting *its = &actings[index];

    return its->begun && !its->ended &&
           (its->count > 0 || its->writer.finished.first != NULL || has_view[index] || has_due_alarm(index));
}

/* What was asked comes in its order; what else there is to do, before or after it. */
void loop_goes_on(unsigned index)
{
    struct acting *its = &actings[index];
    enum { ITEM, FINISHED, ALARM, TURN_ENDS } ways[4];
    unsigned count = 0;

    acting = index;
    if (its->count > 0)
        ways[count++] = ITEM;
    if (its->writer.finished.first != NULL)
        ways[count++] = FINISHED;
    if (has_due_alarm(index))
        ways[count++] = ALARM;
    if (has_view[index])
        ways[count++] = TURN_ENDS;
    unsigned way = ways[schedule_choose(count)];

    if (way == ITEM) {
        struct queued first = its->queue[0];

        its->count--;
        memmove(its->queue, its->queue + 1, its->count * sizeof *its->queue);
        handle(index, first);
    } else if (way == FINISHED) {
        finish(&(uv_async_t){.data = &its->writer});
    } else if (way == ALARM) {
        ring_due_alarm(index);
    } else {
        has_view[index] = false;
        its->agent.core.turn = 0;
        __real_store_let_go(store);
    }
}

static void free_acting(unsigned index)
{
    struct acting *its = &actings[index];
    struct agent *agent = &its->agent;

    if (!its->begun)
        return;
    acting = index;
    while (its->writer.waiting.first != NULL)
        writer_goes_on(index);
    finish(&(uv_async_t){.data = &its->writer});
    for (unsigned i = 0; i < its->count; i++) {
        if (its->queue[i].checked != NULL)
            decide_checked(&agent->verdicts, its->queue[i].checked);
    }
    previous_run_close(agent->core.previous_run);
    alarm_close(its->door.heart);
    feeds_stop(agent->core.feeds);
    feeds_free(agent->core.feeds);
    checks_free(agent->verdicts.checks);
    renamed_keys_free(agent->verdicts.renamed_keys);
    remotes_free(agent->core.remotes);
    cache_free(agent->verdicts.cache);
    shared_page_free(agent->core.shared);
    free(agent->core.key_errors);
    keyring_drop(agent->core.ring);
    pthread_mutex_destroy(&its->writer.lock);
    pthread_cond_destroy(&its->writer.work);
}

static void take_back(void)
{
    struct record record = {.kind = RECORD_JTI,
                            .issuer = with_key->issuers[0]->names.list[0],
                            .name = {"token-1", 7},
                            .before = SECONDS_NONE,
                            .exp = SECONDS_NONE};
    struct view *view = __real_store_begin(store, false);

    CHECK(view != NULL && list_undo(hasher, view, &record, NULL, NULL) == 0 && __real_store_commit(view) == 0);
}

void agents_end(void)
{
    char path[128];

    closing = true;
    mistake = MISTAKE_NONE;
    for (unsigned i = 0; i < 2; i++)
        free_acting(i);
    snprintf(path, sizeof path, "%s/page", folder);
    unlink(path);
    __real_store_let_go(store);
    take_back();
}
