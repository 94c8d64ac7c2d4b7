/* How a connection to a Redis begins, and what is told when it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/limits.h"
#include "agent/outbound/redis.h"
#include "agent/outbound/threads.h"
#include "client/wire/clock.h"
#include "redis_fake.h"

static const struct redis_login no_login;

static int64_t in_ms(int64_t milliseconds)
{
    return monotonic_ns() + milliseconds * NS_PER_MS;
}

static struct redis *open_fake(struct redis_fake *fake, int wake_fd, char *why)
{
    struct redis_place place = {.host = "127.0.0.1", .port = redis_fake_port(fake)};

    return redis_open(&place, &no_login, in_ms(5000), wake_fd, why);
}

static void open_fails(const struct redis_script *script, const struct redis_place *how, const char *password_file,
                       const char *words)
{
    struct redis_fake *fake = redis_fake_start(script);
    struct redis_place place = *how;
    struct redis_login login = {.password_file = password_file};
    int64_t milliseconds = script->first[0] == '\0' && !script->close_first ? (how->tls ? 2500 : 300) : 20000; /* silence */
    char why[REDIS_WHY_BYTES];

    snprintf(place.host, sizeof place.host, "localhost");
    place.port = redis_fake_port(fake);
    struct redis *redis = redis_open(&place, &login, in_ms(milliseconds), -1, why);

    if (redis != NULL || strstr(why, words) == NULL)
        fail_msg("%s: %s", words, why);
    redis_fake_stop(fake);
}

static void what_is_told_first(void **state)
{
    static const struct redis_place plain, tls = {.tls = true}, second = {.db = 2}, user = {.user = "u"};

    (void)state;
    open_fails(&(struct redis_script){.first = "-NOAUTH Authentication required.\r\n"}, &plain, NULL, "password_file");
    open_fails(&(struct redis_script){.first = "-DENIED Redis is running in protected mode\x1b[2J\r\n"}, &plain, NULL, "mode?[2J");
    open_fails(&(struct redis_script){.first = "-ERR max number of clients reached\r\n"}, &plain, NULL, "max number");
    open_fails(&(struct redis_script){.first = ":1\r\n"}, &plain, NULL, "not a Redis");
    open_fails(&(struct redis_script){.first = "\x15\x03\x03", .answer = ""}, &plain, NULL, "rediss://");
    open_fails(&(struct redis_script){.first = "", .close_first = true}, &plain, NULL, "rediss://");
    open_fails(&(struct redis_script){.first = "+PONG\r\n", .answer = "-ERR DB index is out of range\r\n", .bytes = 31}, &second,
               NULL, "database 2");
    open_fails(&(struct redis_script){.first = "-ERR unknown command '\x16\x03'\r\n"}, &tls, NULL, "does not speak TLS");
    open_fails(&(struct redis_script){.first = "", .close_first = true}, &tls, NULL, "during the TLS handshake");
    open_fails(&(struct redis_script){.first = ""}, &tls, NULL, "handshake timed out");
    open_fails(&(struct redis_script){.first = ""}, &plain, NULL, "in time");
    open_fails(&(struct redis_script){.first = ""}, &user, NULL, "password_file");
}

/* A user without a right to PING may still read, and a full disk is no reason not to. */
static void what_is_no_reason(void **state)
{
    static const char *const firsts[] = {"-NOPERM this user has no permissions\r\n", "-MISCONF Redis is configured to\r\n",
                                         "-ERR unknown command 'PING'\r\n"};
    char why[REDIS_WHY_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct redis_fake *fake = redis_fake_start(&(struct redis_script){.first = firsts[i]});
        struct redis *redis = open_fake(fake, -1, why);

        assert_non_null(redis);
        redis_close(redis);
        redis_fake_stop(fake);
    }
}

static void write_file(const char *path, const char *text, size_t bytes, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, bytes), (ssize_t)bytes);
    fchmod(fd, mode);
    close(fd);
}

/* What is sent for this file, and for this user. */
static void sends(const char *path, const char *user, const char *text, const char *expected)
{
    struct redis_fake *fake = redis_fake_start(&(struct redis_script){.first = "+OK\r\n", .answer = "+PONG\r\n", .bytes = 7});
    struct redis_place place = {.host = "127.0.0.1", .port = redis_fake_port(fake)};
    char why[REDIS_WHY_BYTES];

    snprintf(place.user, sizeof place.user, "%s", user);
    write_file(path, text, strlen(text), 0640);
    struct redis *redis = redis_open(&place, &(struct redis_login){.password_file = path}, in_ms(5000), -1, why);

    if (redis == NULL)
        fail_msg("%s", why);
    redis_close(redis);
    redis_fake_stop(fake);
    assert_memory_equal(redis_fake_received, expected, strlen(expected));
}

static void passwords(void **state)
{
    static const struct redis_place plain, user = {.user = "bob"};
    static const struct redis_script wrong = {.first = "-WRONGPASS invalid username-password pair or user is disabled.\r\n"};
    char folder[] = "/tmp/assay-redis-XXXXXX", path[64], large[REDIS_PASSWORD_BYTES_MAX + 2];

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/password", folder);
    sends(path, "", "s3cret\n", "*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n");
    sends(path, "", "s3cret\r\n", "*2\r\n$4\r\nAUTH\r\n$6\r\ns3cret\r\n");
    sends(path, "", " s3 \n\n", "*2\r\n$4\r\nAUTH\r\n$5\r\n s3 \n\r\n");
    sends(path, "bob", "s3cret", "*3\r\n$4\r\nAUTH\r\n$3\r\nbob\r\n$6\r\ns3cret\r\n");
    memset(large, 'x', sizeof large);
    large[REDIS_PASSWORD_BYTES_MAX] = '\0';
    sends(path, "", large, "*2\r\n$4\r\nAUTH\r\n$4096\r\nxxxx");
    open_fails(&wrong, &plain, path, "is wrong");
    open_fails(&wrong, &user, path, "no user bob");
    open_fails(&(struct redis_script){.first = "-ERR AUTH <password> called without any password configured\r\n"}, &plain, path,
               "no password");
    open_fails(&(struct redis_script){.first = "-ERR wrong number of arguments for 'auth' command\r\n"}, &user, path, "Redis 6");
    open_fails(&(struct redis_script){.first = "-LOADING it\r\n"}, &user, path, "LOADING");
    write_file(path, "s3cret", 6, 0644);
    open_fails(&wrong, &plain, path, "0644");
    write_file(path, "s3cret", 6, 0602);
    open_fails(&wrong, &plain, path, "0602");
    write_file(path, "\n", 1, 0600);
    open_fails(&wrong, &plain, path, "1 to 4096");
    large[REDIS_PASSWORD_BYTES_MAX] = 'x';
    write_file(path, large, sizeof large - 1, 0600);
    open_fails(&wrong, &plain, path, "1 to 4096");
    open_fails(&wrong, &plain, folder, "regular");
    unlink(path);
    open_fails(&wrong, &plain, path, "No such file");
    rmdir(folder);
}

static void nobody_there(void **state)
{
    struct redis_place place = {.host = "no-such-host.invalid", .port = 6379};
    char why[REDIS_WHY_BYTES];

    (void)state;
    assert_null(redis_open(&place, &no_login, in_ms(20000), -1, why));
    assert_non_null(strstr(why, "no-such-host.invalid cannot be resolved"));
    struct redis_fake *fake = redis_fake_start(&(struct redis_script){.first = ""});

    snprintf(place.host, sizeof place.host, "127.0.0.1");
    place.port = redis_fake_port(fake);
    redis_fake_stop(fake);
    assert_null(redis_open(&place, &no_login, in_ms(5000), -1, why));
    assert_non_null(strstr(why, "connection refused"));
    assert_null(redis_open(&place, &no_login, in_ms(-1), -1, why));
    assert_non_null(strstr(why, "in time"));
    redis_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_first),
        cmocka_unit_test(what_is_no_reason),
        cmocka_unit_test(passwords),
        cmocka_unit_test(nobody_there),
    };

    threads_exit(cmocka_run_group_tests(tests, NULL, NULL));
}
