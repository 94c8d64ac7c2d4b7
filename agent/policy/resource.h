/* The resource that a request is for, as the service behind will see it, or not at all. Two spellings that a server takes for one are one
   here before any rule is asked; a spelling that servers disagree about is no resource (bad_resource). */
#ifndef ASSAY_RESOURCE_H
#define ASSAY_RESOURCE_H

#include "agent/token/issuer.h"

struct resource {
    unsigned count; /* of segments; 0: the root */
    struct text segments[RESOURCE_SEGMENTS_MAX];
    char bytes[RESOURCE_BYTES_MAX]; /* their text, decoded */

    /* Of a text that is none, for people: */
    const char *fault;    /* static; which rule it breaks */
    const char *fault_at; /* where, in the text, or at its end */
};

/* Cuts the query, decodes percent escapes once (RFC 3986 sections 2.1, 6.2.2) and drops one trailing slash. -1: it is not absolute, or has a
   `#`, an empty segment, a `.` or `..` segment (also escaped), an escaped slash, a `\` or `;` however written, a NUL or other control
   character, a bad escape, bytes that are not UTF-8, or more segments or bytes than limits.h allows; ret->fault says which. */
int resource_normalize(const char *text, size_t bytes, struct resource *ret);

#endif
