/* One feed, on its way round, whatever kind it is of: read, written by the writer, then at rest until there is something new. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/observe/log.h"
#include "agent/observe/progress.h"
#include "feed_inside.h"

void feed_free(struct feed *feed)
{
    feed->kind->close(feed);
    free(feed->source);
    free(feed);
}

void feeds_count(struct feeds *feeds)
{
    feeds->not_good = feeds->incomplete ? 1 : 0;
    feeds->bounded = false;
    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        feeds->not_good += !feed->is_read || feed->error[0] != '\0';
        feeds->bounded |= feed_is_remote(feed->config) && feeds->agent->ring->config->revocation.max_age > 0;
    }
}

/* After each part: which things it was about is not known more exactly, and telling too much costs a call. Under another keyring
   the issuers may have other first names. */
static void tell_board(const struct feed *feed)
{
    struct agent *agent = feed->all->agent;

    if (feed->thing_count > FEED_THINGS_MAX || feed->ring != agent->ring)
        board_bump_all(agent->board);
    else
        for (unsigned i = 0; i < feed->thing_count; i++)
            board_bump(agent->board, feed->things[i]);
}

/* What is accepted while a feed can be read rests on that: it has no end that could be told in advance. */
static void set_error(struct feed *feed, const char *error)
{
    if ((error != NULL) != (feed->error[0] != '\0'))
        board_bump_keys(feed->all->agent->board);
    if (error != NULL && strncmp(feed->error, error, sizeof feed->error - 1) != 0)
        log_error("a revocation feed cannot be read; what it said before stands", LOG_TEXT("feed", feed->source),
                  LOG_TEXT("error", error));
    if (error == NULL && feed->error[0] != '\0')
        log_info("a revocation feed can be read again", LOG_TEXT("feed", feed->source));
    snprintf(feed->error, sizeof feed->error, "%s", error != NULL ? error : "");
    feeds_count(feed->all);
}

/* Nothing of it is under way any more. */
static void rest(struct feed *feed, bool lost)
{
    batch_free(feed->batch);
    feed->batch = NULL;
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
    progress_show(feed->all->agent->ready ? NULL : feed->source, feed->offset, feed->size, feed->lines);
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

static void fail(struct feed *feed, const char *why)
{
    memcpy(feed->cursor, feed->stored, feed->cursor_bytes); /* what was read is not in the store */
    set_error(feed, why);
    rest(feed, true);
}

void feed_is_alive(struct feed *feed)
{
    bool first = !feed->is_read;

    feed->good = agent_now();
    feed->is_read = true;
    if (first || feed->error[0] != '\0')
        set_error(feed, NULL);
    if (first)
        agent_check_ready(feed->all->agent);
}

void feed_cannot_be_read(struct feed *feed, const char *why)
{
    set_error(feed, why);
}

void feed_is_incomplete(struct feed *feed, const char *why)
{
    feed->good = 0;
    feed->is_read = false;
    feed->gaps++;
    set_error(feed, why);
}

/* All that was read is on the disk. */
static void written(struct feed *feed)
{
    memcpy(feed->stored, feed->cursor, feed->cursor_bytes);
    feed->records += batch_records(feed->batch);
    feed->unreadable += feed->unreadable_now;
    if (feed->status == READ_ALL)
        feed_is_alive(feed);
    else if (feed->status == READ_FAILED)
        set_error(feed, feed->why);
    feed->again |= feed->status == READ_SOME;
    rest(feed, feed->status == READ_FAILED);
}

static void job_done(struct job *job, int status)
{
    struct feed *feed = (struct feed *)((char *)job - offsetof(struct feed, job));

    tell_board(feed);
    if (feed->all->stopped)
        rest(feed, true);
    else if (status < 0)
        fail(feed, "what it said could not be written; is the disk full?");
    else if (batch_advance(feed->batch))
        written(feed);
    else if (writer_submit(feed->all->agent->writer, &feed->job) < 0)
        fail(feed, "too many changes wait to be written");
}

void feed_was_read(struct feed *feed)
{
    batch_set_cursor(feed->batch, feed->cursor, feed->cursor_bytes);
    batch_seal(feed->batch);
    if (feed->all->stopped)
        rest(feed, true);
    else if (batch_is_empty(feed->batch) && memcmp(feed->cursor, feed->stored, feed->cursor_bytes) == 0)
        written(feed); /* nothing has come: no reason to write */
    else if (writer_submit(feed->all->agent->writer, &feed->job) < 0)
        fail(feed, "too many changes wait to be written");
}

/* What an earlier run has left. */
static int load_cursor(struct feed *feed)
{
    struct view *view = feed->has_stored ? NULL : store_view(feed->all->agent->store);

    if (feed->has_stored)
        return 0;
    if (view == NULL || batch_cursor(view, feed->source, feed->stored, feed->cursor_bytes) < 0)
        return -1;
    memcpy(feed->cursor, feed->stored, feed->cursor_bytes);
    feed->has_stored = true;
    return 0;
}

void feed_begin(struct feed *feed)
{
    if (load_cursor(feed) < 0) {
        set_error(feed, "where it was read to cannot be read");
        alarm_set(feed->all->retry, FEED_RETRY_SECONDS);
    } else if (feed->kind->begin != NULL) {
        feed->kind->begin(feed);
    }
}

void feed_start(struct feed *feed)
{
    struct agent *agent = feed->all->agent;
    const struct revocation_config *revocation = &agent->ring->config->revocation;

    if (feed->busy) {
        feed->again = true;
        return;
    }
    feed->again = false;
    feed->ring = keyring_hold(agent->ring);
    feed->busy = true;
    feed->shows = !agent->ready;
    feed->status = READ_FAILED;
    feed->unreadable_now = 0;
    feed->thing_count = 0;
    strcpy(feed->why, "out of memory");
    atomic_store(&feed->enough, false);
    for (unsigned i = 0; i < revocation->feed_count; i++) {
        if (strcmp(revocation->feeds[i].source, feed->source) == 0)
            feed->use = &revocation->feeds[i];
    }
    feed->batch = batch_new(feed->source, feed->ring->config->state_path);
    if (feed->batch == NULL)
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
    if (feed->source != NULL && kind->open(feed) == 0)
        return feed;
    feed_free(feed);
    return NULL;
}
