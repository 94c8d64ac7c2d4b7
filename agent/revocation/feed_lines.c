/* What a line of a feed says, whichever way it came: on the thread that reads. */
#include <string.h>

#include "agent/observe/log.h"
#include "agent/observe/progress.h"
#include "feed_inside.h"

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

int feed_reader_open(struct feed_reader *reader, struct feed *feed)
{
    *reader = (struct feed_reader){.feed = feed, .hasher = hasher_new(), .reader = line_reader_new(), .now = agent_now()};
    if (reader->hasher != NULL && reader->reader != NULL)
        return 0;
    feed_reader_close(reader);
    return -1;
}

void feed_reader_close(struct feed_reader *reader)
{
    line_reader_free(reader->reader);
    hasher_free(reader->hasher);
    *reader = (struct feed_reader){0};
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

int feed_take(void *context, uint64_t number, const char *text, size_t bytes)
{
    struct feed_reader *reader = context;
    struct feed *feed = reader->feed;
    struct line line;

    if (number % LINES_PER_LOOK == 0 && atomic_load(&feed->enough))
        return 0;
    if (feed->shows && number % (16 * LINES_PER_LOOK) == 0)
        progress_show(feed->source, reader->offset, reader->size, number);
    const char *why = feed_read_line(reader->reader, feed->use, feed->ring, reader->now, text, bytes, &line);

    if (why == NULL) {
        int status = batch_add(feed->batch, reader->hasher, &line, keyring_spellings(feed->ring, line.record.issuer));

        if (status == 1)
            note_thing(feed, &line.record);
        return status;
    }
    if (why == line_failed)
        return -1; /* not passed over: it comes again */
    feed->unreadable_now++;
    if (reader->told++ < UNREADABLE_LOGGED_MAX)
        log_error("a line of a revocation feed cannot be read; it has no effect, is kept, and tried again at the next start",
                  LOG_TEXT("feed", feed->source), LOG_NUMBER("line", number), LOG_TEXT("why", why));
    return batch_keep_unreadable(feed->batch, number, text, bytes) < 0 ? -1 : 1;
}
