#include "feeds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/observe/log.h"
#include "feed_inside.h"

/* Remote ones know themselves when it is time. */
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

struct feeds *feeds_new(struct agent *agent)
{
    struct feeds *feeds = calloc(1, sizeof *feeds);

    if (feeds == NULL)
        return NULL;
    feeds->agent = agent;
    feeds->retry = alarm_new(agent->loop, on_retry, feeds);
    if (feeds->retry != NULL)
        return feeds;
    free(feeds);
    return NULL;
}

static struct feed *take_out(struct feed **list, const struct feed_config *config)
{
    for (struct feed **link = list; *link != NULL; link = &(*link)->next) {
        struct feed *feed = *link;

        if (strcmp(feed->source, config->source) != 0 || (feed->kind->fits != NULL && !feed->kind->fits(feed, config)))
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
        if (feed->kind->end != NULL)
            feed->kind->end(feed);
        if (!feed->busy)
            feed_free(feed);
    }
}

/* A long feed takes a while to read. What was read so far counts, and it is read on under what is in force then. */
static void end_reading(struct feed *list)
{
    for (struct feed *feed = list; feed != NULL; feed = feed->next)
        atomic_store(&feed->enough, true);
}

int feeds_use_config(struct feeds *feeds)
{
    const struct revocation_config *revocation = &feeds->agent->ring->config->revocation;
    struct feed *old = feeds->first, **last = &feeds->first;
    int status = 0;

    end_reading(old);
    feeds->first = NULL;
    feeds->incomplete = false;
    for (unsigned i = 0; i < revocation->feed_count; i++) {
        struct feed *feed = take_out(&old, &revocation->feeds[i]);

        if (feed == NULL)
            feed = feed_new(feeds, &revocation->feeds[i]);
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

/* May what the issuer has accepted rest on this feed? */
static bool is_fresh(const struct feed *feed, double max_age, double now, char why[256])
{
    bool remote = feed_is_remote(feed->config), failed = feed->error[0] != '\0';
    const char *colon = failed ? ": " : "";

    if (remote ? !(feed->good > 0) && !feed->config->start_without : !feed->is_read) {
        snprintf(why, 256, "%.120s has not been read to its end yet%s%.100s", feed->source, colon, feed->error);
        return false;
    }
    if ((remote ? feed->good > 0 : failed) && max_age > 0 && now - feed->good > max_age) {
        snprintf(why, 256, "%.120s could not be read for %.0f seconds%s%.80s", feed->source, now - feed->good, colon, feed->error);
        return false;
    }
    return true;
}

bool feeds_are_fresh(const struct feeds *feeds, const struct issuer *issuer, double now, char why[256])
{
    double max_age = feeds->agent->ring->config->revocation.max_age;

    if (feeds->not_good == 0 && !feeds->bounded)
        return true;
    if (feeds->incomplete) {
        snprintf(why, 256, "there was no memory for a revocation feed; run: assay reload");
        return false;
    }
    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        if (feed_may_speak_for(feed->config, issuer, issuer->names.list[0]) && !is_fresh(feed, max_age, now, why))
            return false;
    }
    return true;
}

/* A file that can be read is as it is now; what comes from elsewhere is as old as the last word from there. */
static bool is_aging(const struct feed *feed)
{
    return feed_is_remote(feed->config) ? feed->good > 0 : feed->error[0] != '\0';
}

double feeds_until(const struct feeds *feeds, const struct issuer *issuer)
{
    double max_age = feeds->agent->ring->config->revocation.max_age, until = INFINITY;

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

    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        if (!feed_may_speak_for(feed->config, issuer, issuer->names.list[0]))
            continue;
        double its = is_aging(feed) ? fmax(agent_now() - feed->good, 0) : 0;

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
        if (!feed->is_read && !feed->config->start_without)
            return false;
    }
    return true;
}

void feeds_each(const struct feeds *feeds, void (*each)(void *context, const struct feed_facts *facts), void *context)
{
    for (const struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
        struct feed_facts facts = {
            .source = feed->source,
            .error = feed->error[0] != '\0' ? feed->error : NULL,
            .is_read = feed->is_read,
            .starts_without = feed->config->start_without,
            .lines = feed->lines,
            .records = feed->records,
            .unreadable = feed->unreadable,
            .gaps = feed->gaps,
            .offset = feed->offset,
            .size = feed->size,
            .good = feed->good,
            .is_aging = is_aging(feed),
        };

        each(context, &facts);
    }
}

void feeds_stop(struct feeds *feeds)
{
    feeds->stopped = true;
    end_reading(feeds->first);
    for (struct feed *feed = feeds->first; feed != NULL; feed = feed->next) {
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

/* Lines of feeds that are configured no more stay as they are. */
struct retry {
    struct agent *agent;
    struct hasher *hasher;
    struct view *view;
    struct line_reader *reader;
    unsigned applied;
};

static int try_again(void *context, const char *source, uint64_t number, const char *text, size_t bytes)
{
    struct retry *retry = context;
    const struct revocation_config *revocation = &retry->agent->ring->config->revocation;
    struct line line;

    for (unsigned i = 0; i < revocation->feed_count; i++) {
        if (strcmp(revocation->feeds[i].source, source) != 0)
            continue;
        const char *why = feed_read_line(retry->reader, &revocation->feeds[i], retry->agent->ring, agent_now(), text, bytes, &line);

        if (why == line_failed)
            return -1;
        if (why != NULL) {
            log_warning("a line of a revocation feed still cannot be read", LOG_TEXT("feed", source), LOG_NUMBER("line", number),
                        LOG_TEXT("why", why));
            return 0;
        }
        retry->applied++;
        if (line.undo)
            return list_undo(retry->hasher, retry->view, &line.record, keyring_spellings(retry->agent->ring, line.record.issuer),
                             source) < 0
                       ? -1
                       : 1;
        return list_apply(retry->hasher, retry->view, &line.record, source) < 0 ? -1 : 1;
    }
    return 0;
}

int feeds_retry_unreadable(struct agent *agent, struct hasher *hasher, struct view *view)
{
    struct retry retry = {agent, hasher, view, line_reader_new(), 0};
    uint64_t kept;
    int status = retry.reader == NULL || unreadable_count(view, &kept) < 0 ? -1 : 0;

    if (status == 0 && kept > 0)
        status = unreadable_each(view, try_again, &retry);
    if (retry.applied > 0)
        log_info("lines of revocation feeds that could not be read before now have effect", LOG_NUMBER("lines", retry.applied));
    line_reader_free(retry.reader);
    return status;
}
