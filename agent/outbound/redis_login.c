/* The steps after connecting: the password or user, RESP2, and the database. */
#include "redis_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "agent/base/secret.h"
#include "client/wire/cleanup.h"

struct password {
    char bytes[REDIS_PASSWORD_BYTES_MAX + 3]; /* plus a newline of one or two bytes, and one byte to detect a longer file */
    size_t count;
};

static void wipe(struct password *password)
{
    explicit_bzero(password, sizeof *password);
}

static void free_reply(redisReply **reply)
{
    if (*reply != NULL)
        freeReplyObject(*reply);
}

static int read_all(int fd, struct password *password)
{
    while (password->count < sizeof password->bytes) {
        ssize_t got = read(fd, password->bytes + password->count, sizeof password->bytes - password->count);

        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -1;
        if (got > 0)
            password->count += (size_t)got;
    }
    return 0;
}

static void cut_newline(struct password *password)
{
    if (password->count > 0 && password->bytes[password->count - 1] == '\n') {
        password->count--;
        if (password->count > 0 && password->bytes[password->count - 1] == '\r')
            password->count--;
    }
}

/* A file that others can read contains no secret, and one that others can write may contain theirs. */
static int read_password(struct redis *redis, const char *path, struct password *password)
{
    int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat found;

    if (fd < 0 || fstat(fd, &found) != 0)
        return redis_say(redis, "the `password_file` %.120s: %s", path, strerror(errno));
    if (!S_ISREG(found.st_mode))
        return redis_say(redis, "the `password_file` %.120s is not a regular file", path);
    if (secret_is_open(path, found.st_mode))
        return redis_say(redis,
                         "every user can access the `password_file` %.120s (mode %04o); run chmod 600, and change the password",
                         path, (unsigned)found.st_mode & 07777);
    if (read_all(fd, password) < 0)
        return redis_say(redis, "the `password_file` %.120s: %s", path, strerror(errno));
    cut_newline(password);
    if (password->count == 0 || password->count > REDIS_PASSWORD_BYTES_MAX)
        return redis_say(redis, "the `password_file` %.120s must hold 1 to %d bytes", path, REDIS_PASSWORD_BYTES_MAX);
    return 0;
}

static bool begins(const redisReply *reply, const char *words)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, words, strlen(words)) == 0;
}

static int not_let_in(struct redis *redis, const struct redis_place *place, const char *path, const redisReply *reply)
{
    if (begins(reply, "WRONGPASS") && place->user[0] != '\0')
        return redis_say(redis,
                         "no user %.60s has the password of `password_file` (WRONGPASS): one of them is wrong, or the user is off (ACL LIST)",
                         place->user);
    if (begins(reply, "WRONGPASS") || begins(reply, "ERR invalid password"))
        return redis_say(redis, "the password in `password_file` %.120s is wrong", path);
    if (begins(reply, "ERR AUTH") || begins(reply, "ERR Client sent AUTH"))
        return redis_say(redis,
                         "its default user has no password: name the user in the URL (user@host), or leave `password_file` out");
    if (begins(reply, "ERR wrong number of arguments") && place->user[0] != '\0')
        return redis_say(redis, "it is older than Redis 6 and has no users: leave the user out of the URL");
    return redis_say(redis, "it refused the password: %.180s",
                     reply->type == REDIS_REPLY_ERROR ? reply->str : "an unexpected reply");
}

static int authenticate(struct redis *redis, const struct redis_place *place, const char *path)
{
    struct password password CLEANUP(wipe) = {.count = 0};
    const char *words[3] = {"AUTH", place->user, password.bytes};
    size_t lengths[3] = {4, strlen(place->user)};
    int count = 3;

    if (read_password(redis, path, &password) < 0)
        return -1;
    if (place->user[0] == '\0')
        words[--count - 1] = password.bytes;
    lengths[count - 1] = password.count;
    redisReply *reply CLEANUP(free_reply) = redis_exchange(redis, count, words, lengths);

    if (reply == NULL)
        return -1;
    return reply->type == REDIS_REPLY_STATUS ? 0 : not_let_in(redis, place, path, reply);
}

/* Finds errors here, before the first command that matters. A user may lack the right to this command, and it is also refused if the disk is full
   (MISCONF), although reading is allowed. */
static int greet(struct redis *redis)
{
    const char *words[] = {"PING"};
    redisReply *reply CLEANUP(free_reply) = redis_exchange(redis, 1, words, NULL);

    if (reply == NULL)
        return -1;
    if (reply->type == REDIS_REPLY_STATUS || begins(reply, "NOPERM") || begins(reply, "MISCONF") ||
        begins(reply, "ERR unknown command"))
        return 0;
    if (begins(reply, "NOAUTH"))
        return redis_say(redis, "it requires a password: write it to a file and name that file (`password_file`)");
    return redis_say(redis, "%.220s", reply->type == REDIS_REPLY_ERROR ? reply->str : "the server is not a Redis");
}

static int choose_db(struct redis *redis, unsigned db)
{
    char number[16];
    const char *words[] = {"SELECT", number};

    snprintf(number, sizeof number, "%u", db);
    redisReply *reply CLEANUP(free_reply) = redis_exchange(redis, 2, words, NULL);

    if (reply == NULL)
        return -1;
    if (reply->type == REDIS_REPLY_STATUS)
        return 0;
    return redis_say(redis, "database %u of the URL: %.180s", db,
                     reply->type == REDIS_REPLY_ERROR ? reply->str : "an unexpected reply");
}

int redis_log_in(struct redis *redis, const struct redis_place *place, const char *password_file)
{
    if (place->user[0] != '\0' && password_file == NULL)
        return redis_say(redis, "the URL names the user %.60s: write the password to a file and name that file (`password_file`)",
                         place->user);
    if (password_file != NULL && authenticate(redis, place, password_file) < 0)
        return -1;
    if (greet(redis) < 0)
        return -1;
    return place->db != 0 ? choose_db(redis, place->db) : 0;
}
