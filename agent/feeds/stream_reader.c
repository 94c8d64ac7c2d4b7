#include "stream_reader.h"

#include <stdio.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "agent/base/limits.h"
#include "agent/outbound/redis.h"
#include "client/wire/cleanup.h"
#include "client/wire/clock.h"

static void free_reply(redisReply **reply)
{
    if (*reply != NULL)
        freeReplyObject(*reply);
}

/* NULL: reader->why, which may be the text of an error reply. */
static redisReply *call(struct stream_reader *reader, int seconds, int count, const char **words)
{
    redisReply *reply =
        redis_call(reader->redis, monotonic_ns() + seconds * NS_PER_S, reader->wake_fd, reader->why, count, words, NULL);

    if (reply != NULL && reply->type == REDIS_REPLY_ERROR) {
        snprintf(reader->why, sizeof reader->why, "%.200s", reply->str);
        freeReplyObject(reply);
        return NULL;
    }
    return reply;
}

/* The value of an entry's field `r`; an entry without one is a record that cannot be read. */
static const redisReply *record_of(const redisReply *fields)
{
    static char none[] = "{}";
    static const redisReply nothing = {.type = REDIS_REPLY_STRING, .str = none, .len = 2};

    for (size_t i = 0; fields->type == REDIS_REPLY_ARRAY && i + 1 < fields->elements; i += 2) {
        const redisReply *name = fields->element[i], *value = fields->element[i + 1];

        if (name->type == REDIS_REPLY_STRING && strcmp(name->str, "r") == 0 && value->type == REDIS_REPLY_STRING)
            return value;
    }
    return &nothing;
}

bool stream_entry(const redisReply *entry, struct stream_position *ret_position, const redisReply **ret_record)
{
    XXH128_canonical_t digest;

    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 || entry->element[0]->type != REDIS_REPLY_STRING ||
        entry->element[0]->len >= STREAM_ID_BYTES)
        return false;
    *ret_record = record_of(entry->element[1]);
    XXH128_canonicalFromHash(&digest, XXH3_128bits((*ret_record)->str, (size_t)(*ret_record)->len));
    *ret_position = (struct stream_position){.has_entry = 1};
    snprintf(ret_position->id, sizeof ret_position->id, "%s", entry->element[0]->str);
    memcpy(ret_position->digest, digest.digest, sizeof ret_position->digest);
    return true;
}

/* [[stream, [entry, …]]] */
const redisReply *stream_entries(const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 || reply->element[0]->type != REDIS_REPLY_ARRAY ||
        reply->element[0]->elements != 2 || reply->element[0]->element[1]->type != REDIS_REPLY_ARRAY)
        return NULL;
    return reply->element[0]->element[1];
}

int stream_read(struct stream_reader *reader, const char *id, bool waits, redisReply **ret_reply)
{
    static const char most[] = FEED_REPLY_ENTRIES_TEXT;
    const char *at_once[] = {"XREAD", "COUNT", most, "STREAMS", reader->stream, id};
    const char *later[] = {"XREAD", "COUNT", most, "BLOCK", FEED_BLOCK_MILLISECONDS_TEXT, "STREAMS", reader->stream, id};
    redisReply *reply = waits ? call(reader, FEED_REDIS_SECONDS_MAX + FEED_BLOCK_SECONDS, 8, later)
                              : call(reader, FEED_REDIS_SECONDS_MAX, 6, at_once);

    if (reply == NULL)
        return -1;
    const redisReply *entries = stream_entries(reply);
    bool has_some = entries != NULL && entries->elements > 0;

    if (has_some) {
        *ret_reply = reply;
        return (int)entries->elements;
    }
    bool is_nothing = reply->type == REDIS_REPLY_NIL || entries != NULL;

    freeReplyObject(reply);
    if (!is_nothing)
        snprintf(reader->why, sizeof reader->why, "its answer is not a stream");
    return is_nothing ? 0 : -1;
}

/* Does the last entry read still exist? 1, 0, or -1. */
static int find_last(struct stream_reader *reader, const struct stream_position *position, const char **ret_missed)
{
    const char *words[] = {"XRANGE", reader->stream, position->id, position->id, "COUNT", "1"};
    struct stream_position found;
    const redisReply *record;
    redisReply *reply CLEANUP(free_reply) = call(reader, FEED_REDIS_SECONDS_MAX, 6, words);

    if (reply == NULL)
        return -1;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0)
        return 0;
    if (!stream_entry(reply->element[0], &found, &record) || memcmp(found.digest, position->digest, sizeof found.digest) != 0)
        *ret_missed = "the stream was replaced: the id of the last entry read now names another entry";
    return 1;
}

/* 1; 0: the key does not exist, and *ret_facts is NULL; -1. */
static int ask_facts(struct stream_reader *reader, redisReply **ret_facts)
{
    const char *words[] = {"XINFO", "STREAM", reader->stream};

    *ret_facts = call(reader, FEED_REDIS_SECONDS_MAX, 3, words);
    if (*ret_facts != NULL)
        return 1;
    return strstr(reader->why, "no such key") != NULL ? 0 : -1;
}

/* The first check of a stream without entries to read. */
static enum stream_check begin(struct stream_reader *reader, struct stream_position *position)
{
    redisReply *facts CLEANUP(free_reply) = NULL;

    if (ask_facts(reader, &facts) < 0)
        return STREAM_UNCHECKED;
    if (!stream_is_empty(facts, position))
        return STREAM_CHANGES;
    reader->counts = true;
    return STREAM_WHOLE;
}

/* Records how many entries were added with this position's, if it is the stream's last. */
static void count(struct stream_reader *reader, struct stream_position *position, const redisReply *facts)
{
    position->knows_added = stream_added(facts, position->id, &position->added);
    if (position->knows_added)
        reader->counts = true;
    else
        position->added = 0;
}

/* The first entries that were read, or those read while nothing was known of the number: if they are all, the number is asked for now, and not
   when no entry comes. Whatever is deleted unread from here on is noticed. */
static enum stream_check count_first(struct stream_reader *reader, struct stream_part *part)
{
    redisReply *facts CLEANUP(free_reply) = NULL;

    if (part->entries >= FEED_REPLY_ENTRIES) /* there are more */
        return STREAM_WHOLE;
    if (ask_facts(reader, &facts) < 0)
        return STREAM_UNCHECKED;
    count(reader, &part->last, facts);
    return STREAM_WHOLE;
}

/* Once, as if nothing had been read: entries added between the reading and the facts are read next. */
static bool may_read_again(struct stream_reader *reader, const redisReply *facts, const char *id)
{
    reader->again = !reader->again && stream_is_ahead(facts, id);
    return reader->again;
}

/* Asked while no entry comes, because afterwards it is too late. The last entry exists; after it, more entries may have been added than were read,
   and deleted before that. */
static enum stream_check ask_count(struct stream_reader *reader, struct stream_position *position, const char **ret_missed)
{
    redisReply *facts CLEANUP(free_reply) = NULL;
    uint64_t added = 0;

    if (ask_facts(reader, &facts) < 0)
        return STREAM_UNCHECKED;
    if (position->knows_added && may_read_again(reader, facts, position->id))
        return STREAM_CHANGES;
    reader->again = false;
    if (position->knows_added && (stream_is_ahead(facts, position->id) ||
                                  (stream_added(facts, position->id, &added) && added != position->added))) {
        *ret_missed = "an entry was deleted before it was read, or the stream was replaced";
        return STREAM_MISSED;
    }
    count(reader, position, facts);
    return STREAM_WHOLE;
}

/* The last entry does not exist, or never did. */
static enum stream_check judge(struct stream_reader *reader, struct stream_position *position, struct stream_part *part,
                               const char **ret_missed)
{
    redisReply *facts CLEANUP(free_reply) = NULL;

    if (ask_facts(reader, &facts) < 0)
        return STREAM_UNCHECKED;
    part->counts = reader->counts;
    *ret_missed = stream_gap(facts, position, part);
    if (*ret_missed != NULL && position->knows_added && reader->counts &&
        may_read_again(reader, facts, part->entries > 0 ? part->last.id : position->id))
        return STREAM_CHANGES;
    reader->again = false;
    if (*ret_missed != NULL)
        return STREAM_MISSED;
    stream_expect(position, part);
    if (part->entries > 0 && stream_is_ahead(facts, part->last.id))
        return STREAM_WHOLE;
    if (part->entries > 0)
        count(reader, &part->last, facts);
    else if (!position->knows_added || !reader->counts)
        count(reader, position, facts);
    return STREAM_WHOLE;
}

enum stream_check stream_check(struct stream_reader *reader, struct stream_position *position, struct stream_part *part,
                               const char **ret_missed)
{
    *ret_missed = NULL;
    if (stream_is_unread(position))
        return part->entries > 0 ? count_first(reader, part) : begin(reader, position);
    int there = position->has_entry ? find_last(reader, position, ret_missed) : 0;

    if (there < 0)
        return STREAM_UNCHECKED;
    if (*ret_missed != NULL)
        return STREAM_MISSED;
    if (there == 0)
        return judge(reader, position, part, ret_missed);
    if (part->entries == 0)
        return ask_count(reader, position, ret_missed);
    reader->again = false;
    stream_expect(position, part);
    return position->knows_added ? STREAM_WHOLE : count_first(reader, part);
}
