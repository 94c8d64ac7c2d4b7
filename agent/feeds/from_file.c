/* A feed that is a file (file_reader.h): a thread of libuv's pool reads it whenever it has changed (files/watch.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"
#include "agent/files/watch.h"
#include "feed_inside.h"
#include "file_reader.h"

struct file_feed {
    struct feed feed; /* first */
    uv_work_t work;
    struct feed_file file;
    struct watched *watched;
    char *path;
};

static void on_changed(void *context)
{
    feed_start(context);
}

/* Lines that were appended before it was moved away are still to be read; except if the file system hangs, because then reading may take any time. */
static void on_lost(void *context, const char *why, bool hangs)
{
    if (hangs)
        feed_cannot_be_read(context, why);
    else
        feed_start(context);
}

static void on_late(void *context)
{
    feed_is_late(context);
}

static int open_file(struct feed *feed)
{
    struct file_feed *its = (struct file_feed *)feed;

    its->file.fd = -1;
    its->path = strdup(feed->config->path);
    its->file.path = its->path;
    feed->cursor = &its->file.cursor;
    feed->cursor_bytes = sizeof its->file.cursor;
    return its->path != NULL ? 0 : -1;
}

static void end_file(struct feed *feed)
{
    struct file_feed *its = (struct file_feed *)feed;

    watched_drop(its->watched);
    its->watched = NULL;
}

static void close_file(struct feed *feed)
{
    struct file_feed *its = (struct file_feed *)feed;

    end_file(feed);
    feed_file_close(&its->file);
    free(its->path);
}

/* Tried again with each reading, and for that the file is read now and then. */
static void watch_it(struct feed *feed)
{
    struct file_feed *its = (struct file_feed *)feed;
    const struct watcher watcher = {.changed = on_changed, .lost = on_lost, .late = on_late, .context = feed};

    if (its->watched == NULL)
        its->watched = watch_file(feed->all->core->watch, its->path, &watcher);
    if (its->watched != NULL)
        return;
    feed_cannot_be_read(feed, "it cannot be watched: out of memory");
    alarm_set(feed->all->retry, FEED_RETRY_SECONDS);
}

static void begin_file(struct feed *feed)
{
    ((struct file_feed *)feed)->file.is_new = feed->is_new;
    watch_it(feed);
}

static void reset_file(struct feed *feed, bool keeps_age)
{
    struct file_feed *its = (struct file_feed *)feed;

    (void)keeps_age;
    memset(&its->file.cursor, 0, sizeof its->file.cursor);
    feed_file_reset(&its->file);
}

static void confirm_file(struct feed *feed)
{
    const struct file_feed *its = (const struct file_feed *)feed;

    if (its->watched == NULL || !feed->is_read || watched_confirmed_ns(its->watched) <= feed->good_ns)
        return;
    feed->good = watched_confirmed(its->watched);
    feed->good_ns = watched_confirmed_ns(its->watched);
}

/* Shows the progress of a long reading. */
static int take(void *context, uint64_t number, const char *text, size_t bytes)
{
    struct feed_reader *reader = context;
    struct file_feed *its = (struct file_feed *)reader->feed;

    reader->offset = its->file.cursor.offset;
    reader->size = its->file.size;
    return feed_take(context, number, text, bytes);
}

static bool enough(void *context)
{
    const struct feed_reader *reader = context;

    return atomic_load(&reader->feed->enough);
}

static void on_work(uv_work_t *work)
{
    struct file_feed *its = work->data;
    struct feed *feed = &its->feed;
    struct feed_reader reader;
    struct feed_taker taker = {take, enough, &reader};

    if (feed_reader_open(&reader, feed) < 0)
        return;
    int status = feed_file_read(&its->file, &taker);

    if (status >= 0)
        feed->status = status == 0           ? READ_SOME
                       : its->file.unsettled ? (its->file.unsure ? READ_PART : READ_UNSETTLED)
                       : its->file.unsure    ? READ_UNSURE
                                             : READ_ALL;
    else if (status == -1)
        snprintf(feed->why, sizeof feed->why, "%s", strerror(errno));
    feed_reader_close(&reader);
}

static void on_read(uv_work_t *work, int status)
{
    struct file_feed *its = work->data;

    (void)status;
    feed_was_read(&its->feed);
}

static void read_file(struct feed *feed)
{
    struct file_feed *its = (struct file_feed *)feed;

    its->work.data = its;
    watch_it(feed);
    if (uv_queue_work(feed->all->core->loop, &its->work, on_work, on_read) != 0)
        feed_was_read(feed);
}

static void tell_watch(struct file_feed *its, bool lost)
{
    enum read_status status = its->feed.status;

    if (its->watched == NULL || its->feed.again)
        return; /* changes noticed meanwhile are read next */
    watched_was_read(its->watched, lost ? FILE_NOT_READ : its->file.unsure ? FILE_UNSURE : FILE_READ);
    if (!lost && status == READ_UNSETTLED)
        watched_again(its->watched, FEED_SETTLES_SECONDS);
}

static void rest_file(struct feed *feed, bool lost)
{
    struct file_feed *its = (struct file_feed *)feed;

    feed->lines = its->file.cursor.lines;
    feed->offset = its->file.cursor.offset;
    feed->size = its->file.size;
    if (its->file.replaced && !lost)
        log_info("a revocation feed's file was replaced, rewritten or cut; the agent read it from its start, and its earlier records stay in force",
                 LOG_TEXT("feed", feed->source));
    its->file.replaced = its->file.replaced && lost;
    if (lost)
        feed_file_close(&its->file);
    tell_watch(its, lost);
}

const struct feed_kind feed_kind_file = {.bytes = sizeof(struct file_feed),
                                         .open = open_file,
                                         .close = close_file,
                                         .begin = begin_file,
                                         .reset = reset_file,
                                         .confirm = confirm_file,
                                         .read = read_file,
                                         .rest = rest_file,
                                         .end = end_file};
