#include "refresh.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/base/log.h"
#include "agent/config/config.h"
#include "agent/config/fault.h"
#include "agent/fastpath/shared_page.h"
#include "agent/files/watch.h"
#include "agent/policy/policy.h"
#include "keyring.h"

struct refresh;

/* One watched file; the last one is the policy. Each is read separately, so that one that hangs does not delay another. */
struct source {
    uv_work_t work; /* first */
    struct refresh *refresh;
    struct watched *watched; /* NULL: this issuer's keys are not in a file, or there is no policy; or the file is no longer needed */
    unsigned index;
    bool busy, again, late;
    uint64_t sum[2]; /* of a policy that was read while a process wrote to it */

    /* During a reading. */
    struct keyring *held;  /* in force when it began */
    struct file_facts seen; /* of the policy's file, when it was found at rest */
    bool moved;             /* it has changed since, so the content read may be incomplete */
    bool changed;
    struct keyring *ring;  /* the content of a key file, with only that entry; NULL: nothing new */
    struct policy *policy; /* likewise */
    struct faults faults;
};

struct refresh {
    struct core *core;
    struct source **sources;
    unsigned count;
    unsigned busy; /* sources that are being read, including those of former configurations */
    unsigned taken; /* how often a change was put in force */
    bool closed;
};

static void start(struct source *source);

struct refresh *refresh_new(struct core *core)
{
    struct refresh *refresh = calloc(1, sizeof *refresh);

    if (refresh != NULL)
        refresh->core = core;
    return refresh;
}

static void on_changed(void *context)
{
    start(context);
}

static void set_text(char **text, const char *new)
{
    free(*text);
    *text = new != NULL ? strdup(new) : NULL;
}

static bool is_policy(const struct source *source)
{
    return source->index + 1 == source->refresh->count;
}

static void set_error(struct source *source, const char *why)
{
    struct core *core = source->refresh->core;

    set_text(is_policy(source) ? &core->policy_error : &core->key_errors[source->index], why);
    if (why != NULL)
        log_error(is_policy(source) ? "policy not replaced, the old one stays in force" : "keys not replaced, the old ones stay in use",
                  LOG_TEXT("fault", why));
}

static const char *path_of(const struct source *source)
{
    const struct config *config = source->refresh->core->ring->config;

    return is_policy(source) ? config->policy_path : config->issuers[source->index].keys.file;
}

static void set_stuck(struct source *source, const char *why)
{
    char text[512];

    snprintf(text, sizeof text, "%.400s: %s", path_of(source), why);
    set_error(source, text);
}

/* A missing file does not withdraw its content: reading it reports the error. Except if the file system hangs, because then reading may take any
   time. */
static void on_lost(void *context, const char *why, bool hangs)
{
    if (hangs)
        set_stuck(context, why);
    else
        on_changed(context);
}

/* The file's current content is unknown. Tokens are not decided with its former keys (refresh_keys_are_late); a policy read before stays in force. */
static void on_late(void *context)
{
    struct source *source = context;
    struct core *core = source->refresh->core;

    source->late = true;
    set_stuck(source, "it has changed, and reading it takes too long");
    if (!is_policy(source))
        shared_page_bump_issuer(core->shared, &core->ring->entries[source->index].issuer);
}

/* A source that is being read is dropped when that has ended. */
static void drop_sources(struct refresh *refresh)
{
    for (unsigned i = 0; i < refresh->count; i++) {
        watched_drop(refresh->sources[i]->watched);
        refresh->sources[i]->watched = NULL;
        if (!refresh->sources[i]->busy)
            free(refresh->sources[i]);
    }
    free(refresh->sources);
    refresh->sources = NULL;
    refresh->count = 0;
}

static void add(struct source *source, const char *path, double settles)
{
    const struct watcher watcher = {.changed = on_changed, .lost = on_lost, .late = on_late, .settles = settles, .context = source};

    source->watched = path != NULL ? watch_file(source->refresh->core->watch, path, &watcher) : NULL;
    if (path != NULL && source->watched == NULL)
        log_error("a file is not watched: out of memory; after a change, run: assay reload", LOG_TEXT("file", path));
}

static bool make_sources(struct refresh *refresh, unsigned count)
{
    refresh->sources = calloc(count, sizeof *refresh->sources);
    for (; refresh->sources != NULL && refresh->count < count; refresh->count++) {
        struct source *source = calloc(1, sizeof *source);

        if (source == NULL)
            break;
        source->refresh = refresh;
        source->index = refresh->count;
        refresh->sources[refresh->count] = source;
    }
    return refresh->count == count;
}

void refresh_use_config(struct refresh *refresh)
{
    const struct config *config = refresh->core->ring->config;

    drop_sources(refresh);
    if (!make_sources(refresh, config->issuer_count + 1)) {
        drop_sources(refresh);
        log_error("no file is watched: out of memory; after a change, run: assay reload");
        return;
    }
    for (unsigned i = 0; i < config->issuer_count; i++)
        add(refresh->sources[i], config->issuers[i].keys.file, 0);
    add(refresh->sources[config->issuer_count], config->policy_path, POLICY_SETTLES_SECONDS);
}

static void on_work(uv_work_t *work)
{
    struct source *source = (struct source *)work;
    const struct keyring *held = source->held;

    if (source->index < held->count) {
        source->ring = keyring_reload_file(held, source->index, unix_now(), &source->changed, &source->faults);
        return;
    }
    source->policy = policy_load(held->config->policy_path, held->config, &source->faults);
    source->moved = facts_have_changed(&(struct file_look){held->config->policy_path, 0, source->seen});
    source->changed = source->policy == NULL || held->policy == NULL || !policy_is_same(source->policy, held->policy);
}

/* The keyring in force with what was read, which is used up. NULL: nothing new, or out of memory. */
static struct keyring *take_read(struct source *source)
{
    struct keyring *current = source->refresh->core->ring;
    struct keyring *read = source->ring;
    struct policy *policy = source->policy;

    source->ring = NULL;
    source->policy = NULL;
    if (read != NULL)
        return keyring_adopt(read, current);
    if (policy != NULL && source->changed && current->config == source->held->config)
        return keyring_with_policy(current, policy);
    policy_drop(policy);
    return NULL;
}

static void tell_taken(const struct keyring *ring, unsigned index)
{
    if (index == ring->count)
        log_info("policy replaced", LOG_TEXT("file", ring->policy->path), LOG_NUMBER("rules", ring->policy->rule_count));
    else
        log_info("keys replaced", LOG_TEXT("issuer", ring->entries[index].issuer.names.list[0].at),
                 LOG_NUMBER("keys", ring->entries[index].keys->count), LOG_NUMBER("skipped", ring->entries[index].keys->skipped));
}

/* Half a policy may be a valid one with fewer rules. If a process writes to it all the time, it takes effect when two readings, a second apart,
   find the same content. */
static bool may_be_half(struct source *source)
{
    bool restless = watched_is_restless(source->watched);

    if (source->policy == NULL || (restless ? memcmp(source->sum, source->policy->sum, sizeof source->sum) == 0 : !source->moved))
        return false;
    memcpy(source->sum, source->policy->sum, sizeof source->sum);
    policy_drop(source->policy);
    source->policy = NULL;
    watched_was_read(source->watched, FILE_NOT_READ);
    return true;
}

/* A broken file leaves its former content in force until it is repaired. */
static void use(struct source *source)
{
    struct core *core = source->refresh->core;

    if (may_be_half(source))
        return;
    bool failed = source->changed && source->ring == NULL && source->policy == NULL;
    struct keyring *ring = take_read(source);

    source->late = false;
    set_error(source, !failed ? NULL : source->faults.count > 0 ? source->faults.text[0] : "out of memory");
    if (ring != NULL) {
        tell_taken(ring, source->index);
        (void)core->use_keyring(core, ring);
        source->refresh->taken++;
    }
    watched_was_read(source->watched, failed ? FILE_BAD : FILE_READ);
}

static void on_done(uv_work_t *work, int status)
{
    struct source *source = (struct source *)work;
    struct refresh *refresh = source->refresh;
    bool wanted = source->watched != NULL && !refresh->core->stopping && refresh->core->ring->config == source->held->config;

    if (wanted && status != 0)
        watched_was_read(source->watched, FILE_NOT_READ);
    else if (wanted)
        use(source);
    else
        keyring_drop(take_read(source));
    faults_clear(&source->faults);
    keyring_drop(source->held);
    source->held = NULL;
    source->busy = false; /* only now: putting it in force may have reported the next change, which is read then */
    refresh->busy--;
    if (source->watched == NULL)
        free(source);
    else if (source->again)
        start(source);
}

static void start(struct source *source)
{
    struct refresh *refresh = source->refresh;

    source->again = source->busy;
    if (source->busy || refresh->closed || refresh->core->stopping)
        return;
    source->held = keyring_hold(refresh->core->ring);
    source->changed = source->moved = false;
    watched_seen(source->watched, &source->seen);
    source->busy = true;
    refresh->busy++;
    if (uv_queue_work(refresh->core->loop, &source->work, on_work, on_done) != 0)
        on_done(&source->work, UV_ENOMEM);
}

static const struct source *source_of(const struct refresh *refresh, unsigned index)
{
    return index < refresh->count && refresh->sources[index]->watched != NULL ? refresh->sources[index] : NULL;
}

double refresh_keys_confirmed(const struct refresh *refresh, unsigned issuer)
{
    const struct source *source = source_of(refresh, issuer);

    return source != NULL ? watched_confirmed(source->watched) : 0;
}

double refresh_policy_confirmed(const struct refresh *refresh)
{
    return refresh->count > 0 ? refresh_keys_confirmed(refresh, refresh->count - 1) : 0;
}

bool refresh_keys_are_late(const struct refresh *refresh, unsigned issuer)
{
    const struct source *source = refresh != NULL ? source_of(refresh, issuer) : NULL;

    return source != NULL && source->late;
}

unsigned refresh_count(const struct refresh *refresh)
{
    return refresh->taken;
}

bool refresh_is_quiet(const struct refresh *refresh)
{
    return refresh->busy == 0;
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
