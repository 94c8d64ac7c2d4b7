/* What the agent waits for before it is ready, as an array of strings. */
#ifndef ASSAY_READINESS_H
#define ASSAY_READINESS_H

#include "agent/base/core.h"
#include "client/wire/wire.h"

size_t readiness_room(const struct core *core); /* the most bytes that it takes */
void readiness_put(struct wire_writer *writer, const struct core *core);

#endif
