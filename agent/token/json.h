/* Reads the JSON of a token's header and payload, which is untrusted. One strict pass checks it and converts it to MessagePack, which answers
   contain: nothing is parsed twice. Strict means RFC 8259 to the letter, one object, UTF-8, and in addition: no repeated member name in an object
   (compared after unescaping), no NUL, no lone surrogate, no number that a finite double cannot hold. */
#ifndef ASSAY_JSON_H
#define ASSAY_JSON_H

#include <stddef.h>

#include "client/wire/wire.h"

/* Where and why reading stopped, for error messages. */
struct json_fault {
    const char *at;         /* in the text, or at its end */
    const char *why;        /* static; names the rule */
    struct wire_item twice; /* the repeated name, in the output; type 0: the fault is another one */
};

/* `text` must hold one JSON object, at most `depth_max` levels deep (the object itself is the first). It is appended to `out`, which has room for
   WIRE_BYTES_OF_JSON(size). 0, or -1 if the text is anything else; then the appended bytes are meaningless. */
int json_to_wire(const char *text, size_t size, unsigned depth_max, struct wire_writer *out);

/* The same; after -1 *ret_fault says why. */
int json_to_wire_or_why(const char *text, size_t size, unsigned depth_max, struct wire_writer *out, struct json_fault *ret_fault);

#endif
