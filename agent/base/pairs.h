/* Writes pairs of a map into an answer. */
#ifndef ASSAY_ANSWERS_H
#define ASSAY_ANSWERS_H

#include "client/wire/wire.h"

static inline void put_pair_uint(struct wire_writer *writer, const char *name, uint64_t value)
{
    wire_put_text(writer, name);
    wire_put_uint(writer, value);
}

static inline void put_pair_text(struct wire_writer *writer, const char *name, const char *value)
{
    wire_put_text(writer, name);
    wire_put_text(writer, value);
}

#endif
