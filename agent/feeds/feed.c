/* One feed and its cycle, for every kind: read, written by the writer, then idle until there is something new. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"
#include "agent/base/progress.h"
#include "agent/fastpath/shared_page.h"
#include "agent/state/writer.h"
#include "client/wire/clock.h"
#include "feed_inside.h"

void feed_free(struct feed *feed)
{
    feed->kind->close(feed);
    batch_free(feed->batch);
    free(feed->folder);
    free(feed->source);
    free(feed);
}

void feeds_count(struct feeds *feeds)
{
    feeds->not_good = feeds->incomplete ? 1 : 0;
    feeds->bounded = false;
    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        feeds->not_good += !feed->is_read || feed->error[0] != '\0' || feed->is_incomplete || feed->is_late;
        feeds->bounded |= feed_is_remote(feed->config) && feeds->core->ring->config->revocation.max_age > 0;
    }
}

/* After each part: ends the cached results of the things that the part may be about. It is not known more exactly, and naming too many costs only
   a call. Under another configuration the issuers may have other first names. */
static void tell_board(const struct feed *feed)
{
    struct core *core = feed->all->core;

    if (feed->thing_count > FEED_THINGS_MAX || feed->ring->config != core->ring->config)
        shared_page_bump_all(core->shared);
    else
        for (unsigned i = 0; i < feed->thing_count; i++)
            shared_page_bump(core->shared, feed->things[i]);
}

void feed_bump(struct feed *feed)
{
    const struct keyring *ring = feed->all->core->ring;

    for (unsigned i = 0; i < ring->count; i++)
        if (feed_may_speak_for(feed->config, ring->issuers[i], ring->issuers[i]->names.list[0]))
            shared_page_bump_issuer(feed->all->core->shared, ring->issuers[i]);
}

/* Tokens accepted while a feed can be read rest on that, and the end of that time cannot be given in advance. */
static void set_error(struct feed *feed, const char *error)
{
    if ((error != NULL) != (feed->error[0] != '\0'))
        feed_bump(feed);
    if (error != NULL && strncmp(feed->error, error, sizeof feed->error - 1) != 0)
        log_error("a revocation feed cannot be read; its earlier records stay in force", LOG_TEXT("feed", feed->source),
                  LOG_TEXT("error", error));
    if (error == NULL && feed->error[0] != '\0')
        log_info("a revocation feed can be read again", LOG_TEXT("feed", feed->source));
    snprintf(feed->error, sizeof feed->error, "%s", error != NULL ? error : "");
    feeds_count(feed->all);
}

/* Nothing of the feed is under way any more. */
static void rest(struct feed *feed, bool lost)
{
    bool ends = lost || feed->status == READ_ALL || feed->status == READ_UNSURE || feed->all->stopped || feed->dropped;

    if (ends) {
        batch_free(feed->batch);
        feed->batch = NULL;
    }
    keyring_drop(feed->ring);
    feed->ring = NULL;
    feed->busy = false;
    if (feed->all->stopped || feed->dropped) {
        if (feed->kind->end != NULL)
            feed->kind->end(feed);
        if (feed->dropped)
            feed_free(feed);
        return;
    }
    feed->kind->rest(feed, lost);
    progress_show(feed->all->core->ready ? NULL : feed->source, feed->offset, feed->size, feed->lines);
    if (feed->again)
        feed_start(feed);
}

static int run_job(struct job *job, struct view *view)
{
    struct feed *feed = (struct feed *)((char *)job - offsetof(struct feed, job));
    struct hasher *hasher = hasher_new();
    int status = hasher != NULL ? batch_write(feed->batch, hasher, view, feed->ring) : -1;

    hasher_free(hasher);
    return status;
}

static void go_back(struct feed *feed)
{
    memcpy(feed->cursor, feed->stored, feed->cursor_bytes);
    feed->mark.passed_over = feed->stored_mark.passed_over;
    feed->mark.incomplete = feed->is_incomplete;
}

static void fail(struct feed *feed, const char *why)
{
    go_back(feed); /* what was read is not in the store */
    feed->status = READ_FAILED;
    set_error(feed, why);
    rest(feed, true);
}

void feed_is_alive(struct feed *feed)
{
    bool first = !feed->is_read || feed->is_incomplete || feed->is_late;

    feed->good = unix_now();
    feed->good_ns = monotonic_ns();
    feed->is_read = true;
    feed->is_incomplete = feed->is_late = false;
    feed->mark.incomplete = 0;
    if (first || feed->error[0] != '\0')
        set_error(feed, NULL);
    if (first)
        feed->all->core->check_ready(feed->all->core);
}

void feed_cannot_be_read(struct feed *feed, const char *why)
{
    set_error(feed, why);
}

/* Whatever its state was: results accepted since the last check no longer hold. */
void feed_is_incomplete(struct feed *feed, const char *why)
{
    feed->good = 0;
    feed->good_ns = 0;
    feed->is_read = false;
    feed->is_incomplete = true;
    feed->mark.incomplete = 1;
    feed->gaps++;
    feed_bump(feed);
    set_error(feed, why);
}

void feed_is_late(struct feed *feed)
{
    feed->is_late = true;
    feed_bump(feed);
    if (feed->error[0] == '\0')
        set_error(feed, "it has changed, and reading it takes too long");
    feeds_count(feed->all);
}

/* All that was read is on the disk. */
static void written(struct feed *feed)
{
    bool to_its_end = feed->status == READ_ALL || feed->status == READ_UNSETTLED;

    if (batch_moved_cursor(feed->batch)) {
        memcpy(feed->stored, feed->cursor, feed->cursor_bytes);
        feed->stored_mark = feed->mark;
    }
    feed->records += batch_records(feed->batch);
    feed->unreadable += feed->unreadable_now;
    feed->excluded += feed->excluded_now;
    if (to_its_end)
        feed_is_alive(feed);
    else if (feed->status == READ_FAILED)
        set_error(feed, feed->why);
    feed->again |= feed->status == READ_SOME;
    rest(feed, feed->status == READ_FAILED);
}

/* Known revocations are not in force: tokens must not be decided without them. */
static void fail_to_write(struct feed *feed)
{
    if (!batch_is_empty(feed->batch)) {
        feed->is_late = true;
        feed_bump(feed);
    }
    fail(feed, "its records could not be written; is the disk full?");
}

static void job_done(struct job *job, int status)
{
    struct feed *feed = (struct feed *)((char *)job - offsetof(struct feed, job));

    tell_board(feed);
    if (feed->all->stopped)
        rest(feed, true);
    else if (status < 0)
        fail_to_write(feed);
    else if (feed->dropped)
        rest(feed, true);
    else if (batch_advance(feed->batch))
        written(feed);
    else if (writer_submit(feed->all->core->writer, &feed->job) < 0)
        fail(feed, "too many changes wait for the disk");
}

/* The stored value: the mark, followed by the cursor. */
static size_t make_value(const struct feed *feed, uint8_t value[CURSOR_BYTES_MAX])
{
    memcpy(value, &feed->mark, sizeof feed->mark);
    memcpy(value + sizeof feed->mark, feed->cursor, feed->cursor_bytes);
    return sizeof feed->mark + feed->cursor_bytes;
}

static bool is_stored(const struct feed *feed)
{
    return memcmp(feed->cursor, feed->stored, feed->cursor_bytes) == 0 && memcmp(&feed->mark, &feed->stored_mark, sizeof feed->mark) == 0;
}

void feed_was_read(struct feed *feed)
{
    uint8_t value[CURSOR_BYTES_MAX];
    bool ends = feed->status == READ_ALL || feed->status == READ_UNSURE;

    if (feed->status == READ_FAILED && !feed->restarts)
        go_back(feed);
    else if (feed->unreadable_now + feed->excluded_now > 0)
        feed->mark.passed_over = 1;
    if (feed->status == READ_ALL || feed->status == READ_UNSETTLED)
        feed->mark.incomplete = 0;
    batch_set_cursor(feed->batch, value, make_value(feed, value));
    batch_seal(feed->batch, ends ? BATCH_ENDS : feed->status == READ_FAILED ? BATCH_BREAKS_OFF : BATCH_GOES_ON);
    if (feed->all->stopped || feed->dropped)
        rest(feed, true);
    else if (batch_is_empty(feed->batch) && is_stored(feed))
        written(feed); /* nothing new has come, so there is nothing to write */
    else if (writer_submit(feed->all->core->writer, &feed->job) < 0)
        fail(feed, "too many changes wait for the disk");
}

static int is_its_slot(void *source, const struct slot *slot)
{
    return strcmp(slot->source, source) == 0;
}

/* Loads what an earlier run has stored. Lines that had no effect then may have one now. */
static int load_cursor(struct feed *feed)
{
    struct view *view = store_view(feed->all->core->store);
    uint8_t value[CURSOR_BYTES_MAX];
    struct feed_mark now;
    int found = view != NULL ? batch_cursor(view, feed->source, value, sizeof feed->mark + feed->cursor_bytes) : -1;

    if (found < 0)
        return -1;
    feed_mark_rights(feed->config, feed->all->core->ring->config, &now);
    feed->mark = now;
    if (found == 1 && memcmp(value, &now.version, sizeof now.version) == 0) {
        memcpy(&feed->stored_mark, value, sizeof feed->stored_mark);
        memcpy(feed->stored, value + sizeof feed->stored_mark, feed->cursor_bytes);
        memcpy(feed->cursor, feed->stored, feed->cursor_bytes);
        feed->mark.passed_over = feed->stored_mark.passed_over;
        feed->mark.incomplete = feed->stored_mark.incomplete;
        feed->is_incomplete = feed->mark.incomplete != 0;
    }
    feed->is_new = found == 0 && slot_each(view, is_its_slot, feed->source) == 0;
    feed->has_stored = true;
    if (feed->mark.passed_over > 0 && !feed_marks_agree(&feed->stored_mark, &now)) {
        log_info("a revocation feed has more rights than before; the agent reads it again from its start", LOG_TEXT("feed", feed->source));
        feed->kind->reset(feed, memcmp(feed->stored_mark.issuers, now.issuers, sizeof now.issuers) == 0);
        feed->mark.passed_over = 0;
    }
    return 0;
}

void feed_begin(struct feed *feed)
{
    if (load_cursor(feed) < 0) {
        set_error(feed, "the position in it cannot be read from the store");
        alarm_set(feed->all->retry, FEED_RETRY_SECONDS);
    } else {
        feed->kind->begin(feed);
        if (feed->good > unix_now())
            feed->good = 0; /* by a clock that was ahead: the age of its records is unknown */
    }
}

/* Creates a batch, or prepares the one of a reading that continues. */
static int make_batch(struct feed *feed)
{
    if (feed->batch != NULL)
        return batch_go_on(feed->batch);
    feed->batch = batch_new(feed->source, feed->folder);
    return feed->batch != NULL ? 0 : -1;
}

void feed_start(struct feed *feed)
{
    struct core *core = feed->all->core;
    const struct revocation_config *revocation = &core->ring->config->revocation;

    if (feed->busy) {
        feed->again = true;
        return;
    }
    feed->again = false;
    feed->ring = keyring_hold(core->ring);
    feed->busy = true;
    feed->shows = !core->ready;
    feed->status = READ_FAILED;
    feed->unreadable_now = feed->excluded_now = 0;
    feed->restarts = false;
    feed->thing_count = 0;
    strcpy(feed->why, "out of memory");
    atomic_store(&feed->enough, false);
    for (unsigned i = 0; i < revocation->feed_count; i++) {
        if (strcmp(revocation->feeds[i].source, feed->source) == 0)
            feed->use = &revocation->feeds[i];
    }
    if (make_batch(feed) < 0)
        fail(feed, "out of memory");
    else
        feed->kind->read(feed);
}

static const struct feed_kind *kind_of(const struct feed_config *config)
{
#ifdef ASSAY_REDIS
    if (config->redis != NULL)
        return &feed_kind_redis;
#endif
    return config->path != NULL ? &feed_kind_file : &feed_kind_https;
}

struct feed *feed_new(struct feeds *feeds, const struct feed_config *config)
{
    const struct feed_kind *kind = kind_of(config);
    struct feed *feed = calloc(1, kind->bytes);

    if (feed == NULL)
        return NULL;
    feed->kind = kind;
    feed->all = feeds;
    feed->config = config;
    feed->job.run = run_job;
    feed->job.done = job_done;
    feed->job.tells = true;
    feed->source = strdup(config->source);
    feed->folder = strdup(feeds->core->ring->config->state_path);
    if (feed->source != NULL && feed->folder != NULL && kind->open(feed) == 0)
        return feed;
    feed_free(feed);
    return NULL;
}
