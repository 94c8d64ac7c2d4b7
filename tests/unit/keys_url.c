/* Which URLs keys may be fetched from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/outbound/url.h"

static void https_urls(void **state)
{
    static const char *const good[] = {
        "https://a",
        "https://a/",
        "https://A.Example-1.x_y/p",
        "https://a:1",
        "https://a:65535/",
        "https://a:0443?q",
        "https://a?q",
        "https://127.0.0.1:8443/k",
        "https://[::1]",
        "https://[2001:DB8::a.b]:8443/k",
        "https://a/%7e?x=/@:",
        "https://a./x",
        "https://a/!$&'()*+,;=[]-._~",
        "https://9.example/k//",
    };
    static const char *const bad[] = {
        "",
        "a",
        "/a",
        "http://a",
        "HTTPS://a",
        "https:/a",
        "https:a",
        "xhttps://a",
        "https://",
        "https:///a",
        "https://?a",
        "https://:443",
        "https://.a",
        "https://-a",
        "https://a:",
        "https://a:/",
        "https://a:0",
        "https://a:65536",
        "https://a:4294967297",
        "https://a:443x",
        "https://a:-1",
        "https://a:443:443",
        "https://a:+1",
        "https://u@a",
        "https://u:p@a",
        "https://u:443@a",
        "https://@a",
        "https://a@",
        "https://a\\@b",
        "https://a\\b",
        "https://a/\\b",
        "https://a#",
        "https://a/#f",
        "https://a?q#f",
        "https://a b",
        "https://a/ b",
        " https://a",
        "https://a ",
        "https://a\n",
        "https://a/\tb",
        "https://a/\x7f",
        "https://a/\x1f",
        "https://\xc3\xa4",
        "https://a/\xc3\xa4",
        "https://a/\xff",
        "https://a%62",
        "https://a,b",
        "https://a;b",
        "https://[::1",
        "https://[::1x",
        "https://[::1/",
        "https://[:/x]",
        "https://[]",
        "https://[::1]x",
        "https://[::1]]",
        "https://[::g]",
        "https://[::1%25eth0]",
        "https://::1",
        "https://a[::1]",
        "https://a/\"",
        "https://a/<",
        "https://a/>",
        "https://a/^",
        "https://a/`",
        "https://a/{",
        "https://a/|",
        "https://a/}",
        "https://a&b",
        "https://a=b",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!url_is_https(good[i]))
            fail_msg("%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (url_is_https(bad[i]))
            fail_msg("%s", bad[i]);
    }
}

static void a_url_has_at_most_2048_bytes(void **state)
{
    char longest[URL_BYTES_MAX + 2] = "";

    (void)state;
    memset(longest, 'a', sizeof longest - 1);
    memcpy(longest, "https://a/", 10);
    assert_false(url_is_https(longest));
    longest[URL_BYTES_MAX] = '\0';
    assert_true(url_is_https(longest));
}

static void where_a_path_begins(void **state)
{
    (void)state;
    assert_string_equal(url_path("https://a"), "");
    assert_string_equal(url_path("https://a:8443/p/q?x"), "/p/q?x");
    assert_string_equal(url_path("https://[::1]:8443?x"), "?x");
}

static void origins(void **state)
{
    static const char *const same[][2] = {
        {"https://a", "https://a/p?q"},    {"https://a.Example/x", "https://A.eXAMPLE/y"}, {"https://a", "https://a:443"},
        {"https://a:0443/", "https://a/"}, {"https://a:8443/x", "https://a:8443/y"},       {"https://[::A]/", "https://[::a]:443"},
    };
    static const char *const different[][2] = {
        {"https://a", "https://b"},
        {"https://a", "https://a.b"},
        {"https://a.b", "https://a"},
        {"https://a", "https://a:444"},
        {"https://a", "http://a"},
        {"http://a", "http://a"},
        {"https://a", "https://a."},
        {"https://a", ""},
        {"https://a", "/x"},
        {"https://a", "https://a#f"},
        {"https://a", "https://a\\"},
        {"https://a", "https://u@a"},
        {"https://a", "https://a:443@b"},
        {"https://a/b", "https://b/b"},
        {"https://a/ ", "https://a/"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        if (!url_same_origin(same[i][0], same[i][1]) || !url_same_origin(same[i][1], same[i][0]))
            fail_msg("%s %s", same[i][0], same[i][1]);
    }
    for (size_t i = 0; i < sizeof different / sizeof *different; i++) {
        if (url_same_origin(different[i][0], different[i][1]) || url_same_origin(different[i][1], different[i][0]))
            fail_msg("%s %s", different[i][0], different[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(https_urls),
        cmocka_unit_test(a_url_has_at_most_2048_bytes),
        cmocka_unit_test(where_a_path_begins),
        cmocka_unit_test(origins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
