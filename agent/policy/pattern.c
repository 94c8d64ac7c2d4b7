#include "pattern.h"

#include <string.h>

#include "client/wire/utf8.h"

struct text pattern_cut(struct text *pattern)
{
    const char *start = pattern->at + 1, *end = pattern->at + pattern->bytes;
    const char *slash = memchr(start, '/', (size_t)(end - start));
    struct text segment = {start, (size_t)((slash != NULL ? slash : end) - start)};

    *pattern = (struct text){segment.at + segment.bytes, (size_t)(end - segment.at) - segment.bytes};
    return segment;
}

bool segment_is_claim(struct text segment)
{
    if (segment.bytes <= 2 || segment.at[0] != '{' || segment.at[segment.bytes - 1] != '}')
        return false;
    for (size_t i = 1; i + 1 < segment.bytes; i++) {
        if (strchr("{}*", segment.at[i]) != NULL)
            return false;
    }
    return true;
}

struct text segment_claim(struct text segment)
{
    return (struct text){segment.at + 1, segment.bytes - 2};
}

/* Is this `%2F`, which stands for a slash in a pattern's word? */
static bool is_slash(struct text segment, size_t at)
{
    return segment.bytes - at >= 3 && segment.at[at] == '%' && segment.at[at + 1] == '2' && (segment.at[at + 2] | 0x20) == 'f';
}

/* Why no pattern may have this character there, or NULL. */
static const char *refuse_character(struct text segment, size_t at, bool special, unsigned keeps)
{
    unsigned char c = (unsigned char)segment.at[at];

    if (!special && (c == '*' || c == '{' || c == '}'))
        return "`*`, `**` and `{claim}` must be whole segments";
    if (c == ';' && (keeps & RESOURCE_SEMICOLON) == 0)
        return "a pattern may contain `;` only in a rule with `semicolon: keep`";
    if (c < 0x20 || c == 0x7f || c == '\\' || c == '?' || c == '#')
        return "the pattern contains a character that no resource can have there";
    if (c == '%' && !special && is_slash(segment, at))
        return (keeps & RESOURCE_SLASH) != 0 ? NULL : "a pattern may contain `%2F` only in a rule with `encoded_slash: keep`";
    if (c == '%')
        return "a pattern is written decoded; write the character itself, not its %XX";
    return NULL;
}

/* Could a resource have this segment? */
static bool is_possible(struct text segment)
{
    char room[RESOURCE_BYTES_MAX];
    unsigned parts = 0;

    return segment_refuse(pattern_word(segment, false, room), false, &parts) == NULL;
}

const char *pattern_refuse(struct text pattern, unsigned keeps)
{
    if (pattern.bytes == 0 || *pattern.at != '/')
        return "a pattern must begin with `/`";
    if (pattern.bytes > RESOURCE_BYTES_MAX || !utf8_is_valid(pattern.at, pattern.bytes) || utf8_has_c1_control(pattern.at, pattern.bytes))
        return "a pattern must be UTF-8 of at most 4096 bytes, without control characters";
    for (struct text rest = pattern; rest.bytes > 1 || (rest.bytes == 1 && rest.at != pattern.at);) {
        struct text segment = pattern_cut(&rest);

        if (segment.bytes == 0)
            return "a pattern must not have an empty segment or a slash at its end; the agent compares resources without them";
        if (!is_possible(segment))
            return "a pattern must not have a `.` or `..` segment, or an empty one where `%2F` or `;` cuts it; no resource has them";
        if (text_is(segment, "**", 2) && rest.bytes > 0)
            return "`**` is allowed only at the end of a pattern";
        bool special = text_is(segment, "*", 1) || text_is(segment, "**", 2) || segment_is_claim(segment);

        for (size_t i = 0; i < segment.bytes; i++) {
            const char *why = refuse_character(segment, i, special, keeps);

            if (why != NULL)
                return why;
        }
    }
    return NULL;
}

bool pattern_has_claim(struct text pattern)
{
    while (pattern.bytes > 1) {
        if (segment_is_claim(pattern_cut(&pattern)))
            return true;
    }
    return false;
}

const char *pattern_refuse_denial(struct text pattern)
{
    while (pattern.bytes > 1) {
        struct text segment = pattern_cut(&pattern);

        for (size_t i = 0; i < segment.bytes; i++) {
            if ((segment.at[i] & 0x80) != 0 && !segment_is_claim(segment))
                return "`case_insensitive` covers only the letters a to z; put `*` in the place of this segment";
        }
        if (segment_loosely(segment).bytes < segment.bytes)
            return "a deny rule ignores blanks and dots at the end of a segment; write the segment without them";
    }
    return NULL;
}

bool texts_are_alike(struct text a, struct text b, bool folds)
{
    bool alike = a.bytes == b.bytes;

    if (!folds)
        return alike && text_is(a, b.at, b.bytes);
    for (size_t i = 0; alike && i < a.bytes; i++)
        alike = letter_lower(a.at[i]) == letter_lower(b.at[i]);
    return alike;
}

struct text pattern_word(struct text segment, bool folds, char *ret)
{
    struct text word = {ret, 0};

    for (size_t i = 0; i < segment.bytes; word.bytes++) {
        bool slash = is_slash(segment, i);

        ret[word.bytes] = slash ? '/' : folds ? letter_lower(segment.at[i]) : segment.at[i];
        i += slash ? 3 : 1;
    }
    return word;
}

bool claim_fills(const struct claims *claims, struct text name, struct text segment, bool folds)
{
    struct wire_cursor value;
    struct wire_item item;
    char room[DIGITS_BYTES];

    if (claims == NULL || !claim_find(claims, name, &value) || wire_next(&value, &item) != WIRE_OK)
        return false;
    if (item.type == WIRE_STR)
        return folds ? texts_are_alike(segment_loosely(segment), segment_loosely((struct text){item.str, item.count}), true) : text_is(segment, item.str, item.count);
    struct text digits = item_digits(&item, room);

    return digits.at != NULL && text_is(segment, digits.at, digits.bytes);
}

static bool word_is(struct text word, struct text segment, bool folds)
{
    char room[RESOURCE_BYTES_MAX];

    return texts_are_alike(pattern_word(word, folds, room), segment, folds);
}

bool pattern_matches(struct text pattern, const struct resource *resource, const struct claims *claims, struct comparing how)
{
    unsigned at = 0;

    if (pattern.bytes == 1)
        return resource->count == 0;
    for (bool first = true; pattern.bytes > 0; at++, first = false) {
        struct text segment = pattern_cut(&pattern);

        if (text_is(segment, "**", 2))
            return at < resource->count || first; /* one or more; but a pattern for the whole tree includes its root */
        if (at == resource->count)
            return false;
        if (text_is(segment, "*", 1))
            continue;
        if (segment_is_claim(segment) ? !claim_fills(claims, segment_claim(segment), resource->segments[at], how.folds_claims)
                                      : !word_is(segment, resource->segments[at], how.folds_words))
            return false;
    }
    return at == resource->count;
}
