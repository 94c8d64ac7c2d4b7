#include "remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"

#define XXH_INLINE_ALL
#include <xxhash.h>
#include "agent/state/writer.h"

static uint64_t hash_kid(const struct remote *remote, struct text kid)
{
    uint64_t hash = kid.at != NULL ? XXH3_64bits_withSeed(kid.at, kid.bytes, remote->seed) : 1;

    return hash != 0 ? hash : 1;
}

static struct missing_kid *find_strange(struct remote *remote, uint64_t hash)
{
    for (unsigned i = 0; i < KEYS_STRANGE_MAX; i++) {
        if (remote->strange[i].hash == hash)
            return &remote->strange[i];
    }
    return NULL;
}

bool remote_is_missing_kid(struct remote *remote, struct text kid, double now)
{
    const struct missing_kid *strange = find_strange(remote, hash_kid(remote, kid));

    return strange != NULL && now < strange->next && strange->next - now <= remote->rules.refresh;
}

/* Called once for each fetch. Doubles the time each time, up to a refresh period, after which the set is fetched anyway. */
void remote_note_missing_kid(struct remote *remote, struct text kid, double now)
{
    uint64_t hash = hash_kid(remote, kid);
    struct missing_kid *strange = find_strange(remote, hash);

    if (strange == NULL) {
        strange = &remote->strange[remote->next_strange];
        remote->next_strange = (remote->next_strange + 1) % KEYS_STRANGE_MAX;
        *strange = (struct missing_kid){.hash = hash};
    } else if (strange->next > remote->schedule.tried) {
        return;
    }
    double wait = remote->rules.cooldown * (double)(1u << (strange->tries < 16 ? strange->tries : 16));

    strange->tries++;
    strange->next = now + (wait < remote->rules.refresh ? wait : remote->rules.refresh);
}

static void set_error(struct remote *remote, const char *why)
{
    bool same = remote->error != NULL && why != NULL && strcmp(remote->error, why) == 0;

    if (same)
        return;
    if (why != NULL)
        log_warning("keys cannot be fetched", LOG_TEXT("issuer", remote->issuer_name), LOG_TEXT("from", remote->source_name),
                    LOG_TEXT("why", why));
    else if (remote->error != NULL)
        log_info("keys can be fetched again", LOG_TEXT("issuer", remote->issuer_name));
    free(remote->error);
    remote->error = why != NULL ? strdup(why) : NULL;
}

/* A write of a set to the disk. */
struct keep_job {
    struct job job;
    struct config *config; /* the issuer's */
    const struct issuer_config *issuer;
    struct stored_set set;
};

static int run_keep(struct job *job, struct view *view)
{
    struct keep_job *keep = (struct keep_job *)job;

    return stored_write(view, keep->issuer, &keep->set);
}

static void keep_done(struct job *job, int status)
{
    struct keep_job *keep = (struct keep_job *)job;

    if (status < 0)
        log_error("the new keys are in use, but could not be written to the disk; after a restart the agent fetches them again",
                  LOG_TEXT("issuer", keep->issuer->rules.names.list[0].at));
    config_drop(keep->config);
    free(keep->set.text);
    free(keep);
}

/* Takes the text over; NULL: the stored text stays. */
static void keep_on_disk(struct remote *remote, char *text, size_t text_bytes)
{
    struct core *core = remote->core;
    struct keep_job *keep = calloc(1, sizeof *keep);

    if (keep == NULL) {
        free(text);
        return;
    }
    keep->job = (struct job){.run = run_keep, .done = keep_done, .tells = true};
    keep->config = config_hold(core->ring->config);
    keep->issuer = remote->issuer;
    keep->set = (struct stored_set){
        remote->known, remote->schedule.fetched, remote->schedule.tried, remote->schedule.failures, remote->schedule.failed, text,
        text_bytes};
    if (writer_submit(core->writer, &keep->job) < 0)
        keep_done(&keep->job, -1);
}

/* A withdrawn key is gone from this moment; the disk comes afterwards, and a crash before that leaves the old set, and its `tried`. */
static int put_in_force(struct remote *remote, struct key_fetch *fetch)
{
    struct core *core = remote->core;
    struct keyring *ring = keyring_with(core->ring, remote->index, fetch->keys, unix_now());

    if (ring == NULL)
        return -1;
    fetch->keys = NULL;
    log_info("keys replaced", LOG_TEXT("issuer", remote->issuer_name), LOG_NUMBER("keys", ring->entries[remote->index].keys->count),
             LOG_NUMBER("skipped", ring->entries[remote->index].keys->skipped));
    memset(remote->strange, 0, sizeof remote->strange);
    return core->use_keyring(core, ring);
}

/* A set that has become empty counts as a mistake, because every token would be refused; the message says how to revoke the keys on purpose. */
static void tell_failure(struct remote *remote, const struct key_fetch *fetch)
{
    char why[sizeof fetch->why + URL_BYTES_MAX + 128];

    snprintf(why, sizeof why, "%s; the current keys stay in use. To revoke the last key: assay revoke --kid KID --issuer %s", fetch->why,
             remote->issuer_name);
    set_error(remote, fetch->without_keys && remote->schedule.fetched > 0 ? why : fetch->why);
}

static void use_fetched(struct remote *remote, struct key_fetch *fetch)
{
    double now = unix_now();

    if (fetch->fetched == FETCHED_SET && put_in_force(remote, fetch) < 0) {
        fetch->fetched = FETCHED_NOTHING;
        strcpy(fetch->why, "out of memory");
    }
    if (fetch->fetched == FETCHED_NOTHING) {
        schedule_failed(&remote->schedule, &remote->rules, now, fetch->retry_after);
        tell_failure(remote, fetch);
        keep_on_disk(remote, NULL, 0);
        return;
    }
    schedule_succeeded(&remote->schedule, &remote->rules, now, https_answer_age(&fetch->request), fetch->max_age);
    set_error(remote, NULL);
    remote->known = fetch->known;
    keep_on_disk(remote, fetch->fetched == FETCHED_SET ? fetch->text : NULL, fetch->text_bytes);
    if (fetch->fetched == FETCHED_SET)
        fetch->text = NULL;
}

static void on_fetched(struct https_job *job)
{
    struct key_fetch *fetch = (struct key_fetch *)job;
    struct remote *remote = fetch->context;
    struct config *config = fetch->config;

    if (job->aborted)
        strcpy(fetch->why, "out of memory, or the agent is stopping");
    if (remote != NULL)
        remote->fetch = NULL;
    if (remote != NULL && remote->used && !remote->core->stopping)
        use_fetched(remote, fetch);
    key_fetch_clear(fetch);
    config_drop(config);
    free(fetch);
    if (remote != NULL)
        remote_fetched(remote);
}

void remote_forsake(struct remote *remote)
{
    if (remote->fetch != NULL)
        remote->fetch->context = NULL;
    remote->fetch = NULL;
}

void remote_fetch(struct remote *remote, bool anew)
{
    struct key_fetch *fetch = calloc(1, sizeof *fetch);
    double now = unix_now();

    schedule_began(&remote->schedule, now);
    if (fetch == NULL) {
        schedule_failed(&remote->schedule, &remote->rules, now, -1);
        return;
    }
    key_fetch_init(fetch, remote->issuer);
    fetch->config = config_hold(remote->core->ring->config);
    fetch->anew = anew || remote->schedule.failed;
    fetch->known = remote->known;
    fetch->context = remote;
    fetch->job.done = on_fetched;
    remote->fetch = fetch;
    https_submit(remote->core->https, &fetch->job);
}

void remote_free(struct remote *remote)
{
    free(remote->issuer_name);
    free(remote->source_name);
    free(remote->error);
    free(remote);
}
