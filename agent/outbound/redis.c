#include "redis_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redis_measure.h"

#define PIECE_BYTES 16384
#define TLS_ALERT   0x15 /* the first byte of a TLS alert, which no reply begins with */

static void begin_call(struct redis *redis, int64_t deadline, int wake_fd, char *why)
{
    redis->deadline = deadline;
    redis->wake_fd = wake_fd;
    redis->woken = false;
    redis->why = why;
    why[0] = '\0';
}

struct redis *redis_open(const struct redis_place *place, const struct redis_login *login, int64_t deadline, int wake_fd,
                         char why[REDIS_WHY_BYTES])
{
    struct redis *redis = calloc(1, sizeof *redis);

    if (redis == NULL) {
        snprintf(why, REDIS_WHY_BYTES, "out of memory");
        return NULL;
    }
    redis->fd = -1;
    begin_call(redis, deadline, wake_fd, why);
    if (redis_connect(redis, place) == 0 && (!place->tls || redis_tls_begin(redis, place, login->ca_file) == 0) &&
        redis_log_in(redis, place, login->password_file) == 0)
        return redis;
    redis_close(redis);
    return NULL;
}

/* Commands may contain secrets: AUTH does. */
static int send_command(struct redis *redis, int argc, const char **argv, const size_t *lengths)
{
    char *command = NULL;
    int bytes = (int)redisFormatCommandArgv(&command, argc, argv, lengths);

    if (bytes < 0)
        return redis_say(redis, "out of memory");
    int sent = redis_send(redis, command, (size_t)bytes);

    explicit_bzero(command, (size_t)bytes);
    redisFreeCommand(command);
    return sent;
}

/* Measures a piece and passes it to hiredis. Nothing may follow a reply, because nothing else was requested. */
static int take_piece(struct redis *redis, struct redis_measure *measure, const char *bytes, size_t count)
{
    const char *why = NULL;
    size_t used = 0;

    if (!redis->answered && redis->ssl == NULL && bytes[0] == TLS_ALERT)
        return redis_say(redis, "this port speaks TLS; write rediss://");
    if (redis_measure(measure, bytes, count, &used, &why) < 0)
        return redis_say(redis, "%s", why);
    if (used < count)
        return redis_say(redis, "it sends more than was requested");
    if (redisReaderFeed(redis->reader, bytes, count) != REDIS_OK)
        return redis_say(redis, "out of memory");
    return 0;
}

static redisReply *read_reply(struct redis *redis)
{
    struct redis_measure measure = {0};
    char piece[PIECE_BYTES];
    void *reply = NULL;

    while (!measure.whole) {
        ssize_t got = redis_receive(redis, piece, sizeof piece);

        if (got < 0 || take_piece(redis, &measure, piece, (size_t)got) < 0)
            return NULL;
    }
    redis->answered = true;
    if (redisReaderGetReply(redis->reader, &reply) != REDIS_OK || reply == NULL)
        (void)redis_say(redis, "its reply cannot be read: %.120s", redis->reader->errstr);
    return reply;
}

redisReply *redis_exchange(struct redis *redis, int argc, const char **argv, const size_t *lengths)
{
    if (redis->reader == NULL && (redis->reader = redisReaderCreate()) == NULL) {
        (void)redis_say(redis, "out of memory");
        return NULL;
    }
    return send_command(redis, argc, argv, lengths) == 0 ? read_reply(redis) : NULL;
}

void *redis_call(struct redis *redis, int64_t deadline, int wake_fd, char why[REDIS_WHY_BYTES], int argc, const char **argv,
                 const size_t *lengths)
{
    begin_call(redis, deadline, wake_fd, why);
    return redis_exchange(redis, argc, argv, lengths);
}

void redis_close(struct redis *redis)
{
    if (redis == NULL)
        return;
    redis_tls_end(redis);
    if (redis->reader != NULL)
        redisReaderFree(redis->reader);
    if (redis->fd >= 0)
        close(redis->fd);
    free(redis);
}
