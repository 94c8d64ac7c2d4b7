/* "Did you mean": finds the name that is nearest to a mistyped one. */
#ifndef ASSAY_COMMAND_NEAREST_H
#define ASSAY_COMMAND_NEAREST_H

#include <stddef.h>

struct nearest {
    const char *name; /* NULL as long as no name is near */
    size_t distance;
};

/* Considers one more candidate. */
void nearest_consider(struct nearest *nearest, const char *typed, const char *candidate);

#endif
