#include "remotes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/rand.h>

#include "agent/base/alarm.h"
#include "agent/base/log.h"
#include "agent/fastpath/shared_page.h"
#include "client/wire/clock.h"
#include "remote.h"

struct remotes *remotes_new(struct core *core, void (*again_about)(void *context, struct text token, struct waiter *waiter), void *context)
{
    struct remotes *remotes = calloc(1, sizeof *remotes);

    if (remotes == NULL)
        return NULL;
    remotes->core = core;
    remotes->again_about = again_about;
    remotes->context = context;
    return remotes;
}

void remotes_set_alarm(struct remotes *remotes)
{
    double now = unix_now(), first = INFINITY;

    for (const struct remote *remote = remotes->all; remote != NULL; remote = remote->next) {
        if (remote->used && remote->fetch == NULL)
            first = fmin(first, remote->schedule.due);
        if (remote->used && !remote->was_stale)
            first = fmin(first, remote->schedule.fetched + remote->rules.max_age);
        if (remote->parked != NULL)
            first = fmin(first, now + (double)(remote_patience_ends(remote) - monotonic_ns()) / (double)NS_PER_S);
    }
    remotes->alarm_due = fmin(first, now + FETCH_PERIOD_SECONDS_MAX);
    if (isfinite(first))
        alarm_set(remotes->alarm, fmax(remotes->alarm_due - now, 0.001));
}

/* At `max_key_age`, ends the results that rest on this issuer's keys, also those of clients with the page. */
static void look_at_age(struct remote *remote, double now)
{
    bool stale = schedule_is_stale(&remote->schedule, &remote->rules, now);

    if (stale && !remote->was_stale && remote->schedule.fetched > 0) {
        shared_page_bump_issuer(remote->core->shared, &remote->issuer->rules);
        log_error("keys are older than `max_key_age`, so tokens of this issuer are undecided", LOG_TEXT("issuer", remote->issuer_name));
    }
    remote->was_stale = stale;
}

/* The alarm uses a clock that cannot be set: what was due then is due now, whatever the wall clock says. */
static void on_alarm(void *context)
{
    struct remotes *remotes = context;
    double now = fmax(unix_now(), remotes->alarm_due);

    if (remotes->stopped)
        return;
    for (struct remote *remote = remotes->all; remote != NULL; remote = remote->next) {
        remotes_wake_late(remotes, remote);
        if (!remote->used)
            continue;
        if (remote->fetch == NULL && remote->schedule.due <= now)
            remote_fetch(remote, false);
        look_at_age(remote, now);
    }
    remotes_set_alarm(remotes);
}

static int start(struct remotes *remotes)
{
    if (remotes->alarm != NULL)
        return 0;
    remotes->alarm = alarm_new(remotes->core->loop, on_alarm, remotes);
    if (remotes->alarm == NULL)
        return -1;
    uv_idle_init(remotes->core->loop, &remotes->again);
    remotes->again.data = remotes;
    return 0;
}

static struct remote *find(const struct remotes *remotes, const struct issuer_config *issuer)
{
    struct remote *remote = remotes->all;

    while (remote != NULL && (strcmp(remote->issuer_name, issuer->rules.names.list[0].at) != 0 ||
                              strcmp(remote->source_name, issuer->keys.name) != 0))
        remote = remote->next;
    return remote;
}

static struct remote *add(struct remotes *remotes, const struct issuer_config *issuer)
{
    struct remote *remote = calloc(1, sizeof *remote);

    if (remote == NULL)
        return NULL;
    remote->core = remotes->core;
    remote->issuer_name = strdup(issuer->rules.names.list[0].at);
    remote->source_name = strdup(issuer->keys.name);
    if (remote->issuer_name == NULL || remote->source_name == NULL ||
        RAND_bytes((unsigned char *)&remote->schedule.random, sizeof remote->schedule.random) != 1 ||
        RAND_bytes((unsigned char *)&remote->seed, sizeof remote->seed) != 1) {
        remote_free(remote);
        return NULL;
    }
    remote->next = remotes->all;
    return remotes->all = remote;
}

/* Loads what an earlier run, or an earlier configuration, has stored. */
static int take_stored(struct remote *remote, const struct issuer_config *issuer, struct keyring *ring, unsigned index)
{
    struct view *view = store_view(remote->core->store);
    struct stored_set set;
    char why[KEYSET_WHY_BYTES];
    int found = view != NULL ? stored_read(view, issuer, &set) : -1;

    if (found != 1)
        return found;
    struct keyset *keys = set.text != NULL ? keyset_parse(set.text, set.text_bytes, NULL, why) : NULL;

    free(set.text);
    remote->schedule.tried = set.tried;
    remote->schedule.failures = set.failures;
    remote->schedule.failed = set.failed;
    if (keys == NULL)
        return 0; /* never fetched, or the definition of a key has changed */
    remote->schedule.fetched = set.fetched;
    remote->known = set.known;
    keyring_fill(ring, index, keys, set.fetched);
    return 0;
}

/* The same source as before: keeps its set. */
static void take_over(const struct remote *remote, struct keyring *ring, unsigned index)
{
    const struct keyring_entry *entry = &remote->core->ring->entries[remote->index];

    keyring_fill(ring, index, keyset_hold(entry->keys), entry->loaded);
}

int remotes_prepare(struct remotes *remotes, struct keyring *ring)
{
    for (unsigned i = 0; i < ring->count; i++) {
        const struct issuer_config *issuer = &ring->config->issuers[i];
        struct remote *remote = issuer->keys.file == NULL ? find(remotes, issuer) : NULL;

        if (issuer->keys.file != NULL)
            continue;
        if (remote != NULL && remote->used)
            take_over(remote, ring, i);
        else if ((remote == NULL && (remote = add(remotes, issuer)) == NULL) || take_stored(remote, issuer, ring, i) < 0)
            return -1;
        ring->entries[i].remote = remote;
    }
    return 0;
}

/* `returns`: a running agent's configuration has the source again, or for the first time. Nothing was requested from it lately, and no fleet
   starts at once, so there is no reason to wait. */
static void use_rules(struct remote *remote, const struct issuer_config *issuer, unsigned index, bool returns, double now)
{
    struct schedule_rules rules = {issuer->keys.refresh, issuer->keys.cooldown, issuer->keys.max_age};
    bool others = !remote->used || memcmp(&rules, &remote->rules, sizeof rules) != 0;

    remote->used = true;
    remote->issuer = issuer;
    remote->index = index;
    remote->rules = rules;
    if (returns)
        remote_forsake(remote);
    if (others && remote->fetch == NULL)
        schedule_start(&remote->schedule, &rules, now);
    if (returns)
        remote->schedule.due = now;
}

/* Drops sources that the configuration no longer has. One that is being fetched is dropped when that comes back. */
static void drop_unused(struct remotes *remotes)
{
    for (struct remote **link = &remotes->all; *link != NULL;) {
        struct remote *remote = *link;

        if (remote->used || remote->fetch != NULL) {
            link = &remote->next;
            continue;
        }
        remotes_wake(remotes, remote);
        *link = remote->next;
        remote_free(remote);
    }
}

void remotes_use(struct remotes *remotes)
{
    struct keyring *ring = remotes->core->ring;
    double now = unix_now();
    bool at_start = !remotes->used;

    remotes->used = true;
    if (remotes->all == NULL)
        return;
    if (start(remotes) < 0) {
        log_error("keys cannot be fetched: out of memory or descriptors");
        return;
    }
    for (struct remote *remote = remotes->all; remote != NULL; remote = remote->next) {
        bool kept = false;

        for (unsigned i = 0; i < ring->count; i++) {
            if (ring->entries[i].remote != remote)
                continue;
            use_rules(remote, &ring->config->issuers[i], i, !at_start && !remote->used, now);
            remote->was_stale = schedule_is_stale(&remote->schedule, &remote->rules, now);
            kept = true;
        }
        remote->used = kept;
        if (!kept)
            remotes_wake(remotes, remote); /* the issuer's new source may have the keys of the waiting tokens */
    }
    drop_unused(remotes);
    remotes->alarm_due = now;
    on_alarm(remotes);
}

void remote_fetched(struct remote *remote)
{
    struct remotes *remotes = remote->core->remotes;

    remotes_wake(remotes, remote);
    if (remotes->stopped)
        return;
    if (remote->used)
        look_at_age(remote, unix_now());
    else
        drop_unused(remotes);
    remotes_set_alarm(remotes);
    remotes->core->check_ready(remotes->core);
}

void remotes_stop(struct remotes *remotes)
{
    if (remotes == NULL || remotes->alarm == NULL)
        return;
    remotes->stopped = true;
    for (struct remote *remote = remotes->all; remote != NULL; remote = remote->next)
        remotes_wake(remotes, remote);
    remotes_ask_again(&remotes->again);
    alarm_close(remotes->alarm);
    uv_close((uv_handle_t *)&remotes->again, NULL);
}

void remotes_free(struct remotes *remotes)
{
    if (remotes == NULL)
        return;
    while (remotes->all != NULL) {
        struct remote *remote = remotes->all;

        remotes->all = remote->next;
        remote_free(remote);
    }
    free(remotes);
}
