/* From an issuer's name to where its keys are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/limits.h"
#include "agent/config/discovery.h"

#define UNTOUCHED "untouched"
#define ISSUER    "https://id.example"
#define KEYS      "https://keys.example/set?v=1"

/* `ISSUER`/aaa..., so long in all. */
static const char *long_url(size_t bytes)
{
    static char url[URL_BYTES_MAX + 100];

    memset(url, 'a', bytes);
    memcpy(url, ISSUER "/", sizeof ISSUER);
    url[bytes] = '\0';
    return url;
}

/* The examples of both specifications are among them. */
static void where_an_issuer_describes_itself(void **state)
{
    static const char *const rows[][3] = {
        {"https://example.com", "https://example.com/.well-known/openid-configuration",
         "https://example.com/.well-known/oauth-authorization-server"},
        {"https://example.com/", "https://example.com/.well-known/openid-configuration",
         "https://example.com/.well-known/oauth-authorization-server"},
        {"https://example.com/issuer1", "https://example.com/issuer1/.well-known/openid-configuration",
         "https://example.com/.well-known/oauth-authorization-server/issuer1"},
        {"https://example.com:8443/a/b/", "https://example.com:8443/a/b/.well-known/openid-configuration",
         "https://example.com:8443/.well-known/oauth-authorization-server/a/b"},
        {"https://[::1]/a//", "https://[::1]/a//.well-known/openid-configuration",
         "https://[::1]/.well-known/oauth-authorization-server/a/"},
    };
    char url[URL_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(discovery_url(DISCOVERY_OPENID, rows[i][0], url, sizeof url), 0);
        assert_string_equal(url, rows[i][1]);
        assert_int_equal(discovery_url(DISCOVERY_OAUTH, rows[i][0], url, sizeof url), 0);
        assert_string_equal(url, rows[i][2]);
    }
}

static void not_every_issuer_has_such_a_place(void **state)
{
    static const char *const issuers[] = {"",           "accounts.example", "http://a", "https://a?q",   "https://a/p?",
                                          "https://a#", "https://a/p#f",    "https://", "https://u@a/p", "https://a/ b"};
    char url[URL_BYTES_MAX + 1] = UNTOUCHED;

    (void)state;
    for (size_t i = 0; i < sizeof issuers / sizeof *issuers; i++) {
        assert_int_equal(discovery_url(DISCOVERY_OPENID, issuers[i], url, sizeof url), -1);
        assert_int_equal(discovery_url(DISCOVERY_OAUTH, issuers[i], url, sizeof url), -1);
    }
    assert_int_equal(discovery_url(DISCOVERY_NONE, ISSUER, url, sizeof url), -1);
    assert_string_equal(url, UNTOUCHED);
}

static void a_place_must_fit(void **state)
{
    const size_t whole = sizeof ISSUER "/.well-known/openid-configuration", added = sizeof "/.well-known/openid-configuration" - 1;
    char url[URL_BYTES_MAX + 100] = UNTOUCHED;

    (void)state;
    assert_int_equal(discovery_url(DISCOVERY_OPENID, ISSUER, url, whole - 1), -1);
    assert_int_equal(discovery_url(DISCOVERY_OPENID, ISSUER, url, 0), -1);
    assert_int_equal(discovery_url(DISCOVERY_OPENID, long_url(URL_BYTES_MAX - added + 1), url, sizeof url), -1);
    assert_int_equal(discovery_url(DISCOVERY_OAUTH, long_url(URL_BYTES_MAX), url, sizeof url), -1);
    assert_string_equal(url, UNTOUCHED);
    assert_int_equal(discovery_url(DISCOVERY_OPENID, ISSUER, url, whole), 0);
    assert_int_equal(discovery_url(DISCOVERY_OPENID, long_url(URL_BYTES_MAX - added), url, sizeof url), 0);
}

static char why[DISCOVERY_WHY_BYTES];
static bool no_memory;
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return no_memory ? NULL : __real_malloc(size);
}

/* From a copy whose end a sanitizer sees. */
static int read_into(const char *text, size_t bytes, const char *issuer, char *ret_url, size_t size)
{
    char *copy = malloc(bytes + 1);

    assert_non_null(copy);
    memcpy(copy, text, bytes);
    copy = realloc(copy, bytes > 0 ? bytes : 1);
    memset(why, '#', sizeof why);
    int status = discovery_read(copy, bytes, issuer, ret_url, size, why);

    free(copy);
    return status;
}

static void gives(const char *text, const char *expected)
{
    char url[URL_BYTES_MAX + 1];

    assert_int_equal(read_into(text, strlen(text), ISSUER, url, sizeof url), 0);
    assert_string_equal(url, expected);
}

static void refuses_bytes(const char *text, size_t bytes, const char *reason)
{
    char url[URL_BYTES_MAX + 1] = UNTOUCHED;

    assert_int_equal(read_into(text, bytes, ISSUER, url, sizeof url), -1);
    assert_string_equal(url, UNTOUCHED);
    assert_non_null(memchr(why, '\0', sizeof why));
    if (strstr(why, reason) == NULL)
        fail_msg("%s: %s", text, why);
    for (const char *c = why; *c != '\0'; c++)
        assert_true(*c >= ' ' && *c <= '~');
}

static void refuses(const char *text, const char *reason)
{
    refuses_bytes(text, strlen(text), reason);
}

#define DOCUMENT(members)  "{\"issuer\":\"" ISSUER "\"" members "}"
#define WITH_KEYS(members) DOCUMENT(",\"jwks_uri\":\"" KEYS "\"" members)

static void documents(void **state)
{
    (void)state;
    gives(WITH_KEYS(""), KEYS);
    gives(" \t\r\n" WITH_KEYS("") "\n ", KEYS);
    gives("\xef\xbb\xbf" WITH_KEYS(""), KEYS); /* a byte order mark */
    gives("{\"jwks_uri\":\"" KEYS "\",\"a\":{\"issuer\":1,\"jwks_uri\":[2]},\"issuer\":\"" ISSUER "\"}", KEYS);
    gives("{\"\\u0069ssuer\":\"https:\\/\\/id.\\u0065xample\",\"jwks_ur\\u0069\":\"https:\\/\\/keys.example\"}",
          "https://keys.example");
    gives(WITH_KEYS(",\"claims_supported\":[\"sub\",\"\xc3\xa4\"],\"x\":[1.5e3,true,null,{}]"), KEYS);
    refuses(DOCUMENT(""), "no `jwks_uri`");
    refuses(DOCUMENT(",\"jwks_uri\":null"), "no `jwks_uri`");
    refuses(DOCUMENT(",\"jwks_uri\":[\"" KEYS "\"]"), "no `jwks_uri`");
    refuses(DOCUMENT(",\"JWKS_URI\":\"" KEYS "\""), "no `jwks_uri`");
    refuses("{\"jwks_uri\":\"" KEYS "\"}", "no `issuer`");
    refuses("{\"issuer\":7,\"jwks_uri\":\"" KEYS "\"}", "no `issuer`");
    refuses("{\"issuer\":[\"" ISSUER "\"],\"jwks_uri\":\"" KEYS "\"}", "no `issuer`");
}

static void what_is_no_document(void **state)
{
    static const char zero[] = WITH_KEYS("\0");
    char deep[200] = WITH_KEYS(",\"a\":");

    (void)state;
    refuses("", "it is not a JSON object");
    refuses("<!DOCTYPE html>\n<html>", "it begins with \"<!DOCTYPE html>?<html>\"");
    refuses("[" WITH_KEYS("") "]", "it is not a JSON object");
    refuses("\"" ISSUER "\"", "it is not a JSON object");
    refuses(WITH_KEYS("") "x", "it is not a JSON object");
    refuses(WITH_KEYS("") WITH_KEYS(""), "it is not a JSON object");
    refuses(WITH_KEYS(","), "it is not a JSON object");
    refuses(WITH_KEYS(",\"jwks_uri\":\"" KEYS "\""), "repeats a member");
    refuses(WITH_KEYS(",\"\\u0069ssuer\":\"" ISSUER "\""), "repeats a member");
    refuses(WITH_KEYS(",\"a\":{\"b\":1,\"b\":1}"), "repeats a member");
    refuses(WITH_KEYS(",\"a\":\"\\u0000\""), "a NUL");
    refuses(DOCUMENT(",\"jwks_uri\":\"" KEYS "\\u0000\""), "a NUL");
    refuses("{\"issuer\":\"" ISSUER "\\u0000\",\"jwks_uri\":\"" KEYS "\"}", "a NUL");
    refuses_bytes(zero, sizeof zero - 1, "a NUL");
    refuses_bytes(WITH_KEYS(""), sizeof WITH_KEYS(""), "a NUL");
    refuses_bytes(WITH_KEYS(""), strlen(WITH_KEYS("")) - 1, "it is not a JSON object");
    strcpy(strrchr(deep, '}'), "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}");
    gives(deep, KEYS);
    strcpy(strchr(deep, '['), "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}");
    refuses(deep, "deeper than 16 levels");
}

static void a_document_is_of_one_issuer(void **state)
{
    (void)state;
    refuses("{\"issuer\":\"" ISSUER "/\",\"jwks_uri\":\"" KEYS "\"}",
            "its `issuer` is \"https://id.example/\", not \"https://id.example\"");
    refuses("{\"issuer\":\"https://ID.example\",\"jwks_uri\":\"" KEYS "\"}", "its `issuer` is");
    refuses("{\"issuer\":\"https://id.exampl\",\"jwks_uri\":\"" KEYS "\"}", "its `issuer` is");
    refuses("{\"issuer\":\"\",\"jwks_uri\":\"" KEYS "\"}", "its `issuer` is \"\", not");
    refuses("{\"issuer\":\"a\\nb\\u001b[1m\\u00e4\\u007f\",\"jwks_uri\":\"" KEYS "\"}", "its `issuer` is \"a?b?[1m???\", not");
    refuses("{\"issuer\":\"12345678901234567890123456789012345678901234567890123456789012345678901234567890\"}",
            "is \"12345678901234567890123456789012345678901234567890123456789012345678901234567890\", not");
    refuses("{\"issuer\":\"123456789012345678901234567890123456789012345678901234567890123456789012345678901\"}",
            "is \"12345678901234567890123456789012345678901234567890123456789012345678901234567...\", not");
}

static void keys_are_at_an_https_url(void **state)
{
    char text[URL_BYTES_MAX + 200];

    (void)state;
    refuses(DOCUMENT(",\"jwks_uri\":\"\""), "its `jwks_uri` is \"\"; expected an https URL");
    refuses(DOCUMENT(",\"jwks_uri\":\"http://keys.example\""), "its `jwks_uri` is \"http://keys.example\"; expected an https URL");
    refuses(DOCUMENT(",\"jwks_uri\":\"https://keys.example@b/\\n\""),
            "its `jwks_uri` is \"https://keys.example@b/?\"; expected an https URL");
    refuses(DOCUMENT(",\"jwks_uri\":\"/keys\""), "its `jwks_uri` is");
    snprintf(text, sizeof text, DOCUMENT(",\"jwks_uri\":\"%s\""), long_url(URL_BYTES_MAX));
    gives(text, long_url(URL_BYTES_MAX));
    snprintf(text, sizeof text, DOCUMENT(",\"jwks_uri\":\"%s\""), long_url(URL_BYTES_MAX + 1));
    refuses(text, "at most 2048 bytes");
}

static void keys_url_must_fit(void **state)
{
    char url[sizeof KEYS] = UNTOUCHED;

    (void)state;
    assert_int_equal(read_into(WITH_KEYS(""), strlen(WITH_KEYS("")), ISSUER, url, sizeof url - 1), -1);
    assert_string_equal(url, UNTOUCHED);
    assert_string_equal(why, "its `jwks_uri` has 28 bytes; at most 27 are read");
    assert_int_equal(read_into(WITH_KEYS(""), strlen(WITH_KEYS("")), ISSUER, url, sizeof url), 0);
    assert_string_equal(url, KEYS);
}

static void a_document_has_at_most_64_kib(void **state)
{
    static char text[DISCOVERY_BYTES_MAX + 1];
    char url[URL_BYTES_MAX + 1] = UNTOUCHED;

    (void)state;
    memset(text, ' ', sizeof text);
    memcpy(text, WITH_KEYS(""), strlen(WITH_KEYS("")));
    assert_int_equal(read_into(text, sizeof text, ISSUER, url, sizeof url), -1);
    assert_string_equal(why, "it has 65537 bytes; at most 65536 are read");
    assert_string_equal(url, UNTOUCHED);
    assert_int_equal(read_into(text, sizeof text - 1, ISSUER, url, sizeof url), 0);
}

static void without_memory_nothing_is_read(void **state)
{
    char url[URL_BYTES_MAX + 1] = UNTOUCHED;

    (void)state;
    no_memory = true;
    int status = discovery_read(WITH_KEYS(""), strlen(WITH_KEYS("")), ISSUER, url, sizeof url, why);

    no_memory = false;
    assert_int_equal(status, -1);
    assert_string_equal(why, "out of memory");
    assert_string_equal(url, UNTOUCHED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_an_issuer_describes_itself),
        cmocka_unit_test(not_every_issuer_has_such_a_place),
        cmocka_unit_test(a_place_must_fit),
        cmocka_unit_test(documents),
        cmocka_unit_test(what_is_no_document),
        cmocka_unit_test(a_document_is_of_one_issuer),
        cmocka_unit_test(keys_are_at_an_https_url),
        cmocka_unit_test(keys_url_must_fit),
        cmocka_unit_test(a_document_has_at_most_64_kib),
        cmocka_unit_test(without_memory_nothing_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
