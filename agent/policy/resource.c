#include "resource.h"

#include <string.h>

#include "client/wire/utf8.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

/* The byte at the cursor, unescaped. -1: a bad escape. *ret_escaped distinguishes the two spellings. */
static int next_byte(const char **at, const char *end, bool *ret_escaped)
{
    *ret_escaped = **at == '%';
    if (!*ret_escaped)
        return (unsigned char)*(*at)++;
    if (end - *at < 3 || hex_digit((*at)[1]) < 0 || hex_digit((*at)[2]) < 0)
        return -1;
    int byte = hex_digit((*at)[1]) << 4 | hex_digit((*at)[2]);

    *at += 3;
    return byte;
}

/* Why servers, proxies and frameworks read this byte differently, or NULL. */
static const char *ambiguity(int byte, bool escaped, unsigned keeps)
{
    if (byte < 0x20 || byte == 0x7f)
        return "it has a control character, as such or percent-encoded; a path must not have one (RFC 3986 section 3.3)";
    if (byte == '\\')
        return "some servers read a backslash as a slash";
    if (byte == ';' && (keeps & RESOURCE_SEMICOLON) == 0)
        return "some servers cut a segment at `;` (RFC 3986 section 3.3); if yours do not, write `semicolon: keep` in the rule";
    if (byte == '/' && escaped && (keeps & RESOURCE_SLASH) == 0)
        return "some servers read `%2F` as a slash (RFC 3986 section 2.2); if yours do not, write `encoded_slash: keep` in the rule";
    if (byte == '#' && !escaped)
        return "`#` begins a fragment, which a request must not have (RFC 9110 section 7.1)";
    return NULL;
}

static int fail(struct resource *resource, const char *at, const char *fault)
{
    resource->fault = fault;
    resource->fault_at = at;
    return -1;
}

static size_t before_semicolon(const char *start, size_t bytes)
{
    const char *semicolon = memchr(start, ';', bytes);

    return semicolon != NULL ? (size_t)(semicolon - start) : bytes;
}

struct text segment_loosely(struct text segment)
{
    while (segment.bytes > 0 && (segment.at[segment.bytes - 1] == ' ' || segment.at[segment.bytes - 1] == '.'))
        segment.bytes--;
    return segment;
}

const char *segment_refuse(struct text segment, bool ignores_case, unsigned *parts)
{
    const char *end = segment.at + segment.bytes;

    for (const char *start = segment.at, *slash; start != NULL; start = slash != NULL ? slash + 1 : NULL) {
        slash = memchr(start, '/', (size_t)(end - start));
        const struct text part = {start, before_semicolon(start, (size_t)((slash != NULL ? slash : end) - start))};

        if (part.bytes == 0)
            return "some servers skip an empty segment and read `//` as `/`";
        if (text_is(part, ".", 1) || text_is(part, "..", 2))
            return "some servers resolve `.` and `..`; the client must do it (RFC 3986 section 5.2.4)";
        if (ignores_case && segment_loosely(part).bytes == 0)
            return "some servers drop blanks and dots at the end of a segment, which leaves this one empty";
        if ((*parts)++ == RESOURCE_SEGMENTS_MAX)
            return "it has too many segments";
    }
    return NULL;
}

/* Unicode letters that some servers treat as `s`, `k` and `i` if they ignore case. */
static bool has_other_letters(const char *start, size_t bytes)
{
    static const char *const letters[] = {"\xc5\xbf", "\xe2\x84\xaa", "\xc4\xb0", "\xc4\xb1"}; /* U+017F, U+212A, U+0130, U+0131 */
    bool has = false;

    for (size_t i = 0; i < sizeof letters / sizeof *letters && !has; i++)
        has = memmem(start, bytes, letters[i], strlen(letters[i])) != NULL;
    return has;
}

/* A client resolves empty and dot segments before it sends a request (RFC 3986 section 5.2.4). If it did not, servers make different paths of
   them: if the router reads `/admin/../orders` as written, the policy must not read `/orders`. `text` is where the segment begins there. */
static int end_segment(struct resource *resource, const char *start, const char *end, const char *text, bool ignores_case, unsigned *parts)
{
    size_t bytes = (size_t)(end - start);
    const char *fault = segment_refuse((struct text){start, bytes}, ignores_case, parts);

    if (fault != NULL)
        return fail(resource, text, fault);
    if (!utf8_is_valid(start, bytes))
        return fail(resource, text, "this segment is not UTF-8; write for example `%C3%A9` instead of `%E9`");
    if (utf8_has_c1_control(start, bytes))
        return fail(resource, text, "this segment has a control character (U+0080 to U+009F)");
    if (ignores_case && has_other_letters(start, bytes))
        return fail(resource, text, "some servers that ignore the case of letters read a letter of this segment as `s`, `k` or `i`");
    resource->segments[resource->count++] = (struct text){start, bytes};
    return 0;
}

int resource_normalize(const char *text, size_t bytes, struct resource_reading reading, struct resource *ret)
{
    const char *query = bytes > 0 ? memchr(text, '?', bytes) : NULL, *at = text, *end = query != NULL ? query : text + bytes;
    char *out = ret->bytes, *start = out;
    bool semicolons[2] = {false, false}; /* plain and escaped */
    unsigned parts = 0;

    ret->count = ret->kept = 0;
    if (at == end || *text != '/')
        return fail(ret, text, "it does not begin with `/`");
    if (end - at > RESOURCE_BYTES_MAX)
        return fail(ret, text + RESOURCE_BYTES_MAX, "it is too long");
    const char *segment = ++at;

    while (at < end) {
        const char *before = at;
        bool escaped;
        int byte = next_byte(&at, end, &escaped);

        if (byte < 0)
            return fail(ret, before, "`%` must be followed by two hexadecimal digits (RFC 3986 section 2.1); write a percent sign as `%25`");
        const char *fault = ambiguity(byte, escaped, reading.keeps);

        if (fault != NULL)
            return fail(ret, before, fault);
        if (byte == ';')
            semicolons[escaped] = true;
        if (semicolons[false] && semicolons[true])
            return fail(ret, before, "it has both `;` and `%3B`, and some servers cut a segment only at one of them");
        ret->kept |= byte == ';' ? RESOURCE_SEMICOLON : byte == '/' && escaped ? RESOURCE_SLASH : 0;
        if (byte != '/' || escaped) {
            *out++ = (char)byte;
            continue;
        }
        if (end_segment(ret, start, out, segment, reading.ignores_case, &parts) < 0)
            return -1;
        start = out;
        segment = at;
    }
    return start == out ? 0 : end_segment(ret, start, out, segment, reading.ignores_case, &parts); /* one trailing slash is allowed */
}

static struct text part_as(const char *start, size_t bytes, unsigned ways)
{
    struct text part = {start, (ways & (RESOURCE_SEMICOLON | RESOURCE_END)) != 0 ? before_semicolon(start, bytes) : bytes};

    return (ways & RESOURCE_LOOSE) != 0 ? segment_loosely(part) : part;
}

void resource_read_as(const struct resource *resource, unsigned ways, struct resource *ret)
{
    ret->count = 0;
    for (unsigned i = 0; i < resource->count; i++) {
        const char *start = resource->segments[i].at, *end = start + resource->segments[i].bytes;

        for (const char *slash; start != NULL && ret->count < RESOURCE_SEGMENTS_MAX; start = slash != NULL ? slash + 1 : NULL) {
            slash = (ways & RESOURCE_SLASH) != 0 ? memchr(start, '/', (size_t)(end - start)) : NULL;
            size_t bytes = (size_t)((slash != NULL ? slash : end) - start);

            ret->segments[ret->count++] = part_as(start, bytes, ways);
            if ((ways & RESOURCE_END) != 0 && before_semicolon(start, bytes) < bytes)
                return;
        }
    }
}
