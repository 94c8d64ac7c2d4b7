/* A feed that is a stream of Redis or Valkey: what its thread (redis_link.h) has laid down is read by one of libuv's pool, and the
   id of the last entry goes to the disk with what it brought. */
#include <stdio.h>
#include <string.h>

#include "agent/observe/log.h"
#include "feed_inside.h"
#include "redis_link.h"

/* What is stored: the last entry that was read, and when all there was had been, in whole seconds. */
struct redis_cursor {
    uint64_t good;
    char id[STREAM_ID_BYTES];
};

struct redis_feed {
    struct feed feed; /* first */
    struct redis_link *link;
    struct redis_cursor cursor;
    uv_work_t work;
    struct feed_reader reader;
    uint64_t lines;
    bool reads;    /* a reply */
    bool alive;    /* all was read, and nobody has been told yet */
    bool restarts; /* the stream is read from its start: what is stored is of no use */
};

static int take(void *context, const char *id, const char *text, size_t bytes)
{
    struct redis_feed *its = context;
    int status = feed_take(&its->reader, ++its->lines, text, bytes);

    if (status == 1)
        snprintf(its->cursor.id, sizeof its->cursor.id, "%s", id);
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
        snprintf(feed->why, sizeof feed->why, "it answers what is no stream");
    feed_reader_close(&its->reader);
}

static void on_read(uv_work_t *work, int status)
{
    struct redis_feed *its = work->data;

    (void)status;
    if (its->feed.status == READ_ALL)
        its->cursor.good = (uint64_t)agent_now();
    feed_was_read(&its->feed);
}

static void read_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    its->work.data = its;
    if (its->reads && uv_queue_work(feed->all->agent->loop, &its->work, on_work, on_read) == 0)
        return;
    if (!its->reads)
        feed->status = feed->is_read ? READ_ALL : READ_PART; /* only the time is noted */
    feed_was_read(feed);
}

static void rest_redis(struct feed *feed, bool lost)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    (void)lost; /* the cursor is the stored one then, and what came comes again */
    feed->lines = its->lines;
    if (its->reads)
        redis_link_go_on(its->link, its->cursor.id);
    its->reads = false;
    redis_link_look_again(its->link);
}

/* That nothing new has come is written down now and then. */
static void note_alive(struct redis_feed *its)
{
    double now = agent_now();

    feed_is_alive(&its->feed);
    if ((double)its->cursor.good + FEED_NOTED_EVERY_SECONDS >= now)
        return;
    its->cursor.good = (uint64_t)now;
    feed_start(&its->feed);
}

static void on_news(void *context)
{
    struct redis_feed *its = context;
    struct feed *feed = &its->feed;
    struct redis_news news;
    char gap[192];

    redis_link_news(its->link, &news);
    if (news.gap[0] != '\0') {
        snprintf(gap, sizeof gap, "%s; it is read from its start", news.gap);
        feed_is_incomplete(feed, gap);
        its->restarts = true;
    }
    if (news.error[0] != '\0')
        feed_cannot_be_read(feed, news.error);
    its->alive |= news.alive;
    if (feed->busy)
        return; /* looked at again when that has ended */
    if (its->restarts) {
        its->cursor = (struct redis_cursor){.id = "0-0"};
        its->restarts = false;
    }
    if (news.has_reply) {
        its->reads = true;
        feed_start(feed);
    } else if (its->alive) {
        its->alive = false;
        note_alive(its);
    }
}

static int open_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    feed->cursor = &its->cursor;
    feed->cursor_bytes = sizeof its->cursor;
    return 0;
}

static void reset_redis(struct feed *feed, bool keeps_age)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    its->cursor = (struct redis_cursor){.good = keeps_age ? its->cursor.good : 0, .id = "0-0"};
}

/* Its cursor has been loaded. */
static void begin_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    feed->good = (double)its->cursor.good; /* of an earlier run */
    feed->is_read = false;
    its->link = redis_link_new(feed->all->agent->loop, feed->config, its->cursor.id, on_news, feed);
    if (its->link == NULL)
        feed_cannot_be_read(feed, "there is no memory, thread or descriptor for its connection; run: assay reload");
}

static bool fits_redis(const struct feed *feed, const struct feed_config *config)
{
    const struct redis_feed *its = (const struct redis_feed *)feed;

    return its->link != NULL && redis_link_fits(its->link, config);
}

static void end_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    if (!feed->busy) {
        redis_link_close(its->link);
        its->link = NULL;
    }
}

static void close_redis(struct feed *feed)
{
    struct redis_feed *its = (struct redis_feed *)feed;

    redis_link_close(its->link);
    its->link = NULL;
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
