/* A resource from anybody: what comes out is in its one form, every other spelling of it comes out the same, and no ambiguous one does. */
#include "agent/policy/resource.h"
#include "client/wire/utf8.h"
#include "tests/fuzz/target.h"

#define TEXT_BYTES_MAX 8192

static void check_form(const struct resource *resource, size_t size)
{
    size_t bytes = resource->count; /* each segment had a slash before it */

    CHECK(resource->count <= RESOURCE_SEGMENTS_MAX);
    for (unsigned i = 0; i < resource->count; i++) {
        struct text segment = resource->segments[i];

        CHECK(segment.at >= resource->bytes && segment.at + segment.bytes <= resource->bytes + sizeof resource->bytes);
        CHECK(segment.bytes > 0 && !text_is(segment, ".", 1) && !text_is(segment, "..", 2));
        CHECK(utf8_is_valid(segment.at, segment.bytes) && !utf8_has_c1_control(segment.at, segment.bytes));
        for (size_t k = 0; k < segment.bytes; k++) {
            unsigned char c = (unsigned char)segment.at[k];

            CHECK(c >= 0x20 && c != 0x7f && c != '/' && c != '\\' && c != ';');
        }
        bytes += segment.bytes;
    }
    CHECK(bytes <= size && bytes <= RESOURCE_BYTES_MAX);
}

static void check_same(const struct resource *one, const char *text, size_t size)
{
    static struct resource other;

    if (size > RESOURCE_BYTES_MAX)
        return;
    char *copy = exactly((const uint8_t *)text, size);

    CHECK(resource_normalize(copy, size, (struct resource_reading){0}, &other) == 0 && other.count == one->count);
    for (unsigned i = 0; i < one->count; i++)
        CHECK(text_is(other.segments[i], one->segments[i].at, one->segments[i].bytes));
    free(copy);
}

/* The form itself as a text; `all`: each byte as its escape, else only those that would mean something else. */
static size_t spell(const struct resource *resource, bool all, char *out)
{
    char *at = out;

    *at++ = '/';
    for (unsigned i = 0; i < resource->count; i++) {
        if (i > 0)
            *at++ = '/';
        for (size_t k = 0; k < resource->segments[i].bytes; k++) {
            char c = resource->segments[i].at[k];

            if (all || c == '%' || c == '?' || c == '#')
                at += sprintf(at, k % 2 == 0 ? "%%%02x" : "%%%02X", (unsigned)(unsigned char)c);
            else
                *at++ = c;
        }
    }
    return (size_t)(at - out);
}

static void check_bad(const char *text, size_t size)
{
    static struct resource other;
    char *copy = exactly((const uint8_t *)text, size);

    CHECK(resource_normalize(copy, size, (struct resource_reading){0}, &other) == -1);
    free(copy);
}

/* What every server takes for the same: a query, a slash at the end. And what they take for different paths. */
static void check_spellings(const struct resource *resource, const uint8_t *data, size_t size)
{
    static char text[3 * RESOURCE_BYTES_MAX + TEXT_BYTES_MAX];
    static const char *const before[] = {"/", "/.", "/x/..", "/%2e", "/a/b/../.%2E", "/x#"};
    static const char *const same[] = {"?a=/../b", "?#", ""}, *const bad[] = {"#c", "/.", "/x/..", "//x/./%2e.", "//", "/%2e"};

    check_same(resource, text, spell(resource, false, text));
    check_same(resource, text, spell(resource, true, text));
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        size_t bytes = strlen(before[i]);

        memcpy(text, before[i], bytes);
        memcpy(text + bytes, data, size);
        check_bad(text, bytes + size);
    }
    size_t bytes = spell(resource, false, text);

    if (resource->count > 0) /* the root ends in its slash */
        text[bytes++] = '/';
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        memcpy(text + bytes, same[i], strlen(same[i]));
        check_same(resource, text, bytes + strlen(same[i]));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memcpy(text + bytes, bad[i], strlen(bad[i]));
        check_bad(text, bytes + strlen(bad[i]));
    }
}

/* Where `%2F` and `;` are kept, whoever cuts there has a resource, too, in its one form. And what has neither is the same as without. */
static void check_kept(const char *text, size_t size, bool is_plain)
{
    static const struct resource_reading all = {RESOURCE_SLASH | RESOURCE_SEMICOLON, false}, caseless = {RESOURCE_SLASH | RESOURCE_SEMICOLON, true};
    static struct resource resource, other;
    static char spelled[3 * RESOURCE_BYTES_MAX + TEXT_BYTES_MAX];
    bool is_one = resource_normalize(text, size, all, &resource) == 0;

    CHECK(is_plain == (is_one && resource.kept == 0));
    if (!is_one) {
        CHECK(resource_normalize(text, size, caseless, &other) == -1);
        return;
    }
    resource_read_as(&resource, all.keeps, &other);
    CHECK(other.count >= resource.count && other.count <= RESOURCE_SEGMENTS_MAX);
    check_same(&other, spelled, spell(&other, false, spelled));
    resource_read_as(&resource, RESOURCE_SLASH | RESOURCE_END, &other);
    CHECK(other.count > 0 || resource.count == 0);
    check_same(&other, spelled, spell(&other, false, spelled));
    if (resource_normalize(text, size, caseless, &resource) < 0)
        return;
    resource_read_as(&resource, all.keeps | RESOURCE_LOOSE, &other);
    check_same(&other, spelled, spell(&other, false, spelled));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct resource resource;
    char *text = exactly(data, size);
    bool is_plain = resource_normalize(text, size, (struct resource_reading){0}, &resource) == 0;

    check_kept(text, size, is_plain);
    if (is_plain) {
        CHECK(size > 0 && size <= RESOURCE_BYTES_MAX && *data == '/');
        check_form(&resource, size);
        check_spellings(&resource, data, size);
    }
    free(text);
    return 0;
}
