#include "stream_gap.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct stream_id {
    uint64_t milliseconds, number;
};

static bool read_id(const redisReply *reply, struct stream_id *ret)
{
    return reply != NULL && reply->type == REDIS_REPLY_STRING &&
           sscanf(reply->str, "%" SCNu64 "-%" SCNu64, &ret->milliseconds, &ret->number) == 2;
}

static int compare(struct stream_id a, struct stream_id b)
{
    if (a.milliseconds != b.milliseconds)
        return a.milliseconds < b.milliseconds ? -1 : 1;
    return a.number < b.number ? -1 : a.number > b.number;
}

/* A name's value in what XINFO STREAM says: names and values by turns. */
static const redisReply *fact(const redisReply *facts, const char *name)
{
    for (size_t i = 0; i + 1 < facts->elements; i += 2) {
        if (facts->element[i]->type == REDIS_REPLY_STRING && strcmp(facts->element[i]->str, name) == 0)
            return facts->element[i + 1];
    }
    return NULL;
}

const char *stream_gap(const redisReply *facts, const char *text)
{
    const redisReply *first = fact(facts, "first-entry"), *length = fact(facts, "length");
    struct stream_id last, begin, id;

    if (sscanf(text, "%" SCNu64 "-%" SCNu64, &id.milliseconds, &id.number) != 2 ||
        !read_id(fact(facts, "last-generated-id"), &last) || length == NULL || length->type != REDIS_REPLY_INTEGER)
        return "what is said of the stream cannot be read";
    if (compare(last, id) < 0)
        return "the stream has gone back: it was replaced, or restored from an older copy";
    if (length->integer == 0)
        return compare(last, id) > 0 ? "the stream was emptied, and perhaps of more than was read" : NULL;
    if (first == NULL || first->type != REDIS_REPLY_ARRAY || first->elements < 1 || !read_id(first->element[0], &begin))
        return "what is said of the stream cannot be read";
    return compare(begin, id) > 0 ? "the stream was trimmed past what was read, or replaced" : NULL;
}
