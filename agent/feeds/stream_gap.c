#include "stream_gap.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct stream_id {
    uint64_t milliseconds, number;
};

/* What Redis says of a stream. */
struct facts {
    struct stream_id last, first;
    uint64_t length, added;
    bool has_added;
};

static bool parse_id(const char *text, struct stream_id *ret)
{
    return sscanf(text, "%" SCNu64 "-%" SCNu64, &ret->milliseconds, &ret->number) == 2;
}

static bool read_id(const redisReply *reply, struct stream_id *ret)
{
    return reply != NULL && reply->type == REDIS_REPLY_STRING && parse_id(reply->str, ret);
}

static bool read_count(const redisReply *reply, uint64_t *ret)
{
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER || reply->integer < 0)
        return false;
    *ret = (uint64_t)reply->integer;
    return true;
}

static int compare(struct stream_id a, struct stream_id b)
{
    if (a.milliseconds != b.milliseconds)
        return a.milliseconds < b.milliseconds ? -1 : 1;
    return a.number < b.number ? -1 : a.number > b.number;
}

/* The value of a name in the reply to XINFO STREAM, which alternates names and values. */
static const redisReply *fact(const redisReply *reply, const char *name)
{
    for (size_t i = 0; reply->type == REDIS_REPLY_ARRAY && i + 1 < reply->elements; i += 2) {
        if (reply->element[i]->type == REDIS_REPLY_STRING && strcmp(reply->element[i]->str, name) == 0)
            return reply->element[i + 1];
    }
    return NULL;
}

/* A missing key is a stream to which nothing was added yet. */
static bool read_facts(const redisReply *reply, struct facts *ret)
{
    *ret = (struct facts){.has_added = reply == NULL};
    if (reply == NULL)
        return true;
    const redisReply *first = fact(reply, "first-entry");

    if (!read_id(fact(reply, "last-generated-id"), &ret->last) || !read_count(fact(reply, "length"), &ret->length))
        return false;
    ret->has_added = read_count(fact(reply, "entries-added"), &ret->added);
    return ret->length == 0 ||
           (first != NULL && first->type == REDIS_REPLY_ARRAY && first->elements >= 1 && read_id(first->element[0], &ret->first));
}

/* Does the number of entries explain it? Then all that were added after the position were read, or are still to be read. In another server's
   stream some may have been added before it; but not before the very beginning. */
static bool is_counted(const struct facts *facts, const struct stream_position *position, const struct stream_part *part,
                       struct stream_id id)
{
    struct stream_id last;

    if (!part->counts && (id.milliseconds != 0 || id.number != 0))
        return false;
    if (!position->knows_added || !facts->has_added || facts->added < position->added)
        return false;
    uint64_t more = facts->added - position->added;

    if (part->entries > 0 && more == part->entries && parse_id(part->last.id, &last) && compare(last, facts->last) == 0)
        return true;
    return facts->length > 0 && more == facts->length && compare(facts->first, id) > 0;
}

bool stream_is_unread(const struct stream_position *position)
{
    return !position->has_entry && !position->knows_added && (position->id[0] == '\0' || strcmp(position->id, STREAM_START) == 0);
}

const char *stream_gap(const redisReply *reply, const struct stream_position *position, const struct stream_part *part)
{
    struct facts facts;
    struct stream_id id;

    if (!parse_id(position->id, &id) || !read_facts(reply, &facts))
        return "its answer about the stream cannot be read";
    int newer = compare(facts.last, id);

    if (reply == NULL && (newer < 0 || part->entries > 0))
        return "the stream no longer exists";
    if (newer < 0)
        return "the stream went back: it was replaced, or restored from an older copy";
    if (is_counted(&facts, position, part, id))
        return NULL;
    if (newer == 0 && part->entries == 0)
        return position->knows_added && facts.has_added && facts.added != position->added ? "the stream was replaced" : NULL;
    if (facts.length == 0)
        return "the stream was emptied, perhaps of unread entries too";
    if (compare(facts.first, id) > 0)
        return "the stream was trimmed past the last entry read, or replaced";
    return "the stream lacks the last entry read: it was replaced, or a failover lost entries";
}

bool stream_is_ahead(const redisReply *reply, const char *text)
{
    struct facts facts;
    struct stream_id id;

    return parse_id(text, &id) && read_facts(reply, &facts) && compare(facts.last, id) > 0;
}

void stream_expect(const struct stream_position *position, struct stream_part *part)
{
    part->last.knows_added = position->knows_added;
    part->last.added = position->knows_added ? position->added + part->entries : 0;
}

bool stream_added(const redisReply *reply, const char *text, uint64_t *ret_added)
{
    struct facts facts;
    struct stream_id id;

    if (!parse_id(text, &id) || !read_facts(reply, &facts) || !facts.has_added || compare(facts.last, id) != 0)
        return false;
    *ret_added = facts.added;
    return true;
}

bool stream_is_empty(const redisReply *reply, struct stream_position *ret_position)
{
    struct facts facts;

    if (!read_facts(reply, &facts) || facts.length > 0)
        return false;
    *ret_position = (struct stream_position){.added = facts.added, .knows_added = facts.has_added};
    snprintf(ret_position->id, sizeof ret_position->id, "%" PRIu64 "-%" PRIu64, facts.last.milliseconds, facts.last.number);
    return true;
}
