/* What redis_measure calls a whole reply is one to hiredis too, and no byte less; in pieces as in one. URLs: what is read has
 * bounds. */
#include <hiredis/hiredis.h>

#include "agent/outbound/redis.h"
#include "agent/outbound/redis_measure.h"
#include "tests/fuzz/target.h"

static void compare(const char *bytes, size_t length)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    CHECK(reader != NULL);
    for (size_t at = 0; at + 1 < length && length < 512; at++) {
        CHECK(redisReaderFeed(reader, bytes + at, 1) == REDIS_OK);
        if (redisReaderGetReply(reader, &reply) != REDIS_OK)
            break; /* as a number that is none: it is told */
        CHECK(reply == NULL);
    }
    redisReaderFree(reader);
    reader = redisReaderCreate();
    CHECK(reader != NULL && redisReaderFeed(reader, bytes, length) == REDIS_OK);
    if (redisReaderGetReply(reader, &reply) == REDIS_OK) {
        CHECK(reply != NULL && reader->len == reader->pos);
        freeReplyObject(reply);
    }
    redisReaderFree(reader);
}

static void read_url(const char *url)
{
    struct redis_place place;
    char why[REDIS_WHY_BYTES];

    if (redis_place_read(url, &place, why) == 0)
        CHECK(place.host[0] != '\0' && memchr(place.host, '\0', sizeof place.host) != NULL &&
              memchr(place.user, '\0', sizeof place.user) != NULL && place.port > 0 && place.port < 65536);
    else
        CHECK(why[0] != '\0' && memchr(why, '\0', sizeof why) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_measure whole = {0}, pieces = {0};
    char *bytes = exactly(data, size), *url = calloc(1, size + 1);
    const char *why = NULL;
    size_t used = 0, at = 0, some;
    int measured = redis_measure(&whole, bytes, size, &used, &why), taken = 0;

    for (; taken == 0 && at < size && !pieces.whole; at += some) {
        some = 0;
        taken = redis_measure(&pieces, bytes + at, 1, &some, &why);
        CHECK(taken < 0 || some == 1);
    }
    CHECK(taken == measured && pieces.whole == whole.whole && (measured == 0 || why != NULL));
    if (measured == 0)
        CHECK(at == used && used <= size && (whole.whole || used == size));
    if (measured == 0 && whole.whole)
        compare(bytes, used);
    CHECK(url != NULL);
    memcpy(url, data, size);
    read_url(url);
    free(url);
    free(bytes);
    return 0;
}
