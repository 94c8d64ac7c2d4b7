#include "reload.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/alarm.h"
#include "agent/base/log.h"
#include "agent/base/notify.h"
#include "agent/config/config.h"
#include "agent/config/reload_waiter.h"
#include "agent/feeds/feeds.h"
#include "agent/files/facts.h"
#include "agent/http/listener.h"
#include "agent/keys/keyring.h"
#include "agent/keys/refresh.h"
#include "agent/keys/remotes.h"
#include "agent/rpc/listener.h"
#include "agent/verdict/audit.h"
#include "agent/verdict/cache.h"
#include "client/wire/clock.h"
#include "in_force.h"

/* How long files that change all the time are tried; `assay reload` waits 5 s for its answer. */
#define PATIENCE_SECONDS 3
#define AGAIN_SECONDS    0.05
#define LATE_SECONDS     4 /* how long one reading may keep callers waiting */

struct reload {
    struct agent *agent;
    uv_work_t work;
    bool busy;
    bool wanted;                   /* another reading follows */
    struct reload_waiter *waiters; /* of the reading under way */
    struct reload_waiter *next;    /* of the next one */
    struct faults faults;
    struct keyring *ring; /* the result, or NULL */
    struct keyring *held; /* in force when it began */
    unsigned refreshed;   /* refresh_count() at that time */

    /* Of the current try: */
    int64_t begun; /* as monotonic_ns() counts */
    bool reading;  /* in the thread, until on_done */
    struct alarm *alarm; /* for the next try; during a reading, for its waiters */
    struct file_rest config_rest, policy_rest;
    bool unfit; /* what was read must not be used, and another try makes sense; the fault says why */
};

static void on_alarm(void *context);

struct reload *reload_new(struct agent *agent)
{
    struct reload *reload = calloc(1, sizeof *reload);

    if (reload == NULL)
        return NULL;
    reload->agent = agent;
    reload->alarm = alarm_new(agent->core.loop, on_alarm, reload);
    if (reload->alarm == NULL) {
        free(reload);
        return NULL;
    }
    return reload;
}

void reload_close(struct reload *reload)
{
    if (reload != NULL)
        alarm_close(reload->alarm);
}

void reload_free(struct reload *reload)
{
    free(reload);
}

bool reload_is_quiet(const struct reload *reload)
{
    return !reload->busy;
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* Settings that a running agent cannot change, because it depends on them. */
static void check_fixed(const struct config *old, const struct config *new, struct faults *faults)
{
    struct place place = {new->path, 0, 0};

    if (strcmp(old->socket_path, new->socket_path) != 0 || old->socket_mode != new->socket_mode || old->socket_group != new->socket_group)
        fault_add(faults, place, "`socket` has changed, which needs a restart: systemctl restart assayd");
    if (strcmp(or_empty(old->http.listen), or_empty(new->http.listen)) != 0 || old->http.mode != new->http.mode ||
        old->http.group != new->http.group)
        fault_add(faults, place, "`http` has changed, which needs a restart: systemctl restart assayd");
    if (strcmp(old->state_path, new->state_path) != 0)
        fault_add(faults, place, "`state` has changed, which needs a restart: systemctl restart assayd");
    if (strcmp(or_empty(old->audit.to), or_empty(new->audit.to)) != 0)
        fault_add(faults, new->audit.to != NULL ? new->audit.place : place, "`audit: to` has changed, which needs a restart: systemctl restart assayd");
    if (old->threads != new->threads)
        fault_add(faults, place, "`threads` has changed, which needs a restart: systemctl restart assayd");
}

/* `why`: the file cannot be used at present. Its faults are not reported, because half a file has many. */
static void refuse_moving(struct reload *reload, const char *path, const char *why)
{
    reload->unfit = true;
    faults_clear(&reload->faults);
    fault_add(&reload->faults, (struct place){path, 0, 0}, "not read: %s; try again after it has been left unchanged for %g s", why,
              POLICY_SETTLES_SECONDS);
}

/* Half a file may be a valid one that says less: fewer rules, or an issuer without its last conditions. */
static bool is_settled(struct reload *reload, struct file_rest *rest, const char *path)
{
    bool settled = facts_are_at_rest(rest, path, POLICY_SETTLES_SECONDS);

    if (!settled)
        refuse_moving(reload, path, "a process is still writing to it");
    return settled;
}

/* The facts of every key file, as it is now. NULL: out of memory. */
static struct file_look *look_at_keys(const struct config *config, unsigned *ret_count)
{
    struct file_look *looks = calloc(config->issuer_count + 1, sizeof *looks);

    *ret_count = 0;
    for (unsigned i = 0; looks != NULL && i < config->issuer_count; i++) {
        if (config->issuers[i].keys.file != NULL)
            looks[(*ret_count)++] = facts_note(config->issuers[i].keys.file);
    }
    return looks;
}

/* After the last file was read, the first one must be unchanged, so that a key withdrawn meanwhile does not come back. */
static void check_unchanged(struct reload *reload, const struct file_look *looks, unsigned count)
{
    for (unsigned i = 0; i < count && !reload->unfit; i++) {
        if (facts_have_changed(&looks[i]))
            refuse_moving(reload, looks[i].path, "it changed while the files were read");
    }
}

static void read_files(struct reload *reload, struct config *config)
{
    unsigned count;
    struct file_look *looks = look_at_keys(config, &count);

    if (looks == NULL) {
        fault_add(&reload->faults, (struct place){config->path, 0, 0}, "out of memory");
        return;
    }
    reload->ring = keyring_load(config, unix_now(), &reload->faults);
    check_unchanged(reload, looks, count);
    if (config->policy_path != NULL)
        check_unchanged(reload, &reload->policy_rest.look, 1);
    free(looks);
}

static void on_work(uv_work_t *work)
{
    struct reload *reload = work->data;
    struct faults *faults = &reload->faults;
    const char *path = reload->agent->config_path;

    if (!is_settled(reload, &reload->config_rest, path))
        return;
    struct config *config = config_load(path, faults);

    if (config != NULL)
        check_fixed(reload->held->config, config, faults);
    if (config != NULL && faults->count == 0 &&
        (config->policy_path == NULL || is_settled(reload, &reload->policy_rest, config->policy_path)))
        read_files(reload, config);
    check_unchanged(reload, &reload->config_rest.look, 1);
    if (reload->ring == NULL)
        config_drop(config);
}

static void use_all(struct reload *reload)
{
    struct agent *agent = reload->agent;

    free(agent->core.reload_error);
    agent->core.reload_error = NULL;
    door_look_for_socket(agent->door);
    http_look_for_socket(agent->http);
    if (reload->ring != NULL && (remotes_prepare(agent->core.remotes, reload->ring) < 0 || agent_use_keyring(&agent->core, reload->ring) < 0)) {
        fault_add(&reload->faults, (struct place){agent->config_path, 0, 0}, "out of memory");
        keyring_drop(reload->ring);
        reload->ring = NULL;
    }
    if (reload->ring != NULL) {
        const struct config *config = reload->ring->config;

        log_setup(config->log_level, config->log_json);
        cache_resize(agent->verdicts.cache, config->cache_bytes);
        refresh_use_config(agent->core.refresh);
        remotes_use(agent->core.remotes);
        if (feeds_use_config(agent->core.feeds) < 0)
            log_error("a revocation feed cannot be read: out of memory");
        log_info("configuration reloaded", LOG_TEXT("file", agent->config_path), LOG_NUMBER("issuers", agent->core.ring->count));
        if (agent->core.ready)
            notify_ready(agent->core.ring->count);
        agent->core.check_ready(&agent->core); /* what it waited for may have been removed */
    } else {
        agent->core.reload_error = strdup(reload->faults.count > 0 ? reload->faults.text[0] : "out of memory");
        for (unsigned i = 0; i < reload->faults.count; i++)
            log_error("configuration refused, the old one stays in force", LOG_TEXT("fault", reload->faults.text[i]));
        if (agent->core.ready)
            notify_refused(or_empty(agent->core.reload_error));
    }
    reload->ring = NULL;
}

static void start(struct reload *reload);

static void tell(struct reload_waiter *waiters, const struct faults *faults)
{
    for (struct reload_waiter *waiter = waiters, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        waiter->reloaded(waiter, faults);
    }
}

/* The agent stops: does not use what was read, and tells the waiters. */
static void give_up(struct reload *reload)
{
    keyring_drop(reload->ring);
    reload->ring = NULL;
    fault_add(&reload->faults, (struct place){reload->agent->config_path, 0, 0}, "not read: the agent is stopping");
}

/* Did a file change after it was read here, so that its new content is already in force? A key that it has withdrawn must not come back. */
static bool is_overtaken(const struct reload *reload)
{
    return reload->ring != NULL && refresh_count(reload->agent->core.refresh) != reload->refreshed;
}

/* Drops what was read. True: everything is read again, a while later; false: it was tried for long enough. */
static bool read_again(struct reload *reload)
{
    keyring_drop(reload->ring);
    reload->ring = NULL;
    if (reload->agent->core.stopping || monotonic_ns() - reload->begun > PATIENCE_SECONDS * NS_PER_S)
        return false;
    faults_clear(&reload->faults);
    keyring_drop(reload->held);
    reload->held = NULL;
    alarm_set(reload->alarm, AGAIN_SECONDS);
    return true;
}

static void finish(struct reload *reload)
{
    struct reload_waiter *waiters = reload->waiters;

    if (reload->agent->core.stopping)
        give_up(reload);
    else
        use_all(reload);
    reload->waiters = NULL;
    tell(waiters, &reload->faults);
    faults_clear(&reload->faults);
    keyring_drop(reload->held);
    reload->held = NULL;
    reload->busy = false;
    start(reload); /* for callers that have asked since it was read */
}

static void on_done(uv_work_t *work, int status)
{
    struct reload *reload = work->data;

    (void)status;
    reload->reading = false;
    if (!reload->unfit && is_overtaken(reload))
        refuse_moving(reload, reload->agent->config_path, "a key file or the policy changed while the files were read");
    if (!reload->unfit || !read_again(reload))
        finish(reload);
}

/* Callers that have asked by now get the result of this reading. */
static void join(struct reload *reload)
{
    struct reload_waiter **end = &reload->waiters;

    while (*end != NULL)
        end = &(*end)->next;
    *end = reload->next;
    reload->next = NULL;
    reload->wanted = false;
}

static void read_all(struct reload *reload)
{
    audit_reopen(&reload->agent->verdicts); /* whatever is wrong with the configuration */
    join(reload);
    if (reload->agent->core.stopping) {
        finish(reload);
        return;
    }
    reload->held = keyring_hold(reload->agent->core.ring);
    reload->refreshed = refresh_count(reload->agent->core.refresh);
    reload->unfit = false;
    reload->reading = true;
    alarm_set(reload->alarm, LATE_SECONDS);
    reload->work.data = reload;
    uv_queue_work(reload->agent->core.loop, &reload->work, on_work, on_done);
}

/* A file system does not answer, or is slow. Callers do not wait for it; its files take effect when they come. */
static void tell_late(struct reload *reload)
{
    struct reload_waiter *waiters;
    struct faults faults = {0};
    bool wanted = reload->wanted; /* changes that were made since it began are not in this reading */

    join(reload);
    reload->wanted = wanted;
    waiters = reload->waiters;
    reload->waiters = NULL;
    fault_add(&faults, (struct place){reload->agent->config_path, 0, 0},
              "not read yet: reading the files takes longer than %d s (does a file system hang?); the reload continues, and `assay status` says if "
              "it fails",
              LATE_SECONDS);
    tell(waiters, &faults);
    faults_clear(&faults);
    alarm_set(reload->alarm, LATE_SECONDS);
}

static void on_alarm(void *context)
{
    struct reload *reload = context;

    if (reload->reading)
        tell_late(reload);
    else if (reload->busy)
        read_all(reload);
}

static void start(struct reload *reload)
{
    if (reload->busy || !reload->wanted)
        return;
    reload->busy = true;
    reload->begun = monotonic_ns();
    reload->config_rest = reload->policy_rest = (struct file_rest){0};
    if (reload->agent->core.ready)
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
