#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "agent/door/door.h"
#include "agent/in_force.h"
#include "agent/keys/remotes.h"
#include "agent/observe/log.h"
#include "agent/observe/notify.h"
#include "agent/refresh.h"
#include "agent/revocation/feeds.h"

#define READINGS_MAX 16 /* of one reload, where a file changes during each */

struct reload {
    struct agent *agent;
    uv_work_t work;
    bool busy;
    bool wanted;                   /* another one comes after it */
    struct reload_waiter *waiters; /* of what is under way */
    struct reload_waiter *next;    /* of what comes after it */
    struct faults faults;
    struct keyring *ring; /* what was read, or NULL */
    struct keyring *held; /* that was in force when it began */
    unsigned refreshed;   /* how often a file's change had been put in force then */
    unsigned readings;
};

struct reload *reload_new(struct agent *agent)
{
    struct reload *reload = calloc(1, sizeof *reload);

    if (reload != NULL)
        reload->agent = agent;
    return reload;
}

void reload_free(struct reload *reload)
{
    free(reload);
}

bool reload_is_quiet(const struct reload *reload)
{
    return !reload->busy;
}

static const char *as_text(const char *text)
{
    return text != NULL ? text : "";
}

/* What a running agent cannot change, since it stands on it. */
static void check_fixed(const struct config *old, const struct config *new, struct faults *faults)
{
    struct place place = {new->path, 0, 0};

    if (strcmp(old->socket_path, new->socket_path) != 0 || old->socket_mode != new->socket_mode || old->socket_group != new->socket_group)
        fault_add(faults, place, "`socket` has changed, which needs a restart: systemctl restart assayd");
    if (strcmp(as_text(old->http.listen), as_text(new->http.listen)) != 0 || old->http.mode != new->http.mode ||
        old->http.group != new->http.group)
        fault_add(faults, place, "`http` has changed, which needs a restart: systemctl restart assayd");
    if (strcmp(old->state_path, new->state_path) != 0)
        fault_add(faults, place, "`state` has changed, which needs a restart: systemctl restart assayd");
    if (old->threads != new->threads)
        fault_add(faults, place, "`threads` has changed, which needs a restart: systemctl restart assayd");
}

static void on_work(uv_work_t *work)
{
    struct reload *reload = work->data;
    struct faults *faults = &reload->faults;
    struct config *config = config_load(reload->agent->config_path, faults);

    if (config == NULL)
        return;
    check_fixed(reload->held->config, config, faults);
    if (faults->count == 0)
        reload->ring = keyring_load(config, agent_now(), faults);
    if (reload->ring == NULL)
        config_drop(config);
}

static void use_all(struct reload *reload)
{
    struct agent *agent = reload->agent;

    free(agent->reload_error);
    agent->reload_error = NULL;
    door_look_for_socket(agent->door);
    if (reload->ring != NULL && (remotes_prepare(agent->remotes, reload->ring) < 0 || agent_use_keyring(agent, reload->ring) < 0)) {
        fault_add(&reload->faults, (struct place){agent->config_path, 0, 0}, "out of memory");
        keyring_drop(reload->ring);
        reload->ring = NULL;
    }
    if (reload->ring != NULL) {
        const struct config *config = reload->ring->config;

        log_setup(config->log_level, config->log_json);
        cache_resize(agent->cache, config->cache_bytes);
        refresh_use_config(agent->refresh);
        remotes_use(agent->remotes);
        if (feeds_use_config(agent->feeds) < 0)
            log_error("a revocation feed cannot be read, for there is no memory");
        log_info("configuration reloaded", LOG_TEXT("file", agent->config_path), LOG_NUMBER("issuers", agent->ring->count));
        if (agent->ready)
            notify_ready(agent->ring->count);
        agent_check_ready(agent); /* what it waited for may be gone */
    } else {
        agent->reload_error = strdup(reload->faults.count > 0 ? reload->faults.text[0] : "out of memory");
        for (unsigned i = 0; i < reload->faults.count; i++)
            log_error("configuration refused, the old one goes on", LOG_TEXT("fault", reload->faults.text[i]));
        if (agent->ready)
            notify_refused(as_text(agent->reload_error));
    }
    reload->ring = NULL;
}

static void start(struct reload *reload);
static void read_all(struct reload *reload);

static void tell(struct reload_waiter *waiters, const struct faults *faults)
{
    for (struct reload_waiter *waiter = waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        waiter->reloaded(waiter, faults);
    }
}

/* The agent ends: what was read is not used, and those who wait are told so. */
static void give_up(struct reload *reload)
{
    struct reload_waiter *waiters = reload->next;
    struct faults faults = {0};

    reload->next = NULL;
    reload->wanted = false;
    fault_add(&faults, (struct place){reload->agent->config_path, 0, 0}, "not read, the agent is stopping");
    tell(waiters, &faults);
    faults_clear(&faults);
}

/* Has a file changed after it was read here, and is what it says now in force already? A key that it has withdrawn must not come back. */
static bool is_overtaken(const struct reload *reload)
{
    return reload->ring != NULL && refresh_count(reload->agent->refresh) != reload->refreshed;
}

/* Drops what was read. True: everything is read again; false: that was tried often enough. */
static bool read_again(struct reload *reload)
{
    keyring_drop(reload->ring);
    reload->ring = NULL;
    if (reload->readings < READINGS_MAX) {
        keyring_drop(reload->held);
        read_all(reload);
        return true;
    }
    fault_add(&reload->faults, (struct place){reload->agent->config_path, 0, 0},
              "key files or the policy changed during each of %d readings; try again when they are at rest", READINGS_MAX);
    return false;
}

static void on_done(uv_work_t *work, int status)
{
    struct reload *reload = work->data;
    struct reload_waiter *waiters = reload->waiters;

    (void)status;
    if (!reload->agent->stopping && is_overtaken(reload) && read_again(reload))
        return;
    if (reload->agent->stopping)
        keyring_drop(reload->ring);
    else
        use_all(reload);
    reload->ring = NULL;
    reload->waiters = NULL;
    tell(waiters, &reload->faults);
    faults_clear(&reload->faults);
    keyring_drop(reload->held);
    reload->held = NULL;
    reload->busy = false;
    start(reload);
}

static void read_all(struct reload *reload)
{
    reload->held = keyring_hold(reload->agent->ring);
    reload->refreshed = refresh_count(reload->agent->refresh);
    reload->readings++;
    reload->work.data = reload;
    uv_queue_work(reload->agent->loop, &reload->work, on_work, on_done);
}

static void start(struct reload *reload)
{
    if (reload->busy || !reload->wanted)
        return;
    if (reload->agent->stopping) {
        give_up(reload);
        return;
    }
    reload->waiters = reload->next;
    reload->next = NULL;
    reload->wanted = false;
    reload->busy = true;
    reload->readings = 0;
    if (reload->agent->ready)
        notify_reloading();
    read_all(reload);
}

void reload_all(struct reload *reload, struct reload_waiter *waiter)
{
    if (waiter != NULL) {
        waiter->next = reload->next;
        reload->next = waiter;
    }
    reload->wanted = true;
    start(reload);
}
