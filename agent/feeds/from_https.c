/* A feed that is a list over HTTPS: NDJSON, requested again and again. If the server gives an ETag, the agent sends it back, so that unchanged
   content need not be sent. If it gives `Assay-Cursor`, the agent asks for what came after that: `?after=CURSOR`. Lines are read as they arrive,
   on the thread that fetches, so a list may be larger than memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/rand.h>

#include "agent/base/log.h"
#include "agent/config/config.h"
#include "agent/outbound/https.h"
#include "feed_inside.h"

/* What is stored: where the next request begins, and when the last answer came, in whole seconds. */
struct https_cursor {
    uint64_t good;
    char etag[HTTPS_ETAG_BYTES_MAX];
    char after[HTTPS_CURSOR_BYTES_MAX];
};
_Static_assert(sizeof(struct feed_mark) + sizeof(struct https_cursor) <= CURSOR_BYTES_MAX, "a cursor must fit");

struct https_feed {
    struct feed feed; /* first */
    struct https_job job;
    struct https_request request;
    struct https_cursor cursor;
    struct alarm *alarm;
    unsigned failures;

    /* During a reading. */
    struct feed_reader reader;
    char url[URL_BYTES_MAX + 3 * HTTPS_CURSOR_BYTES_MAX + 16];
    uint64_t line, lines;
    char *half; /* a line whose end has not arrived */
    size_t half_bytes;
    bool too_long, out_of_memory, enough, gap;
};

static struct https_feed *of_job(struct https_job *job)
{
    return (struct https_feed *)((char *)job - offsetof(struct https_feed, job));
}

/* False: enough. A line that is too long is reported once, when its end has arrived. */
static bool take_line(struct https_feed *its, const char *text, size_t bytes)
{
    int status = 1;

    its->line++;
    if (its->too_long) {
        memset(its->half, ' ', FEED_LINE_BYTES_MAX + 1); /* only its length matters, not its content */
        status = feed_take(&its->reader, its->line, its->half, FEED_LINE_BYTES_MAX + 1);
    } else if (bytes > 0)
        status = feed_take(&its->reader, its->line, text, bytes);
    its->too_long = false;
    its->out_of_memory = status < 0;
    its->enough = status == 0;
    return status == 1;
}

static void keep_half(struct https_feed *its, const char *text, size_t bytes)
{
    its->too_long |= its->half_bytes + bytes > FEED_LINE_BYTES_MAX;
    if (!its->too_long && bytes > 0)
        memcpy(its->half + its->half_bytes, text, bytes);
    its->half_bytes = its->too_long ? 1 : its->half_bytes + bytes;
}

static bool take(struct https_request *request, const char *bytes, size_t size)
{
    struct https_feed *its = request->context;
    const char *at = bytes, *end = bytes + size, *newline;

    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        size_t length = (size_t)(newline - at);
        bool whole = its->half_bytes == 0;

        if (!whole)
            keep_half(its, at, length);
        bool goes_on = whole ? take_line(its, at, length) : take_line(its, its->half, its->half_bytes);

        its->half_bytes = 0;
        if (!goes_on)
            return false;
        at = newline + 1;
    }
    keep_half(its, at, (size_t)(end - at));
    return true;
}

static void finish(struct https *https, struct https_feed *its)
{
    https_clear(&its->request);
    feed_reader_close(&its->reader);
    https_finish(https, &its->job);
}

static void fail(struct https_feed *its, const char *why)
{
    its->feed.status = READ_FAILED;
    snprintf(its->feed.why, sizeof its->feed.why, "%.120s", why);
}

/* A page of a proxy, or of a misconfigured server, must not pass for an empty list. A server that sends cursors is a publisher, and may use
   records that only a later version understands. */
static bool is_no_list(const struct https_feed *its)
{
    return its->request.cursor[0] == '\0' && batch_records(its->feed.batch) == 0 &&
           (its->feed.unreadable_now > 0 || (its->line == 0 && its->half_bytes > 0));
}

/* A last line without its newline: its publisher may not end lines correctly. Half a line is recognisable, because the beginning of a JSON object
   is not an object. */
static void take_last(struct https_feed *its)
{
    if (its->request.status != 200 || its->half_bytes == 0 || its->out_of_memory || its->enough)
        return;
    if (!its->too_long && feed_is_line(&its->reader, its->half, its->half_bytes)) {
        (void)take_line(its, its->half, its->half_bytes);
        its->half_bytes = 0;
    }
}

/* An answer that ends in the middle of a line is incomplete, or is a file that is being written: its lines take effect, and it is requested again.
   The same holds for the first part of an answer that was broken off. */
static void judge(struct https_feed *its)
{
    const struct https_request *request = &its->request;
    struct feed *feed = &its->feed;

    take_last(its);
    if (its->out_of_memory) {
        fail(its, "out of memory");
    } else if (its->enough) {
        fail(its, "the list is too long to read at once, or the configuration changed meanwhile");
    } else if (request->status == 200 && is_no_list(its)) {
        fail(its, "none of its lines is a revocation record; is the URL right?");
    } else if (request->status == 200 && its->half_bytes > 0) {
        fail(its, "the list ends in the middle of a line: it is incomplete, or still being written");
    } else if (request->status == 200) {
        feed->status = READ_ALL;
        its->lines = its->cursor.after[0] != '\0' ? its->lines + its->line : its->line;
        memcpy(its->cursor.etag, request->etag, sizeof its->cursor.etag);
        if (request->cursor[0] != '\0')
            memcpy(its->cursor.after, request->cursor, sizeof its->cursor.after);
    } else if (request->status == 204 || (request->status == 304 && request->known_etag != NULL && *request->known_etag != '\0')) {
        feed->status = READ_ALL;
    } else if (request->status == 410 && its->cursor.after[0] != '\0') {
        fail(its, "the server no longer knows our cursor (410); the agent reads the list from its start");
        memset(&its->cursor, 0, sizeof its->cursor); /* a restart does not make it good again either */
        its->gap = true;
    } else if (request->status != 0) {
        snprintf(feed->why, sizeof feed->why, "the server answers %d", request->status);
    } else {
        fail(its, request->why);
    }
}

static void arrived(struct https *https, struct https_request *request)
{
    struct https_feed *its = request->context;

    judge(its);
    finish(https, its);
}

static size_t put_escaped(char *out, const char *text)
{
    char *at = out;

    for (; *text != '\0'; text++)
        at +=
            sprintf(at,
                    (*text >= '0' && *text <= '9') || ((*text | 32) >= 'a' && (*text | 32) <= 'z') || strchr("-._~", *text) != NULL
                        ? "%c"
                        : "%%%02X",
                    (unsigned char)*text);
    *at = '\0';
    return (size_t)(at - out);
}

static void make_url(struct https_feed *its, const char *url)
{
    int size = snprintf(its->url, sizeof its->url, "%s", url);

    if (its->cursor.after[0] == '\0')
        return;
    size += sprintf(its->url + size, "%cafter=", strchr(url, '?') != NULL ? '&' : '?');
    put_escaped(its->url + size, its->cursor.after);
}

static void run(struct https *https, struct https_job *job)
{
    struct https_feed *its = of_job(job);
    const struct feed_config *use = its->feed.use;

    its->line = 0;
    its->half_bytes = 0;
    its->too_long = its->out_of_memory = its->enough = its->gap = false;
    if (feed_reader_open(&its->reader, &its->feed) < 0) {
        https_finish(https, job);
        return;
    }
    make_url(its, use->url);
    its->request = (struct https_request){.url = its->url,
                                          .accept = "application/x-ndjson",
                                          .ca_file = use->ca_file,
                                          .token_file = use->token_file,
                                          .known_etag = its->cursor.etag,
                                          .bytes_max = FEED_ANSWER_BYTES_MAX,
                                          .arrived = arrived,
                                          .take = take,
                                          .context = its};
    https_get(https, &its->request);
}

/* That nothing new came is stored now and then, so that the age of the records outlives a restart. */
static void done(struct https_job *job)
{
    struct https_feed *its = of_job(job);
    double good = unix_now() - https_answer_age(&its->request);

    if (job->aborted) {
        https_clear(&its->request);
        feed_reader_close(&its->reader);
        fail(its, "out of memory, or the agent is stopping");
    }
    if (its->gap)
        feed_is_incomplete(&its->feed, its->feed.why);
    its->feed.restarts = its->gap;
    if (its->feed.status == READ_ALL && (double)its->cursor.good + FEED_NOTED_EVERY_SECONDS < good)
        its->cursor.good = (uint64_t)fmax(good, 0);
    feed_was_read(&its->feed);
}

static void read_https(struct feed *feed)
{
    struct https_feed *its = (struct https_feed *)feed;

    its->job = (struct https_job){.run = run, .done = done};
    https_submit(feed->all->core->https, &its->job);
}

static void reset_https(struct feed *feed, bool keeps_age)
{
    struct https_feed *its = (struct https_feed *)feed;
    uint64_t good = keeps_age ? its->cursor.good : 0;

    memset(&its->cursor, 0, sizeof its->cursor);
    its->cursor.good = good;
}

static void begin_https(struct feed *feed)
{
    feed->good = (double)((struct https_feed *)feed)->cursor.good; /* of an earlier run */
    feed_start(feed);
}

static double between(double low, double high)
{
    uint32_t bits = 0;

    (void)RAND_bytes((unsigned char *)&bits, sizeof bits);
    return low + (high - low) * ((double)bits / 4294967296.0);
}

/* At a random time, so that agents are not in step, and never later than the interval. The records are confirmed as of the time when the request
   was sent. */
static void rest_https(struct feed *feed, bool lost)
{
    struct https_feed *its = (struct https_feed *)feed;
    double interval = feed->config->interval;

    if (feed->status == READ_ALL && !lost) {
        double age = https_answer_age(&its->request);

        feed->good -= age;
        feed->good_ns -= (int64_t)(age * 1e9);
    }
    feed->lines = its->lines;
    its->failures = lost ? its->failures + 1 : 0;
    for (unsigned i = 1; i < its->failures && interval < FEED_BACK_OFF_SECONDS_MAX; i++)
        interval *= 2;
    alarm_set(its->alarm, its->gap ? FEED_RECONNECT_SECONDS_MIN : interval * between(lost ? 0.5 : 0.8, 1));
}

static void on_alarm(void *context)
{
    feed_start(context);
}

static int open_https(struct feed *feed)
{
    struct https_feed *its = (struct https_feed *)feed;

    its->half = malloc(FEED_LINE_BYTES_MAX + 1);
    its->alarm = alarm_new(feed->all->core->loop, on_alarm, feed);
    feed->cursor = &its->cursor;
    feed->cursor_bytes = sizeof its->cursor;
    return its->half != NULL && its->alarm != NULL ? 0 : -1;
}

static void close_https(struct feed *feed)
{
    struct https_feed *its = (struct https_feed *)feed;

    alarm_close(its->alarm);
    free(its->half);
}

static void end_https(struct feed *feed)
{
    struct https_feed *its = (struct https_feed *)feed;

    alarm_close(its->alarm);
    its->alarm = NULL;
}

const struct feed_kind feed_kind_https = {.bytes = sizeof(struct https_feed),
                                          .open = open_https,
                                          .close = close_https,
                                          .begin = begin_https,
                                          .reset = reset_https,
                                          .read = read_https,
                                          .rest = rest_https,
                                          .end = end_https};
