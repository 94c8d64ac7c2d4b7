/* The resource that a request is for, as the service behind will see it, or not at all. Two spellings that a server takes for one are one
   here before any rule is asked; a spelling that servers disagree about is no resource (bad_resource). */
#ifndef ASSAY_RESOURCE_H
#define ASSAY_RESOURCE_H

#include "agent/token/issuer.h"

/* What servers read differently. The first two may stand in a segment where a policy has a rule that keeps them. */
#define RESOURCE_SLASH     1u /* `%2F`: a slash in a segment, or one between two */
#define RESOURCE_SEMICOLON 2u /* `;`, also escaped: a character, or the segment's end */
#define RESOURCE_END       4u /* the first `;` ends the path */
#define RESOURCE_LOOSE     8u /* blanks and dots at a segment's end: there, or not */

/* How a policy's servers read. All zero: nobody has said. */
struct resource_reading {
    unsigned keeps;    /* RESOURCE_SLASH, RESOURCE_SEMICOLON: what any of its rules does */
    bool ignores_case; /* of a to z */
};

struct resource {
    unsigned count; /* of segments; 0: the root */
    unsigned kept;  /* of what may be kept, that which is in it */
    struct text segments[RESOURCE_SEGMENTS_MAX];
    char bytes[RESOURCE_BYTES_MAX]; /* their text, decoded; a `/` in it was `%2F` */

    /* Of a text that is none, for people: */
    const char *fault;    /* static; which rule it breaks */
    const char *fault_at; /* where, in the text, or at its end */
};

/* Cuts the query, decodes percent escapes once (RFC 3986 sections 2.1, 6.2.2) and drops one trailing slash. -1: it is not absolute, or has a
   `#`, an empty segment, a `.` or `..` segment (also escaped), an escaped slash or a `;` that is not kept, a `\` however written, a NUL or
   other control character, a bad escape, bytes that are not UTF-8, both `;` and `%3B`, or more segments or bytes than limits.h allows;
   ret->fault says which. In whatever other way it is read (resource_read_as), it is a resource, too. */
int resource_normalize(const char *text, size_t bytes, struct resource_reading reading, struct resource *ret);

/* NULL: a segment, and one in each reading of it: cut at its slashes, each part ended at `;`. Else which rule it breaks. *parts grows by the
   number of its parts, up to RESOURCE_SEGMENTS_MAX for a whole resource. */
const char *segment_refuse(struct text segment, bool ignores_case, unsigned *parts);

/* The segment without the blanks and dots at its end, as some servers that ignore case have it. */
struct text segment_loosely(struct text segment);

/* The same as a server may read it that does so in these ways (RESOURCE_…): cuts segments at kept slashes, ends them or the path at `;`, drops
   blanks and dots at their ends. The text stays where it is. */
void resource_read_as(const struct resource *resource, unsigned ways, struct resource *ret);

#endif
