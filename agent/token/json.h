/* A token's header and payload are JSON from a stranger. One strict pass checks them and writes them down as MessagePack, which is
   what answers carry: nothing is parsed twice. Strict means RFC 8259 to the letter, one object, UTF-8, and beyond it: no member
   name twice in an object (compared after unescaping), no NUL, no lone surrogate, no number that a finite double cannot hold. */
#ifndef ASSAY_JSON_H
#define ASSAY_JSON_H

#include <stddef.h>

#include "client/wire/wire.h"

/* What a reader stopped at, for the people who must mend it. */
struct json_fault {
    const char *at;         /* in the text, or at its end */
    const char *why;        /* static; names the rule */
    struct wire_item twice; /* the name that stands twice, in the output; of type 0: it is something else */
};

/* `text` must hold one JSON object, `depth_max` levels deep at most (the object itself is the first). It is appended to `out`, which
   has room for WIRE_BYTES_OF_JSON(size). 0, or -1 if the text is anything else; what was appended then means nothing. */
int json_to_wire(const char *text, size_t size, unsigned depth_max, struct wire_writer *out);

/* The same; after -1 *ret_fault says why. */
int json_to_wire_or_why(const char *text, size_t size, unsigned depth_max, struct wire_writer *out, struct json_fault *ret_fault);

#endif
