#include "feeds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/log.h"
#include "client/wire/clock.h"
#include "feed_inside.h"
#include "unreadable.h"

/* Remote feeds decide themselves when to read. */
void feeds_look(struct feeds *feeds)
{
    for (struct feed *feed = feeds->first, *next; feed != NULL && !feeds->stopped; feed = next) {
        next = feed->next;
        if (!feed->has_stored)
            feed_begin(feed);
        if (feed->has_stored && !feed_is_remote(feed->config))
            feed_start(feed);
    }
}

static void on_retry(void *context)
{
    feeds_look(context);
}

struct feeds *feeds_new(struct core *core)
{
    struct feeds *feeds = calloc(1, sizeof *feeds);

    if (feeds == NULL)
        return NULL;
    feeds->core = core;
    feeds->retry = alarm_new(core->loop, on_retry, feeds);
    if (feeds->retry != NULL)
        return feeds;
    free(feeds);
    return NULL;
}

/* May the feed continue under this configuration? Lines that are being read under other rights must not count, and lines that were skipped under
   them may count now: then it begins again, from what is stored. */
static bool may_go_on(struct feed *feed, const struct feed_config *config, const struct config *whole)
{
    struct feed_mark now;

    if (feed->kind->fits != NULL && !feed->kind->fits(feed, config))
        return false;
    feed_mark_rights(config, whole, &now);
    if (!feed->has_stored || feed_marks_agree(&feed->mark, &now))
        return true;
    if (feed->busy || feed->batch != NULL || feed->mark.passed_over > 0)
        return false;
    feed->mark = now;
    return true;
}

static struct feed *take_out(struct feed **list, const struct feed_config *config, const struct config *whole)
{
    for (struct feed **link = list; *link != NULL; link = &(*link)->next) {
        struct feed *feed = *link;

        if (strcmp(feed->source, config->source) != 0 || !may_go_on(feed, config, whole))
            continue;
        *link = feed->next;
        return feed;
    }
    return NULL;
}

static void drop_all(struct feed *list)
{
    for (struct feed *feed = list, *next; feed != NULL; feed = next) {
        next = feed->next;
        feed->dropped = true;
        atomic_store(&feed->enough, true);
        if (feed->kind->end != NULL)
            feed->kind->end(feed);
        if (!feed->busy)
            feed_free(feed);
    }
}

/* A feed that begins again keeps its counts. */
static void take_counts(struct feed *feed, const struct feed *old)
{
    while (old != NULL && strcmp(old->source, feed->source) != 0)
        old = old->next;
    if (old == NULL)
        return;
    feed->records = old->records;
    feed->unreadable = old->unreadable;
    feed->excluded = old->excluded;
    feed->gaps = old->gaps;
}

static struct feed *make_feed(struct feeds *feeds, const struct feed_config *config, const struct feed *old)
{
    struct feed *feed = feed_new(feeds, config);

    if (feed != NULL)
        take_counts(feed, old);
    return feed;
}

int feeds_use_config(struct feeds *feeds)
{
    const struct revocation_config *revocation = &feeds->core->ring->config->revocation;
    struct feed *old = feeds->first, **last = &feeds->first;
    int status = 0;

    feeds->first = NULL;
    feeds->incomplete = false;
    for (unsigned i = 0; i < revocation->feed_count; i++) {
        struct feed *feed = take_out(&old, &revocation->feeds[i], feeds->core->ring->config);

        if (feed == NULL)
            feed = make_feed(feeds, &revocation->feeds[i], old);
        if (feed == NULL) {
            status = -1;
            feeds->incomplete = true;
            continue;
        }
        feed->next = NULL;
        *last = feed;
        last = &feed->next;
        feed->config = &revocation->feeds[i];
    }
    drop_all(old);
    feeds_count(feeds);
    feeds_look(feeds);
    return status;
}

/* Seconds since it was confirmed, by the clock that gives more: one of them may have been set back. */
static double age_of(const struct feed *feed, double now)
{
    double since = feed->good_ns > 0 ? (double)(monotonic_ns() - feed->good_ns) / 1e9 : 0;

    return fmax(fmax(now - feed->good, since), 0);
}

/* May an acceptance of the issuer's tokens rest on this feed? */
static bool is_fresh(const struct feed *feed, double max_age, double now, char why[256])
{
    bool failed = feed->error[0] != '\0', remote = feed_is_remote(feed->config);
    const char *colon = failed ? ": " : "";

    if (feed->is_incomplete || (remote ? !(feed->good > 0) && !feed->config->start_without : !feed->is_read)) {
        snprintf(why, 256, "%.120s has not been read to its end yet%s%.100s", feed->source, colon, feed->error);
        return false;
    }
    if (feed->is_late) {
        snprintf(why, 256, "%.120s has changed, and could not be read again in time%s%.60s", feed->source, colon, feed->error);
        return false;
    }
    if (feed->good > 0 && max_age > 0 && age_of(feed, now) > max_age) {
        snprintf(why, 256, "%.120s was last confirmed %.0f seconds ago%s%.80s", feed->source, age_of(feed, now), colon, feed->error);
        return false;
    }
    return true;
}

/* Confirms the feeds that another part of the agent checks. */
static void confirm(struct feed *feed)
{
    if (feed->kind->confirm != NULL)
        feed->kind->confirm(feed);
}

bool feeds_are_fresh(const struct feeds *feeds, const struct issuer *issuer, double now, char why[256])
{
    double max_age = feeds->core->ring->config->revocation.max_age;

    if (feeds->not_good == 0 && !feeds->bounded)
        return true;
    if (feeds->incomplete) {
        snprintf(why, 256, "a revocation feed is not read: out of memory; run: assay reload");
        return false;
    }
    for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        confirm(feed);
        if (feed_may_speak_for(feed->config, issuer, issuer->names.list[0]) && !is_fresh(feed, max_age, now, why))
            return false;
    }
    return true;
}

/* Records of a remote feed are as old as its last answer. Those of a file are not: the agent checks the file while requests arrive, and ends
   the cached results of clients if that fails. */
static bool is_aging(const struct feed *feed)
{
    return feed_is_remote(feed->config) ? feed->good > 0 : feed->error[0] != '\0';
}

double feeds_until(const struct feeds *feeds, const struct issuer *issuer)
{
    double max_age = feeds->core->ring->config->revocation.max_age, until = INFINITY;

    if (!(max_age > 0) || (feeds->not_good == 0 && !feeds->bounded))
        return until;
    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        if (is_aging(feed) && feed_may_speak_for(feed->config, issuer, issuer->names.list[0]))
            until = fmin(until, feed->good + max_age);
    }
    return until;
}

int64_t feeds_age(const struct feeds *feeds, const struct issuer *issuer)
{
    int64_t age = -1;

    for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        if (!feed_may_speak_for(feed->config, issuer, issuer->names.list[0]))
            continue;
        confirm(feed);
        double its = feed->good > 0 ? age_of(feed, unix_now()) : 0;

        if (its > (double)age)
            age = (int64_t)its;
    }
    return age;
}

bool feeds_are_read(const struct feeds *feeds)
{
    if (feeds->incomplete)
        return false;
    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        if (!feed->is_read && (feed->is_incomplete || !feed->config->start_without))
            return false;
    }
    return true;
}

void feeds_each(const struct feeds *feeds, void (*each)(void *context, const struct feed_facts *facts), void *context)
{
    for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        confirm(feed);
        struct feed_facts facts = {
            .source = feed->source,
            .error = feed->error[0] != '\0' ? feed->error : NULL,
            .is_read = feed->is_read,
            .starts_without = feed->config->start_without,
            .lines = feed->lines,
            .records = feed->records,
            .unreadable = feed->unreadable,
            .excluded = feed->excluded,
            .gaps = feed->gaps,
            .offset = feed->offset,
            .size = feed->size,
            .confirmed = feed->good,
            .is_incomplete = feed->is_incomplete || feed->is_late,
        };

        each(context, &facts);
    }
}

void feeds_stop(struct feeds *feeds)
{
    feeds->stopped = true;
    for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        atomic_store(&feed->enough, true);
        if (feed->kind->end != NULL)
            feed->kind->end(feed);
    }
    alarm_close(feeds->retry);
    feeds->retry = NULL;
}

void feeds_free(struct feeds *feeds)
{
    if (feeds == NULL)
        return;
    for (struct feed *feed = feeds->first, *next; feed != NULL; feed = next) {
        next = feed->next;
        feed_free(feed);
    }
    free(feeds);
}

/* Lines of feeds that are no longer configured stay, and so do undo lines, because later lines may have revoked the same again. */
struct retry {
    struct core *core;
    struct hasher *hasher;
    struct view *view;
    struct line_reader *reader;
    unsigned applied;
};

static int try_again(void *context, const char *source, uint64_t number, const char *text, size_t bytes)
{
    struct retry *retry = context;
    const struct revocation_config *revocation = &retry->core->ring->config->revocation;
    struct line line;

    for (unsigned i = 0; i < revocation->feed_count; i++) {
        if (strcmp(revocation->feeds[i].source, source) != 0)
            continue;
        const char *why = feed_read_line(retry->reader, &revocation->feeds[i], retry->core->ring, unix_now(), text, bytes, &line);

        if (why == line_failed)
            return -1;
        if (why != NULL) {
            log_warning("a line of a revocation feed still cannot be read", LOG_TEXT("feed", source), LOG_NUMBER("line", number),
                        LOG_TEXT("why", why));
            return 0;
        }
        if (line.undo)
            return 0;
        retry->applied++;
        return list_apply(retry->hasher, retry->view, &line.record, source) < 0 ? -1 : 1;
    }
    return 0;
}

int feeds_retry_unreadable(struct core *core, struct hasher *hasher, struct view *view)
{
    struct retry retry = {core, hasher, view, line_reader_new(), 0};
    uint64_t kept;
    int status = retry.reader == NULL || unreadable_count(view, &kept) < 0 ? -1 : 0;

    if (status == 0 && kept > 0)
        status = unreadable_each(view, try_again, &retry);
    if (retry.applied > 0)
        log_info("lines of revocation feeds that could not be read before are now in force", LOG_NUMBER("lines", retry.applied));
    line_reader_free(retry.reader);
    return status;
}
