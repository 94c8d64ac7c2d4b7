/* A feed that is a file (feed_file.h): read by a thread of libuv's pool whenever something has changed in its folder. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/observe/log.h"
#include "feed_file.h"
#include "feed_inside.h"

struct file_feed {
    struct feed feed; /* first */
    uv_work_t work;
    struct feed_file file;
    char *path;
};

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

static void close_file(struct feed *feed)
{
    struct file_feed *its = (struct file_feed *)feed;

    feed_file_close(&its->file);
    free(its->path);
}

/* For those who wait for a long one. */
static int take(void *context, uint64_t number, const char *text, size_t bytes)
{
    struct feed_reader *reader = context;
    struct file_feed *its = (struct file_feed *)reader->feed;

    reader->offset = its->file.cursor.offset;
    reader->size = its->file.size;
    return feed_take(context, number, text, bytes);
}

static void on_work(uv_work_t *work)
{
    struct file_feed *its = work->data;
    struct feed *feed = &its->feed;
    struct feed_reader reader;
    struct feed_taker taker = {take, &reader};

    if (feed_reader_open(&reader, feed) < 0)
        return;
    int status = feed_file_read(&its->file, &taker);

    if (status >= 0)
        feed->status = status == 1 ? READ_ALL : READ_SOME;
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
    if (uv_queue_work(feed->all->agent->loop, &its->work, on_work, on_read) != 0)
        feed_was_read(feed);
}

static void rest_file(struct feed *feed, bool lost)
{
    struct file_feed *its = (struct file_feed *)feed;

    feed->lines = its->file.cursor.lines;
    feed->offset = its->file.cursor.offset;
    feed->size = its->file.size;
    if (its->file.replaced && !lost)
        log_info("a revocation feed's file was replaced or cut, and was read from its start; what it said before stands",
                 LOG_TEXT("feed", feed->source));
    its->file.replaced = its->file.replaced && lost;
    if (!lost)
        return;
    feed_file_close(&its->file);
    alarm_set(feed->all->retry, FEED_RETRY_SECONDS);
}

const struct feed_kind feed_kind_file = {
    .bytes = sizeof(struct file_feed), .open = open_file, .close = close_file, .read = read_file, .rest = rest_file};
