/* Reads a line of a feed of any kind, on the thread that reads. */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "agent/base/log.h"
#include "agent/base/progress.h"
#include "agent/config/config.h"
#include "agent/revocation/record_thing.h"
#include "feed_inside.h"

#define LINES_PER_LOOK 4096 /* a reading thread checks after this many lines whether it must stop */

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

const char feed_excludes_issuer[] = "this feed may not have records for that issuer (see `issuers` of the feed)";
const char feed_excludes_undo[] = "this feed may not undo revocations (`undo: false`)";

const char *feed_read_line(struct line_reader *reader, const struct feed_config *config, const struct keyring *ring, double now,
                           const char *text, size_t bytes, struct line *ret)
{
    const char *why = line_read(reader, text, bytes, ret);

    if (why != NULL)
        return why;
    const struct issuer *issuer = keyring_issuer(ring, ret->record.issuer);

    if (!feed_may_speak_for(config, issuer, ret->record.issuer))
        return feed_excludes_issuer;
    if (ret->undo && !config->undo)
        return feed_excludes_undo;
    if (issuer != NULL && issuer->lifetime_max > 0)
        record_set_exp(&ret->record, now, issuer->lifetime_max + issuer->leeway);
    return NULL;
}

static void add_text(XXH3_state_t *sum, struct text text)
{
    uint64_t bytes = text.bytes;

    XXH3_128bits_update(sum, &bytes, sizeof bytes);
    XXH3_128bits_update(sum, text.at, text.bytes);
}

/* An issuer's other spellings belong to it: one more spelling may be why a line is no longer skipped. */
void feed_mark_rights(const struct feed_config *feed, const struct config *config, struct feed_mark *mark)
{
    XXH3_state_t *sum = XXH3_createState();

    *mark = (struct feed_mark){.version = FEED_MARK_VERSION, .undo = feed->undo};
    if (sum == NULL)
        return; /* agrees with nothing: one more reading from the start than needed */
    XXH3_128bits_reset(sum);
    for (unsigned i = 0; i < feed->issuers.count; i++)
        add_text(sum, feed->issuers.list[i]);
    for (unsigned i = 0; i < config->issuer_count && feed->issuers.count > 0; i++) {
        const struct issuer *issuer = &config->issuers[i].rules;

        for (unsigned n = 0; feed_may_speak_for(feed, issuer, issuer->names.list[0]) && n < issuer->names.count; n++)
            add_text(sum, issuer->names.list[n]);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(sum);

    XXH3_freeState(sum);
    mark->issuers[0] = hash.low64;
    mark->issuers[1] = hash.high64;
}

bool feed_marks_agree(const struct feed_mark *a, const struct feed_mark *b)
{
    return memcmp(a->issuers, b->issuers, sizeof a->issuers) == 0 && a->undo == b->undo;
}

int feed_reader_open(struct feed_reader *reader, struct feed *feed)
{
    *reader = (struct feed_reader){.feed = feed, .hasher = hasher_new(), .reader = line_reader_new(), .now = unix_now()};
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

bool feed_is_line(struct feed_reader *reader, const char *text, size_t bytes)
{
    struct line line;

    return line_read(reader->reader, text, bytes, &line) != line_broken;
}

/* Notes the counter to bump when the line is on disk. */
static void note_thing(struct feed *feed, const struct record *record)
{
    const struct issuer *issuer = keyring_issuer(feed->ring, record->issuer);

    if (feed->thing_count > FEED_THINGS_MAX)
        return;
    if (feed->thing_count < FEED_THINGS_MAX)
        feed->things[feed->thing_count] = record_thing(feed->all->core->shared, record->kind,
                                                      issuer != NULL ? issuer->names.list[0] : record->issuer, record->name);
    feed->thing_count++;
}

/* The line is not kept: once the configuration allows it, the feed is read from its start. */
static int pass_over(struct feed_reader *reader, uint64_t number, const char *why)
{
    struct feed *feed = reader->feed;

    feed->excluded_now++;
    if (reader->told++ < UNREADABLE_LOGGED_MAX)
        log_warning("a line of a revocation feed has no effect, because the configuration forbids it; once allowed, the agent reads the feed from "
                    "its start",
                    LOG_TEXT("feed", feed->source), LOG_NUMBER("line", number), LOG_TEXT("why", why));
    return 1;
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
        return -1; /* not skipped: it comes again */
    if (why == feed_excludes_issuer || why == feed_excludes_undo)
        return pass_over(reader, number, why);
    feed->unreadable_now++;
    if (reader->told++ < UNREADABLE_LOGGED_MAX)
        log_error("a line of a revocation feed cannot be read and has no effect; the agent keeps it and tries it again at the next start",
                  LOG_TEXT("feed", feed->source), LOG_NUMBER("line", number), LOG_TEXT("why", why));
    return batch_keep_unreadable(feed->batch, number, text, bytes) < 0 ? -1 : 1;
}
