/* "Did you mean": the name that a mistyped one is nearest to. */
#ifndef ASSAY_COMMAND_NEAREST_H
#define ASSAY_COMMAND_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *name; /* NULL as long as nothing is near */
    size_t distance;
};

/* Considers one more candidate. */
void nearest_consider(struct nearest *nearest, const char *typed, const char *candidate);

#endif
