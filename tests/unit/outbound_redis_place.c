/* Which URLs name a Redis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/outbound/redis.h"

static void read_good(const char *url, const char *host, unsigned port, unsigned db, bool tls, const char *user)
{
    struct redis_place place = {.port = 1};
    char why[REDIS_WHY_BYTES] = "";

    if (redis_place_read(url, &place, why) != 0)
        fail_msg("%s: %s", url, why);
    assert_string_equal(place.host, host);
    assert_string_equal(place.user, user);
    assert_int_equal(place.port, port);
    assert_int_equal(place.db, db);
    assert_int_equal(place.tls, tls);
}

static void urls_that_are_read(void **state)
{
    char host[256], url[300];

    (void)state;
    read_good("redis://localhost", "localhost", 6379, 0, false, "");
    read_good("rediss://localhost", "localhost", 6379, 0, true, "");
    read_good("redis://localhost/", "localhost", 6379, 0, false, "");
    read_good("redis://localhost:6380", "localhost", 6380, 0, false, "");
    read_good("redis://localhost:6380/", "localhost", 6380, 0, false, "");
    read_good("rediss://agents@redis.example.com:1/15", "redis.example.com", 1, 15, true, "agents");
    read_good("redis://a.b-c_d~!$&'()*+,;=@h:65535/99999", "h", 65535, 99999, false, "a.b-c_d~!$&'()*+,;=");
    read_good("redis://127.0.0.1/3", "127.0.0.1", 6379, 3, false, "");
    read_good("redis://[::1]", "::1", 6379, 0, false, "");
    read_good("rediss://u@[2001:db8::7]:6380/2", "2001:db8::7", 6380, 2, true, "u");
    read_good("redis://[::ffff:192.0.2.1]:7", "::ffff:192.0.2.1", 7, 0, false, "");
    read_good("redis://Redis.Example.COM", "Redis.Example.COM", 6379, 0, false, "");
    read_good("redis://7up.example", "7up.example", 6379, 0, false, "");
    memset(host, 'h', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    snprintf(url, sizeof url, "redis://%s", host);
    read_good(url, host, 6379, 0, false, "");
}

static const struct {
    const char *url, *words;
} bad_urls[] = {
    {"", "redis://"},
    {"redis", "redis://"},
    {"redis:", "redis://"},
    {"redis:/h", "redis://"},
    {"REDIS://h", "redis://"},
    {" redis://h", "redis://"},
    {"http://h", "redis://"},
    {"redisss://h", "redis://"},
    {"valkey://h", "redis://"},
    {"redis+unix:///run/redis.sock", "Unix sockets"},
    {"unix:///run/redis.sock", "Unix sockets"},
    {"redis://", "no host"},
    {"redis:///0", "no host"},
    {"redis://:6379", "no host"},
    {"redis://-h", "no host"},
    {"redis://.h", "no host"},
    {"redis://u@", "no host"},
    {"redis://[]", "no host"},
    {"redis://[::1", "no host"},
    {"redis://[::1%25eth0]", "no host"},
    {"redis://[fe80::1%eth0]", "no host"},
    {"redis://[localhost]", "no host"},
    {"redis://[127.0.0.1]", "no host"},
    {"redis://[1:2:3:4:5:6:7:8:9]", "no host"},
    {"redis://\xc3\xa4", "no host"},
    {"redis://:secret@h", "password_file"},
    {"redis://u:secret@h", "password_file"},
    {"redis://u:@h", "password_file"},
    {"redis://u:se@cret@h", "password_file"},
    {"redis://u:secret@[::1]:7/1", "password_file"},
    {"redis://@h", "user name"},
    {"redis://%75@h", "user name"},
    {"redis://u\x01@h", "user name"},
    {"redis://u v@h", "user name"},
    {"redis://a@b@h", "user name"},
    {"redis://h:", "port"},
    {"redis://h:0", "port"},
    {"redis://h:65536", "port"},
    {"redis://h:100000", "port"},
    {"redis://h:-1", "port"},
    {"redis://h:x", "port"},
    {"redis://h:/1", "port"},
    {"redis://h/x", "database number"},
    {"redis://h/-1", "database number"},
    {"redis://h/100000", "database number"},
    {"redis://h//1", "database number"},
    {"redis://h/1/", "continues after"},
    {"redis://h/1x", "continues after"},
    {"redis://h:1:2", "continues after"},
    {"redis://h,i", "continues after"},
    {"redis://h%00", "continues after"},
    {"redis://h\\i", "continues after"},
    {"redis://h/1 ", "continues after"},
    {"redis://[::1]x", "continues after"},
    {"redis://h?db=1", "query"},
    {"redis://h/?db=1", "query"},
    {"redis://h/1?x", "query"},
    {"redis://h:1#x", "query"},
    {"redis://h/#", "query"},
    {"redis://h/1#", "query"},
};

static void urls_that_are_refused(void **state)
{
    char long_url[URL_BYTES_MAX + 16], why[REDIS_WHY_BYTES];
    const struct redis_place untouched = {.port = 1};

    (void)state;
    for (size_t i = 0; i < sizeof bad_urls / sizeof *bad_urls; i++) {
        struct redis_place place = untouched;

        why[0] = '\0';
        if (redis_place_read(bad_urls[i].url, &place, why) != -1 || strstr(why, bad_urls[i].words) == NULL ||
            strstr(why, "secret") != NULL)
            fail_msg("%s: %s", bad_urls[i].url, why);
        assert_memory_equal(&place, &untouched, sizeof place);
    }
    for (size_t bytes = 8 + 256; bytes < sizeof long_url; bytes += sizeof long_url - 1 - 264) { /* a host too long; all too long */
        struct redis_place place = untouched;

        memset(long_url, 'h', sizeof long_url);
        memcpy(long_url, "redis://", 8);
        long_url[bytes] = '\0';
        assert_int_equal(redis_place_read(long_url, &place, why), -1);
    }
    memset(long_url, 'u', 8 + 128);
    memcpy(long_url, "redis://", 8);
    memcpy(long_url + 8 + 128, "@h", 3);
    struct redis_place place = untouched;

    assert_int_equal(redis_place_read(long_url, &place, why), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_that_are_read),
        cmocka_unit_test(urls_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
