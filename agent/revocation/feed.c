/* One feed, on its way round: read by a thread of libuv's pool, written by the writer, then at rest until something changes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/observe/log.h"
#include "agent/observe/progress.h"
#include "feed_inside.h"

/* On the reading thread. */
struct reading {
    struct feed *feed;
    struct hasher *hasher;
    struct line_reader *reader;
    double now;
    unsigned told;
    bool shows; /* how far it has come */
};

#define LINES_PER_LOOK 4096 /* what a thread that reads looks up from its lines for */

bool feed_may_speak_for(const struct feed_config *config, const struct issuer *issuer, struct text name)
{
    if (config->issuers.count == 0 || texts_have(&config->issuers, name.at, name.bytes))
        return true;
    for (unsigned i = 0; issuer != NULL && i < issuer->names.count; i++) {
        if (texts_have(&config->issuers, issuer->names.list[i].at, issuer->names.list[i].bytes))
            return true;
    }
    return false;
}

const char *feed_read_line(struct line_reader *reader, const struct feed_config *config, const struct keyring *ring, double now,
                           const char *text, size_t bytes, struct line *ret)
{
    const char *why = line_read(reader, text, bytes, ret);

    if (why != NULL)
        return why;
    const struct issuer *issuer = keyring_issuer(ring, ret->record.issuer);

    if (!feed_may_speak_for(config, issuer, ret->record.issuer))
        return "this feed may not speak for that issuer (see `issuers` of the feed)";
    if (ret->undo && !config->undo)
        return "this feed may not take back anything (`undo: false`)";
    if (issuer != NULL && issuer->lifetime_max > 0)
        record_set_exp(&ret->record, now, issuer->lifetime_max + issuer->leeway);
    return NULL;
}

/* What clients are told when it is on the disk. */
static void note_thing(struct feed *feed, const struct record *record)
{
    const struct issuer *issuer = keyring_issuer(feed->ring, record->issuer);

    if (feed->thing_count > FEED_THINGS_MAX)
        return;
    if (feed->thing_count < FEED_THINGS_MAX)
        feed->things[feed->thing_count] = basis_thing(feed->all->agent->board, record->kind,
                                                      issuer != NULL ? issuer->names.list[0] : record->issuer, record->name);
    feed->thing_count++;
}

/* After each part: which things it was about is not known more exactly, and telling too much costs a call. Under another keyring the
   issuers may have other first names. */
static void tell_board(const struct feed *feed)
{
    struct agent *agent = feed->all->agent;

    if (feed->thing_count > FEED_THINGS_MAX || feed->ring != agent->ring)
        board_bump_all(agent->board);
    else
        for (unsigned i = 0; i < feed->thing_count; i++)
            board_bump(agent->board, feed->things[i]);
}

static int take(void *context, uint64_t number, const char *text, size_t bytes)
{
    struct reading *reading = context;
    struct feed *feed = reading->feed;
    struct line line;

    if (number % LINES_PER_LOOK == 0 && atomic_load(&feed->enough))
        return 0;
    if (reading->shows && number % (16 * LINES_PER_LOOK) == 0)
        progress_show(feed->source, feed->file.cursor.offset, feed->file.size, number);
    const char *why = feed_read_line(reading->reader, feed->use, feed->ring, reading->now, text, bytes, &line);

    if (why == NULL) {
        int status = batch_add(feed->batch, reading->hasher, &line, keyring_spellings(feed->ring, line.record.issuer));

        if (status == 1)
            note_thing(feed, &line.record);
        return status;
    }
    if (why == line_failed)
        return -1; /* not passed over: it comes again */
    feed->unreadable_now++;
    if (reading->told++ < UNREADABLE_LOGGED_MAX)
        log_error("a line of a revocation feed cannot be read; it has no effect, is kept, and tried again at the next start",
                  LOG_TEXT("feed", feed->source), LOG_NUMBER("line", number), LOG_TEXT("why", why));
    return batch_keep_unreadable(feed->batch, number, text, bytes) < 0 ? -1 : 1;
}

static void on_work(uv_work_t *work)
{
    struct feed *feed = work->data;
    struct reading reading = {feed, hasher_new(), line_reader_new(), agent_now(), 0, feed->shows};
    struct feed_taker taker = {take, &reading};

    feed->read_status = -2;
    feed->unreadable_now = 0;
    feed->thing_count = 0;
    if (reading.hasher != NULL && reading.reader != NULL)
        feed->read_status = feed_file_read(&feed->file, &taker);
    feed->read_errno = errno;
    line_reader_free(reading.reader);
    hasher_free(reading.hasher);
    batch_set_cursor(feed->batch, &feed->file.cursor, sizeof feed->file.cursor);
    batch_seal(feed->batch);
}

void feed_free(struct feed *feed)
{
    feed_file_close(&feed->file);
    free(feed->path);
    free(feed->source);
    free(feed);
}

void feeds_count(struct feeds *feeds)
{
    feeds->not_good = feeds->incomplete ? 1 : 0;
    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next)
        feeds->not_good += !feed->is_read || feed->error[0] != '\0';
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
static void rest(struct feed *feed)
{
    batch_free(feed->batch);
    feed->batch = NULL;
    keyring_drop(feed->ring);
    feed->ring = NULL;
    feed->busy = false;
    if (feed->dropped)
        feed_free(feed);
    else if (feed->again && !feed->all->stopped)
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
    feed_file_close(&feed->file);
    feed->file.cursor = (struct feed_cursor){0}; /* read from the store again: what was read is not in it */
    set_error(feed, why);
    if (!feed->all->stopped)
        alarm_set(feed->all->retry, FEED_RETRY_SECONDS);
    rest(feed);
}

/* All that was read is on the disk. */
static void written(struct feed *feed)
{
    feed->stored = feed->file.cursor;
    feed->records += batch_records(feed->batch);
    feed->unreadable += feed->unreadable_now;
    feed->lines = feed->file.cursor.lines;
    feed->offset = feed->file.cursor.offset;
    feed->size = feed->file.size;
    if (feed->file.replaced)
        log_info("a revocation feed's file was replaced or cut, and was read from its start; what it said before stands",
                 LOG_TEXT("feed", feed->source));
    feed->file.replaced = false;
    if (feed->read_status == 0) {
        feed->again = true; /* there is more */
    } else if (feed->read_status == 1) {
        feed->good = agent_now();
        feed->is_read = true;
        set_error(feed, NULL);
        agent_check_ready(feed->all->agent);
    } else {
        set_error(feed, feed->read_status == -1 ? strerror(feed->read_errno) : "out of memory");
        if (!feed->all->stopped)
            alarm_set(feed->all->retry, FEED_RETRY_SECONDS);
    }
    progress_show(feed->all->agent->ready ? NULL : feed->source, feed->offset, feed->size, feed->lines);
    rest(feed);
}

static void job_done(struct job *job, int status)
{
    struct feed *feed = (struct feed *)((char *)job - offsetof(struct feed, job));

    tell_board(feed);
    if (feed->all->stopped)
        rest(feed);
    else if (status < 0)
        fail(feed, "what it said could not be written; is the disk full?");
    else if (batch_advance(feed->batch))
        written(feed);
    else if (writer_submit(feed->all->agent->writer, &feed->job) < 0)
        fail(feed, "too many changes wait to be written");
}

static void on_read(uv_work_t *work, int status)
{
    struct feed *feed = work->data;

    if (status < 0 || feed->all->stopped)
        rest(feed);
    else if (batch_is_empty(feed->batch) && memcmp(&feed->file.cursor, &feed->stored, sizeof feed->stored) == 0)
        written(feed); /* something else has changed in that folder: no reason to write */
    else if (writer_submit(feed->all->agent->writer, &feed->job) < 0)
        fail(feed, "too many changes wait to be written");
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
    atomic_store(&feed->enough, false);
    for (unsigned i = 0; i < revocation->feed_count; i++) {
        if (strcmp(revocation->feeds[i].path, feed->path) == 0)
            feed->use = &revocation->feeds[i];
    }
    if (feed->file.fd < 0 && feed->file.cursor.offset == 0) {
        struct view *view = store_view(agent->store);

        if (view == NULL || batch_cursor(view, feed->source, &feed->stored, sizeof feed->stored) < 0) {
            fail(feed, "where it was read to cannot be read");
            return;
        }
        feed->file.cursor = feed->stored;
    }
    feed->batch = batch_new(feed->source, feed->ring->config->state_path);
    feed->work.data = feed;
    if (feed->batch == NULL || uv_queue_work(agent->loop, &feed->work, on_work, on_read) != 0)
        fail(feed, "out of memory");
}

struct feed *feed_new(struct feeds *feeds, const struct feed_config *config)
{
    struct feed *feed = calloc(1, sizeof *feed);

    if (feed == NULL)
        return NULL;
    feed->all = feeds;
    feed->file.fd = -1;
    feed->path = strdup(config->path);
    feed->source = strdup(config->source);
    feed->file.path = feed->path;
    feed->job.run = run_job;
    feed->job.done = job_done;
    feed->job.tells = true;
    if (feed->path != NULL && feed->source != NULL)
        return feed;
    feed_free(feed);
    return NULL;
}
