#include "refresh.h"

#include <stdlib.h>
#include <string.h>

#include "agent/files/watch.h"
#include "agent/observe/log.h"

/* One file that is watched; the last one is the policy. */
struct source {
    struct refresh *refresh;
    struct watched *watched; /* NULL: this issuer's keys are no file, or there is no policy */
    bool wanted;             /* it has changed and is to be read */
};

/* What came of reading one. */
struct outcome_of_file {
    bool was_wanted, changed;
    struct keyring *ring;  /* of a key file, with that entry alone; NULL: nothing new */
    struct policy *policy; /* likewise */
    struct faults faults;
};

struct refresh {
    struct agent *agent;
    uv_work_t work;
    bool busy, closed;
    struct source *sources;
    unsigned count;

    /* What is under way. */
    struct keyring *held; /* that was in force when it began */
    struct outcome_of_file *outcomes;
    unsigned outcome_count;
};

static void start(struct refresh *refresh);

struct refresh *refresh_new(struct agent *agent)
{
    struct refresh *refresh = calloc(1, sizeof *refresh);

    if (refresh != NULL)
        refresh->agent = agent;
    return refresh;
}

static void on_changed(void *context)
{
    struct source *source = context;

    source->wanted = true;
    start(source->refresh);
}

static void set_text(char **text, const char *new)
{
    free(*text);
    *text = new != NULL ? strdup(new) : NULL;
}

static char **error_of(struct refresh *refresh, const struct source *source)
{
    unsigned index = (unsigned)(source - refresh->sources);

    return index + 1 < refresh->count ? &refresh->agent->key_errors[index] : &refresh->agent->policy_error;
}

static void set_error(struct refresh *refresh, const struct source *source, const char *why)
{
    bool is_policy = source == &refresh->sources[refresh->count - 1];

    set_text(error_of(refresh, source), why);
    log_error(is_policy ? "policy not replaced, the old one goes on" : "keys not replaced, the old ones go on", LOG_TEXT("fault", why));
}

/* A file that is gone is no reason to forget what it said: reading it says what is wrong. Unless nobody can tell how long that takes. */
static void on_lost(void *context, const char *why, bool hangs)
{
    struct source *source = context;
    struct refresh *refresh = source->refresh;
    const struct config *config = refresh->agent->ring->config;
    size_t index = (size_t)(source - refresh->sources);
    char text[512];

    if (!hangs) {
        on_changed(context);
        return;
    }
    snprintf(text, sizeof text, "%.400s: %s", index < config->issuer_count ? config->issuers[index].keys.file : config->policy_path, why);
    set_error(refresh, source, text);
}

static void drop_sources(struct refresh *refresh)
{
    for (unsigned i = 0; i < refresh->count; i++)
        watched_drop(refresh->sources[i].watched);
    free(refresh->sources);
    refresh->sources = NULL;
    refresh->count = 0;
}

static void add(struct refresh *refresh, struct source *source, const char *path, double settles)
{
    const struct watcher watcher = {.changed = on_changed, .lost = on_lost, .settles = settles, .context = source};

    source->refresh = refresh;
    source->watched = path != NULL ? watch_file(refresh->agent->watch, path, &watcher) : NULL;
    if (path != NULL && source->watched == NULL)
        log_error("a file is not watched, for there is no memory; after a change, run: assay reload", LOG_TEXT("file", path));
}

void refresh_use_config(struct refresh *refresh)
{
    const struct config *config = refresh->agent->ring->config;

    drop_sources(refresh);
    refresh->sources = calloc(config->issuer_count + 1, sizeof *refresh->sources);
    if (refresh->sources == NULL) {
        log_error("no file is watched, for there is no memory; after a change, run: assay reload");
        return;
    }
    refresh->count = config->issuer_count + 1;
    for (unsigned i = 0; i < config->issuer_count; i++)
        add(refresh, &refresh->sources[i], config->issuers[i].keys.file, 0);
    add(refresh, &refresh->sources[config->issuer_count], config->policy_path, POLICY_SETTLES_SECONDS);
}

static void read_one(struct refresh *refresh, unsigned index)
{
    struct outcome_of_file *outcome = &refresh->outcomes[index];
    const struct keyring *held = refresh->held;

    if (index < held->count) {
        outcome->ring = keyring_reload_file(held, index, agent_now(), &outcome->changed, &outcome->faults);
        return;
    }
    outcome->policy = policy_load(held->config->policy_path, held->config, &outcome->faults);
    outcome->changed = outcome->policy == NULL || held->policy == NULL || !policy_is_same(outcome->policy, held->policy);
}

static void on_work(uv_work_t *work)
{
    struct refresh *refresh = work->data;

    for (unsigned i = 0; i < refresh->outcome_count; i++) {
        if (refresh->outcomes[i].was_wanted)
            read_one(refresh, i);
    }
}

/* The keyring in force, but for what was read. NULL: there is nothing new, or no memory. */
static struct keyring *with_outcome(struct refresh *refresh, struct outcome_of_file *outcome)
{
    struct keyring *current = refresh->agent->ring, *ring = NULL;

    if (outcome->ring != NULL)
        ring = keyring_adopt(outcome->ring, current);
    else if (outcome->policy != NULL && outcome->changed && current->config == refresh->held->config)
        ring = keyring_with_policy(current, outcome->policy);
    else
        policy_drop(outcome->policy);
    return ring;
}

static void tell_taken(const struct keyring *ring, unsigned index)
{
    if (index == ring->count)
        log_info("policy replaced", LOG_TEXT("file", ring->policy->path), LOG_NUMBER("rules", ring->policy->rule_count));
    else
        log_info("keys replaced", LOG_TEXT("issuer", ring->entries[index].issuer.names.list[0].at),
                 LOG_NUMBER("keys", ring->entries[index].keys->count), LOG_NUMBER("skipped", ring->entries[index].keys->skipped));
}

/* A broken file leaves what it said before in force, until it is mended. */
static void use(struct refresh *refresh, unsigned index, bool current)
{
    struct outcome_of_file *outcome = &refresh->outcomes[index];
    struct keyring *ring = with_outcome(refresh, outcome);
    struct source *source = current ? &refresh->sources[index] : NULL;
    bool failed = outcome->changed && outcome->ring == NULL && outcome->policy == NULL;

    if (source != NULL && failed)
        set_error(refresh, source, outcome->faults.count > 0 ? outcome->faults.text[0] : "out of memory");
    else if (source != NULL)
        set_text(error_of(refresh, source), NULL);
    if (ring != NULL) {
        tell_taken(ring, index);
        (void)agent_use_keyring(refresh->agent, ring);
    }
    if (source != NULL)
        watched_was_read(source->watched, failed ? FILE_BAD : FILE_READ);
    faults_clear(&outcome->faults);
}

static void drop(struct refresh *refresh, struct outcome_of_file *outcome)
{
    if (outcome->ring != NULL)
        keyring_drop(keyring_adopt(outcome->ring, refresh->agent->ring));
    policy_drop(outcome->policy);
    faults_clear(&outcome->faults);
}

static void on_done(uv_work_t *work, int status)
{
    struct refresh *refresh = work->data;
    bool current = refresh->agent->ring->config == refresh->held->config && !refresh->closed && refresh->sources != NULL;

    (void)status;
    for (unsigned i = 0; i < refresh->outcome_count; i++) {
        if (!refresh->outcomes[i].was_wanted)
            continue;
        if (refresh->agent->stopping)
            drop(refresh, &refresh->outcomes[i]);
        else
            use(refresh, i, current);
    }
    free(refresh->outcomes);
    refresh->outcomes = NULL;
    keyring_drop(refresh->held);
    refresh->held = NULL;
    refresh->busy = false;
    start(refresh);
}

static bool take_wanted(struct refresh *refresh)
{
    bool any = false;

    for (unsigned i = 0; i < refresh->count; i++) {
        refresh->outcomes[i].was_wanted = refresh->sources[i].wanted;
        any |= refresh->sources[i].wanted;
        refresh->sources[i].wanted = false;
    }
    return any;
}

static void start(struct refresh *refresh)
{
    if (refresh->busy || refresh->closed || refresh->agent->stopping || refresh->count == 0)
        return;
    refresh->outcomes = calloc(refresh->count, sizeof *refresh->outcomes);
    refresh->outcome_count = refresh->count;
    if (refresh->outcomes == NULL || !take_wanted(refresh)) {
        free(refresh->outcomes);
        refresh->outcomes = NULL;
        return;
    }
    refresh->held = keyring_hold(refresh->agent->ring);
    refresh->busy = true;
    refresh->work.data = refresh;
    uv_queue_work(refresh->agent->loop, &refresh->work, on_work, on_done);
}

double refresh_keys_confirmed(const struct refresh *refresh, unsigned issuer)
{
    return issuer < refresh->count && refresh->sources[issuer].watched != NULL ? watched_confirmed(refresh->sources[issuer].watched) : 0;
}

double refresh_policy_confirmed(const struct refresh *refresh)
{
    return refresh->count > 0 ? refresh_keys_confirmed(refresh, refresh->count - 1) : 0;
}

bool refresh_is_quiet(const struct refresh *refresh)
{
    return !refresh->busy;
}

void refresh_close(struct refresh *refresh)
{
    if (refresh == NULL)
        return;
    refresh->closed = true;
    drop_sources(refresh);
}

void refresh_free(struct refresh *refresh)
{
    free(refresh);
}
