/* Finds the end of a Redis reply (RESP 2), byte by byte as it arrives, before anything is built from it. hiredis's own reader would allocate what
   an array announces, and scan a line from its beginning again with each piece of it. */
#ifndef ASSAY_OUTBOUND_REDIS_MEASURE_H
#define ASSAY_OUTBOUND_REDIS_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/base/limits.h"

/* Zero: before a reply. */
struct redis_measure {
    bool whole;
    size_t bytes, elements;
    unsigned depth;
    uint32_t left[REDIS_REPLY_DEPTH_MAX + 1]; /* elements that the enclosing arrays still need; from index 1 */
    char type;                                /* of the current value; 0: it has not begun */
    char number[24];                          /* the beginning of its line */
    size_t line_bytes;
    bool line_ends;   /* the line's last byte was \r */
    size_t bulk_left; /* remaining bytes of a string, with its \r\n; 0: not inside a string */
};

/* Continues with more bytes, at most to the end of the reply. -1: not a reply, or beyond a limit; static words. */
int redis_measure(struct redis_measure *measure, const char *bytes, size_t count, size_t *ret_used, const char **ret_why);

#endif
