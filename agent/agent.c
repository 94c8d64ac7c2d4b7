#include "agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/rand.h>

#include "agent/clock.h"
#include "agent/confine.h"
#include "agent/decide.h"
#include "agent/door/door.h"
#include "agent/door/http.h"
#include "agent/door/socket.h"
#include "agent/earlier.h"
#include "agent/files/watch.h"
#include "agent/in_force.h"
#include "agent/keys/remotes.h"
#include "agent/observe/log.h"
#include "agent/observe/notify.h"
#include "agent/outbound/https.h"
#include "agent/refresh.h"
#include "agent/reload.h"
#include "agent/revocation/feeds.h"
#include "agent/revocation/forget.h"
#include "agent/signals.h"
#include "client/clock.h"

double agent_now(void)
{
    return unix_seconds();
}

double agent_turn_now(struct agent *agent)
{
    if (!(agent->turn > 0))
        agent->turn = agent_now();
    return agent->turn;
}

/* After each commit, before anything of it is answered: the view that is older than it goes, then the counters grow, so that no
   decision can be made under the old view and be taken for one that rests on the new counters. `told`: each job of it will say
   itself what has changed. */
static void on_committed(void *context, bool told)
{
    struct agent *agent = context;

    store_let_go(agent->store);
    agent->commits++;
    if (!told)
        board_bump_all(agent->board);
    if (agent->forget != NULL)
        forget_look(agent->forget);
}

/* In the order in which they lean on each other: what gives back work first, while those who wait for it are still there. What did
   not start is NULL. */
static void finish_stop(struct agent *agent)
{
    if (agent->workers != NULL)
        workers_stop(agent->workers);
    https_close(agent->https); /* what is being fetched comes back, and nothing more is */
    remotes_stop(agent->remotes);
    if (agent->feeds != NULL)
        feeds_stop(agent->feeds);
    forget_close(agent->forget);
    if (agent->writer != NULL) {
        clock_note(agent);
        writer_stop(agent->writer);
    }
    reload_close(agent->reload);
    refresh_close(agent->refresh);
    watch_close(agent->watch);
    watchdog_close(agent->watchdog);
    http_close(agent->http);
    if (agent->door != NULL)
        door_close(agent->door);
    board_close(agent->board); /* first, then the marker: it speaks for the page */
    earlier_close(agent->earlier);
    agent->earlier = NULL;
}

/* After a long silence the files are looked at before anything is decided; the callers that waited for that are answered now. */
static void on_seen(void *context)
{
    struct agent *agent = context;

    if (agent->door != NULL)
        door_go_on(agent->door);
    http_take_up(agent->http);
}

/* Before anybody can ask: the keys of this start are compared with the kids that were revoked before it, and lines of feeds that
   were not understood are read again. */
static int prepare_store(struct agent *agent)
{
    struct view *view = store_begin(agent->store, false);

    if (view == NULL)
        view = store_begin(agent->store, true); /* full: no reason not to verify, and to forget */
    if (view == NULL)
        return -1;
    if (list_cover(agent->hasher, view, agent->ring) < 0 || feeds_retry_unreadable(agent, agent->hasher, view) < 0 ||
        clock_load(agent, view) < 0) {
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

static int open_rooms(struct agent *agent)
{
    const struct config *config = agent->ring->config;
    char why[STORE_WHY_BYTES];
    uint8_t instance[16];

    if (RAND_bytes(instance, sizeof instance) != 1 || RAND_bytes(agent->audit_key, sizeof agent->audit_key) != 1)
        return fail("no random numbers are to be had");
    hex_encode(instance, sizeof instance, agent->instance);
    agent->board = board_new(instance);
    agent->store = store_open(config->state_path, STORE_MAP_BYTES, why);
    if (agent->store == NULL)
        return fail(why);
    agent->hasher = hasher_new();
    agent->cache = cache_new(config->cache_bytes);
    agent->checks = checks_new();
    agent->reload = reload_new(agent);
    agent->refresh = refresh_new(agent);
    agent->remotes = remotes_new(agent);
    agent->key_errors = calloc(agent->ring->count, sizeof *agent->key_errors);
    if (agent->board == NULL || agent->hasher == NULL || agent->cache == NULL || agent->checks == NULL || agent->reload == NULL || agent->refresh == NULL || agent->remotes == NULL ||
        agent->key_errors == NULL)
        return fail("out of memory");
    if (remotes_prepare(agent->remotes, agent->ring) < 0)
        return fail("the stored keys cannot be read, or there is no memory");
    if (prepare_store(agent) < 0)
        return fail("the revocations cannot be written; is the disk full?");
    if (socket_make_folders(config, why) < 0)
        return fail(why);
    confine(config); /* before the first thread, so that they all are */
    return 0;
}

static void free_rooms(struct agent *agent)
{
    for (unsigned i = 0; agent->key_errors != NULL && i < agent->ring->count; i++)
        free(agent->key_errors[i]);
    free(agent->key_errors);
    free(agent->policy_error);
    free(agent->reload_error);
    feeds_free(agent->feeds);
    remotes_free(agent->remotes);
    forget_free(agent->forget);
    reload_free(agent->reload);
    refresh_free(agent->refresh);
    checks_free(agent->checks);
    cache_free(agent->cache);
    board_free(agent->board);
    hasher_free(agent->hasher);
    store_close(agent->store);
    keyring_drop(agent->ring);
}

static int start_rooms(struct agent *agent)
{
    char why[512];

    agent->earlier = earlier_new(agent->loop, agent->ring->config->state_path);
    agent->workers = workers_start(agent->loop, agent->ring->config->threads, decide_checked, agent);
    agent->writer = writer_start(agent->loop, agent->store, on_committed, agent);
    agent->https = https_new(agent->loop);
    agent->watch = watch_new(agent->loop, on_seen, agent);
    agent->feeds = feeds_new(agent);
    agent->forget = forget_new(agent);
    agent->watchdog = watchdog_new(agent->loop);
    if (agent->earlier == NULL || agent->https == NULL || agent->workers == NULL || agent->writer == NULL || agent->watch == NULL || agent->feeds == NULL ||
        agent->forget == NULL)
        return fail("threads cannot be started, or there is no memory");
    if (feeds_use_config(agent->feeds) < 0)
        return fail("out of memory");
    agent->door = door_open(agent, why);
    if (agent->door == NULL)
        return fail(why);
    return http_open(agent, &agent->http, why) < 0 ? fail(why) : 0;
}

void agent_check_ready(struct agent *agent)
{
    if (agent->ready || agent->stopping || !feeds_are_read(agent->feeds)) /* who tell how far they are */
        return;
    if (!remotes_are_known(agent->remotes)) {
        notify_status("waiting for the keys of an issuer; `assay health` says whose, and why");
        return;
    }
    agent->ready = true;
    notify_ready(agent->ring->count);
    log_info("ready", LOG_TEXT("socket", agent->ring->config->socket_path), LOG_NUMBER("issuers", agent->ring->count),
             LOG_TEXT("instance", agent->instance), LOG_TEXT("version", ASSAY_VERSION));
}

static int serve(struct agent *agent)
{
    struct signals signals;

    if (signals_watch(&signals, agent, finish_stop) < 0) {
        finish_stop(agent); /* of the rooms that are open: the loop ends where nothing is left in it */
        uv_run(agent->loop, UV_RUN_DEFAULT);
        return fail("signals cannot be waited for");
    }
    if (start_rooms(agent) < 0) {
        signals_close(&signals);
        agent->stopping = true;
        if (agent->door != NULL) /* it was the last room but one */
            door_drain(agent->door);
        finish_stop(agent);
        uv_run(agent->loop, UV_RUN_DEFAULT); /* what is closed is freed there */
        http_free(agent->http);
        if (agent->door != NULL)
            door_free(agent->door);
        return -1;
    }
    refresh_use_config(agent->refresh);
    remotes_use(agent->remotes);
    keyring_tell_warnings(NULL, agent->ring);
    agent_check_ready(agent);
    uv_run(agent->loop, UV_RUN_DEFAULT);
    http_free(agent->http);
    door_free(agent->door);
    log_info("stopped");
    return 0;
}

int agent_run(struct keyring *ring, const char *config_path)
{
    struct agent agent = {.loop = uv_default_loop(), .config_path = config_path, .ring = ring, .commits = 1};

    agent.started = agent_now();
    log_setup(ring->config->log_level, ring->config->log_json);
    int status = agent.loop != NULL ? open_rooms(&agent) : fail("the system gives no event loop: out of memory or descriptors");

    if (status == 0)
        status = serve(&agent);
    if (agent.loop != NULL)
        uv_loop_close(agent.loop);
    free_rooms(&agent);
    return status;
}
