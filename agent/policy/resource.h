/* The resource of a request, in one normal form. Two spellings that every server reads alike become equal before any rule is checked; a spelling
   that servers read differently is refused (bad_resource). */
#ifndef ASSAY_RESOURCE_H
#define ASSAY_RESOURCE_H

#include "agent/token/issuer.h"

/* What servers read differently. A segment may contain the first two if the policy has a rule that keeps them. */
#define RESOURCE_SLASH     1u /* `%2F`: a slash inside a segment, or one between two segments */
#define RESOURCE_SEMICOLON 2u /* `;`, also escaped: a character, or the segment's end */
#define RESOURCE_END       4u /* the first `;` ends the path */
#define RESOURCE_LOOSE     8u /* blanks and dots at a segment's end: kept, or dropped */

/* How a policy's servers read. All zero: not specified. */
struct resource_reading {
    unsigned keeps;    /* RESOURCE_SLASH, RESOURCE_SEMICOLON: the union over its rules */
    bool ignores_case; /* of the letters a to z */
};

struct resource {
    unsigned count; /* number of segments; 0: the root */
    unsigned kept;  /* the characters that may be kept and that this resource contains */
    struct text segments[RESOURCE_SEGMENTS_MAX];
    char bytes[RESOURCE_BYTES_MAX]; /* their text, decoded; a `/` in it was `%2F` */

    /* Of an invalid resource, for error messages: */
    const char *fault;    /* static; the rule that it breaks */
    const char *fault_at; /* the position in the text, or its end */
};

/* Cuts the query, decodes percent escapes once (RFC 3986 sections 2.1, 6.2.2) and drops one trailing slash. -1: it is not absolute, or has a `#`,
   an empty segment, a `.` or `..` segment (also escaped), an escaped slash or a `;` that is not kept, a `\` in any spelling, a NUL or other
   control character, a bad escape, bytes that are not UTF-8, both `;` and `%3B`, or more segments or bytes than limits.h allows; ret->fault says
   which. Every other reading of a valid resource (resource_read_as) is also valid. */
int resource_normalize(const char *text, size_t bytes, struct resource_reading reading, struct resource *ret);

/* NULL: the segment is valid, and so is each reading of it: cut at its slashes, each part ended at `;`. Otherwise the rule that it breaks. *parts
   grows by the number of its parts, up to RESOURCE_SEGMENTS_MAX for a whole resource. */
const char *segment_refuse(struct text segment, bool ignores_case, unsigned *parts);

/* The segment without blanks and dots at its end, as some servers that ignore case read it. */
struct text segment_loosely(struct text segment);

/* The same resource as a server reads it that works in these ways (RESOURCE_…): cuts segments at kept slashes, ends them or the path at `;`, drops
   blanks and dots at their ends. The text is shared, not copied. */
void resource_read_as(const struct resource *resource, unsigned ways, struct resource *ret);

#endif
