/* A feed that is a stream of Redis or Valkey: a thread of libuv's pool reads the entries that the stream's thread (redis_link.h) has left, and the
   id of the last entry goes to the disk with its records. */
#include <stdio.h>
#include <string.h>

#include "agent/base/log.h"
#include "feed_inside.h"
#include "redis_link.h"

/* What is stored: the position up to which it was read, and when that was all, in whole seconds. */
struct redis_cursor {
    uint64_t good;
    struct stream_position position;
};

struct redis_feed {
    struct feed feed; /* first */
    struct redis_link *link;
    struct redis_cursor cursor;
    uv_work_t work;
    struct feed_reader reader;
    uint64_t lines;
    struct alarm *alarm;
    bool reads;    /* a reply is being read */
    bool waits;    /* the reply could not be written: it is requested again when the alarm rings */
    bool alive;    /* all was read, and that is not reported yet */
    bool ends;     /* the next write ends a reading */
    bool restarts; /* something was missed, and that is not being written yet: the stored cursor cannot be used */
};

static int take(void *context, const struct stream_position *position, const char *text, size_t bytes)
{
    struct redis_feed *its = context;
    int status = feed_take(&its->reader, ++its->lines, text, bytes);

    if (status == 1)
        its->cursor.position = *position;
    return status;
}

static void on_work(uv_work_t *work)
{
    struct redis_feed *its = work->data;
    struct feed *feed = &its->feed;
    bool more = false;

    if (feed_reader_open(&its->reader, feed) < 0)
        return;
    int status = redis_link_each(its->link, take, its, &more);

    if (status == 1)
        feed->status = more ? READ_PART : READ_ALL;
    else if (status == 0)
        feed->status = READ_PART;
    else if (status == -2)
        snprintf(feed->why, sizeof feed->why, "its answer is not a stream");
    feed_reader_close(&its->reader);
}

static void on_read(uv_work_t *work, int status)
{
    struct redis_feed *its = work->data;

    (void)status;
    if (its->feed.status == READ_ALL)
        its->cursor.good = (uint64_t)unix_now();
    feed_was_read(&its->feed);
}

static void read_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    its->work.data = its;
    if (its->reads && uv_queue_work(feed->all->core->loop, &its->work, on_work, on_read) == 0)
        return;
    if (!its->reads) /* only the cursor is written: the state may have changed when it is on the disk */
        feed->status = its->ends ? READ_UNSURE : READ_PART;
    feed_was_read(feed);
}

static void go_on(struct redis_feed *its)
{
    its->waits = false;
    redis_link_go_on(its->link, &its->cursor.position);
    redis_link_look_again(its->link);
}

/* After a loss the cursor is the stored one, and the entries come again: not at once, because the disk may be full for hours. */
static void rest_redis(struct feed *feed, bool lost)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    feed->lines = its->lines;
    its->waits |= its->reads && lost;
    if (its->waits)
        alarm_set(its->alarm, FEED_RETRY_SECONDS);
    else if (its->reads)
        go_on(its);
    else
        redis_link_look_again(its->link);
    its->reads = false;
}

static void on_alarm(void *context)
{
    go_on(context);
}

/* That nothing new came is stored now and then. */
static void note_alive(struct redis_feed *its, const struct stream_position *position)
{
    double now = unix_now();

    feed_is_alive(&its->feed);
    its->ends = its->feed.batch != NULL; /* the last reply said that there may be more, and there was not */
    if ((double)its->cursor.good + FEED_NOTED_EVERY_SECONDS >= now && !its->ends)
        return;
    its->cursor = (struct redis_cursor){.good = (uint64_t)now, .position = *position};
    feed_start(&its->feed);
}

/* Writes the gap at once, so that after a restart nothing rests on the state before it. */
static void note_gap(struct redis_feed *its)
{
    its->restarts = its->ends = false;
    its->cursor = (struct redis_cursor){.position.id = STREAM_START};
    feed_start(&its->feed);
}

/* After a fault the earlier confirmation no longer holds. */
static void take_faults(struct redis_feed *its, const struct redis_news *news)
{
    char gap[192];

    if (news->gap[0] != '\0') {
        snprintf(gap, sizeof gap, "%s; the agent reads it from its start", news->gap);
        feed_is_incomplete(&its->feed, gap);
        its->restarts = true;
    }
    if (news->error[0] != '\0')
        feed_cannot_be_read(&its->feed, news->error);
    if (news->gap[0] != '\0' || news->error[0] != '\0')
        its->alive = false;
}

static void on_news(void *context)
{
    struct redis_feed *its = context;
    struct feed *feed = &its->feed;
    struct redis_news news;

    redis_link_news(its->link, &news);
    take_faults(its, &news);
    its->alive |= news.alive;
    if (feed->busy || its->waits)
        return; /* looks again when that has ended */
    if (its->restarts) {
        note_gap(its);
    } else if (news.has_reply) {
        its->reads = true;
        its->alive = false; /* the report was from before these entries */
        feed_start(feed);
    } else if (its->alive) {
        its->alive = false;
        note_alive(its, &news.position);
    }
}

static int open_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    feed->cursor = &its->cursor;
    feed->cursor_bytes = sizeof its->cursor;
    its->alarm = alarm_new(feed->all->core->loop, on_alarm, its);
    return its->alarm != NULL ? 0 : -1;
}

static void reset_redis(struct feed *feed, bool keeps_age)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    its->cursor = (struct redis_cursor){.good = keeps_age ? its->cursor.good : 0};
}

/* Begins, after its cursor was loaded. */
static void begin_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    feed->good = (double)its->cursor.good; /* of an earlier run */
    feed->is_read = false;
    its->link = redis_link_new(feed->all->core->loop, feed->config, &its->cursor.position, on_news, feed);
    if (its->link == NULL)
        feed_cannot_be_read(feed, "it cannot connect: out of memory, threads or descriptors; run: assay reload");
}

static bool fits_redis(const struct feed *feed, const struct feed_config *config)
{
    const struct redis_feed *its = (const struct redis_feed *)feed;

    return its->link != NULL && redis_link_fits(its->link, config);
}

static void close_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    redis_link_close(its->link);
    its->link = NULL;
    alarm_close(its->alarm);
    its->alarm = NULL;
}

static void end_redis(struct feed *feed)
{
    if (!feed->busy)
        close_redis(feed);
}

const struct feed_kind feed_kind_redis = {.bytes = sizeof(struct redis_feed),
                                          .open = open_redis,
                                          .close = close_redis,
                                          .begin = begin_redis,
                                          .reset = reset_redis,
                                          .fits = fits_redis,
                                          .read = read_redis,
                                          .rest = rest_redis,
                                          .end = end_redis};
