/* A discovery document from anybody: the first line is the issuer, the rest what is said to be its document. What is accepted
   jansson reads in the same way. The issuer's name, and the URL that comes of it, go through all that is done with URLs. */
#include <jansson.h>

#include "agent/base/limits.h"
#include "agent/config/discovery.h"
#include "tests/fuzz/target.h"

#define UNTOUCHED "untouched"

static void check_url(enum discovery_kind kind, const char *issuer)
{
    char url[URL_BYTES_MAX + 1] = UNTOUCHED;

    if (discovery_url(kind, issuer, url, sizeof url) < 0) {
        CHECK(strcmp(url, UNTOUCHED) == 0);
        return;
    }
    CHECK(url_is_https(issuer) && url_is_https(url) && url_same_origin(issuer, url) && url_same_origin(url, issuer));
    CHECK(strchr(url, '?') == NULL && strchr(url, '#') == NULL && strstr(url, "/.well-known/") != NULL);
    CHECK(strncmp(url, issuer, (size_t)(url_path(issuer) - issuer)) == 0 && strlen(url) > strlen(issuer));
}

static void check_https(const char *url)
{
    const char *path = url_path(url);

    CHECK(strncmp(url, "https://", 8) == 0 && strlen(url) <= URL_BYTES_MAX && url_same_origin(url, url));
    CHECK(*path == '\0' || *path == '/' || *path == '?');
    for (const char *c = url; *c != '\0'; c++)
        CHECK(*c > ' ' && *c <= '~' && *c != '#' && *c != '\\' && (c >= path || *c != '@'));
}

static void check_document(const char *text, size_t size, const char *issuer)
{
    char url[URL_BYTES_MAX + 1] = UNTOUCHED, why[DISCOVERY_WHY_BYTES] = "";
    json_error_t error;

    if (discovery_read(text, size, issuer, url, sizeof url, why) < 0) {
        CHECK(strcmp(url, UNTOUCHED) == 0 && why[0] != '\0' && memchr(why, '\0', sizeof why) != NULL);
        for (const char *c = why; *c != '\0'; c++)
            CHECK(*c >= ' ' && *c <= '~');
        return;
    }
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

    CHECK(json_is_object(json) && url_is_https(url));
    CHECK(strcmp(json_string_value(json_object_get(json, "issuer")), issuer) == 0);
    CHECK(strcmp(json_string_value(json_object_get(json, "jwks_uri")), url) == 0);
    check_https(url);
    (void)url_same_origin(issuer, url);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line_end = size > 0 ? memchr(data, '\n', size) : NULL;

    if (line_end == NULL)
        return 0;
    size_t issuer_bytes = (size_t)(line_end - data), bytes = size - issuer_bytes - 1;
    char *issuer = exactly(data, issuer_bytes + 1), *text = exactly(line_end + 1, bytes);

    issuer[issuer_bytes] = '\0';
    check_url(DISCOVERY_OPENID, issuer);
    check_url(DISCOVERY_OAUTH, issuer);
    if (url_is_https(issuer))
        check_https(issuer);
    check_document(text, bytes, issuer);
    free(text);
    free(issuer);
    return 0;
}
