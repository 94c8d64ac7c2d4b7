#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/rand.h>

#include "agent/base/hex.h"
#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/door/socket.h"
#include "agent/fastpath/previous_run.h"
#include "agent/fastpath/shared_page.h"
#include "agent/feeds/feeds.h"
#include "agent/files/watch.h"
#include "agent/http/listener.h"
#include "agent/keys/refresh.h"
#include "agent/keys/remotes.h"
#include "agent/outbound/https.h"
#include "agent/revocation/expiry.h"
#include "agent/rpc/listener.h"
#include "agent/state/clock.h"
#include "agent/state/writer.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/cache.h"
#include "agent/verdict/decide.h"
#include "agent/verdict/renamed_keys.h"
#include "agent/verdict/workers.h"
#include "confine.h"
#include "in_force.h"
#include "reload.h"
#include "signals.h"

/* After each commit, before its changes are answered: drops the view that is older than the commit, then lets the counters grow, so that a
   decision made under the old view cannot be taken for one that rests on the new counters. `told`: each of its jobs reports itself what has
   changed. */
static void on_committed(void *context, bool told)
{
    struct agent *agent = context;

    store_let_go(agent->core.store);
    agent->core.commits++;
    if (!told)
        shared_page_bump_all(agent->core.shared);
    if (agent->forget != NULL)
        forget_look(agent->forget);
}

/* Stops the rooms in the order of their dependencies: first those that give work back, while its owners still exist. A room that did not start is
   NULL. */
static void finish_stop(struct agent *agent)
{
    if (agent->verdicts.workers != NULL)
        workers_stop(agent->verdicts.workers);
    https_close(agent->core.https); /* what is being fetched comes back, and no fetch begins any more */
    remotes_stop(agent->core.remotes);
    if (agent->core.feeds != NULL)
        feeds_stop(agent->core.feeds);
    forget_close(agent->forget);
    if (agent->core.writer != NULL) {
        clock_note(&agent->clock);
        writer_stop(agent->core.writer);
    }
    reload_close(agent->reload);
    refresh_close(agent->core.refresh);
    watch_close(agent->core.watch);
    watchdog_close(agent->watchdog);
    http_close(agent->http);
    if (agent->door != NULL)
        door_close(agent->door);
    shared_page_close(agent->core.shared); /* first, then the marker, which stands for the page */
    previous_run_close(agent->core.previous_run);
    agent->core.previous_run = NULL;
}

/* After a long silence the files are checked before anything is decided; answers the callers that waited for that. */
static void on_seen(void *context)
{
    struct agent *agent = context;

    if (agent->door != NULL)
        door_go_on(agent->door);
    http_take_up(agent->http);
}

/* Before any request: compares the keys of this start with the kids that were revoked before it, and reads lines of feeds again that could not be
   read before. */
static int prepare_store(struct agent *agent)
{
    struct view *view = store_begin(agent->core.store, false);

    if (view == NULL)
        view = store_begin(agent->core.store, true); /* full: the agent can still verify, and remove records */
    if (view == NULL)
        return -1;
    if (list_cover(agent->core.hasher, view, agent->core.ring) < 0 || feeds_retry_unreadable(&agent->core, agent->core.hasher, view) < 0 ||
        clock_load(&agent->clock, view) < 0) {
        store_abort(view);
        return -1;
    }
    return store_commit(view);
}

static int fail(const char *why)
{
    log_error("cannot start", LOG_TEXT("why", why));
    return -1;
}

static void again_about(void *context, struct text token, struct waiter *waiter)
{
    decide_again(context, token, waiter);
}

static void on_clock_behind(void *context)
{
    struct agent *agent = context;

    shared_page_bump_keys(agent->core.shared);
}

static void reload(struct core *core, struct reload_waiter *waiter)
{
    reload_all(agent_of(core)->reload, waiter);
}

static int open_rooms(struct agent *agent)
{
    const struct config *config = agent->core.ring->config;
    char why[STORE_WHY_BYTES];
    uint8_t instance[16];

    if (RAND_bytes(instance, sizeof instance) != 1 || RAND_bytes(agent->verdicts.audit_key, sizeof agent->verdicts.audit_key) != 1)
        return fail("no random numbers are available");
    hex_encode(instance, sizeof instance, agent->core.instance);
    agent->core.shared = shared_page_new(instance);
    agent->core.store = store_open(config->state_path, STORE_MAP_BYTES, why);
    if (agent->core.store == NULL)
        return fail(why);
    agent->core.hasher = hasher_new();
    agent->verdicts.cache = cache_new(config->cache_bytes);
    agent->verdicts.checks = checks_new();
    agent->verdicts.renamed_keys = renamed_keys_new(&agent->core);
    agent->reload = reload_new(agent);
    agent->core.refresh = refresh_new(&agent->core);
    agent->core.remotes = remotes_new(&agent->core, again_about, &agent->verdicts);
    agent->core.key_errors = calloc(agent->core.ring->count, sizeof *agent->core.key_errors);
    if (agent->core.shared == NULL || agent->core.hasher == NULL || agent->core.refresh == NULL || agent->core.remotes == NULL ||
        agent->core.key_errors == NULL || agent->verdicts.cache == NULL || agent->verdicts.checks == NULL ||
        agent->verdicts.renamed_keys == NULL || agent->reload == NULL)
        return fail("out of memory");
    if (remotes_prepare(agent->core.remotes, agent->core.ring) < 0)
        return fail("the stored keys cannot be read, or out of memory");
    if (prepare_store(agent) < 0)
        return fail("the revocations cannot be written; is the disk full?");
    if (socket_make_folders(config, why) < 0)
        return fail(why);
    confine(config); /* before the first thread, so that it covers all of them */
    return 0;
}

static void free_rooms(struct agent *agent)
{
    for (unsigned i = 0; agent->core.key_errors != NULL && i < agent->core.ring->count; i++)
        free(agent->core.key_errors[i]);
    free(agent->core.key_errors);
    free(agent->core.policy_error);
    free(agent->core.reload_error);
    feeds_free(agent->core.feeds);
    remotes_free(agent->core.remotes);
    forget_free(agent->forget);
    reload_free(agent->reload);
    refresh_free(agent->core.refresh);
    checks_free(agent->verdicts.checks);
    renamed_keys_free(agent->verdicts.renamed_keys);
    cache_free(agent->verdicts.cache);
    shared_page_free(agent->core.shared);
    hasher_free(agent->core.hasher);
    store_close(agent->core.store);
    keyring_drop(agent->core.ring);
}

/* Continues connections that were answered in this turn, then hands signatures to the workers. */
static void before_wait(void *context)
{
    struct agent *agent = context;

    http_go_on(agent->http);
    workers_hand_over(agent->verdicts.workers);
    store_let_go(agent->core.store);
    agent->core.turn = 0;
}

static int start_rooms(struct agent *agent)
{
    char why[512];

    agent->core.previous_run = previous_run_new(agent->core.loop, agent->core.ring->config->state_path);
    agent->verdicts.workers = workers_start(agent->core.loop, agent->core.ring->config->threads, decide_checked, &agent->verdicts);
    agent->core.writer = writer_start(agent->core.loop, agent->core.store, on_committed, agent);
    agent->clock.writer = agent->core.writer;
    agent->core.https = https_new(agent->core.loop);
    agent->core.watch = watch_new(agent->core.loop, on_seen, agent);
    agent->core.feeds = feeds_new(&agent->core);
    agent->forget = forget_new(&agent->core);
    agent->watchdog = watchdog_new(agent->core.loop);
    if (audit_open(&agent->verdicts) < 0)
        return fail("the thread that writes audit lines cannot be started, or out of memory");
    if (agent->core.previous_run == NULL || agent->core.https == NULL || agent->core.writer == NULL || agent->core.watch == NULL ||
        agent->core.feeds == NULL || agent->verdicts.workers == NULL || agent->forget == NULL)
        return fail("threads cannot be started, or out of memory");
    if (feeds_use_config(agent->core.feeds) < 0)
        return fail("out of memory");
    agent->door = door_open(&agent->verdicts, before_wait, agent, why);
    if (agent->door == NULL)
        return fail(why);
    return http_open(&agent->verdicts, &agent->door->accounts, &agent->http, why) < 0 ? fail(why) : 0;
}

static void check_ready(struct core *core)
{
    struct agent *agent = agent_of(core);

    if (agent->core.ready || agent->core.stopping || !feeds_are_read(agent->core.feeds)) /* feeds show their own progress */
        return;
    if (!remotes_are_known(agent->core.remotes)) {
        notify_status("waiting for the keys of an issuer; `assay health` says which, and why");
        return;
    }
    agent->core.ready = true;
    notify_ready(agent->core.ring->count);
    log_info("ready", LOG_TEXT("socket", agent->core.ring->config->socket_path), LOG_NUMBER("issuers", agent->core.ring->count),
             LOG_TEXT("instance", agent->core.instance), LOG_TEXT("version", ASSAY_VERSION));
}

static int serve(struct agent *agent)
{
    struct signals signals;

    if (signals_watch(&signals, agent, finish_stop) < 0) {
        finish_stop(agent); /* closes the rooms that are open: the loop ends when it has no handles left */
        uv_run(agent->core.loop, UV_RUN_DEFAULT);
        return fail("signals cannot be handled");
    }
    if (start_rooms(agent) < 0) {
        signals_close(&signals);
        agent->core.stopping = true;
        if (agent->door != NULL) /* it was the last room but one */
            door_drain(agent->door);
        finish_stop(agent);
        uv_run(agent->core.loop, UV_RUN_DEFAULT); /* the loop frees what is closed */
        http_free(agent->http);
        if (agent->door != NULL)
            door_free(agent->door);
        audit_close(&agent->verdicts);
        return -1;
    }
    refresh_use_config(agent->core.refresh);
    remotes_use(agent->core.remotes);
    keyring_tell_warnings(NULL, agent->core.ring);
    check_ready(&agent->core);
    uv_run(agent->core.loop, UV_RUN_DEFAULT);
    http_free(agent->http);
    door_free(agent->door);
    audit_close(&agent->verdicts);
    log_info("stopped");
    return 0;
}

int agent_run(struct keyring *ring, const char *config_path)
{
    struct agent agent = {
        .core = {.loop = uv_default_loop(), .ring = ring, .commits = 1, .use_keyring = agent_use_keyring, .check_ready = check_ready, .reload = reload},
        .clock = {.on_behind = on_clock_behind},
        .config_path = config_path,
    };

    agent.core.clock = &agent.clock;
    agent.clock.context = &agent;
    agent.verdicts.core = &agent.core;
    agent.core.started = unix_now();
    log_setup(ring->config->log_level, ring->config->log_json);
    int status = agent.core.loop != NULL ? open_rooms(&agent) : fail("the event loop cannot be created: out of memory or descriptors");

    if (status == 0)
        status = serve(&agent);
    if (agent.core.loop != NULL)
        uv_loop_close(agent.core.loop);
    free_rooms(&agent);
    return status;
}
