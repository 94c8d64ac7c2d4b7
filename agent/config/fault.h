/* The faults of a configuration: each with its file, line and column, and what to write instead. The agent collects them, so that the user can fix
   all at once. */
#ifndef ASSAY_FAULT_H
#define ASSAY_FAULT_H

#include "agent/base/limits.h"

struct place {
    const char *file;
    unsigned line, column; /* counted from 1; 0: the fault is in the whole file */
};

struct faults {
    unsigned count;
    char *text[CONFIG_FAULTS_MAX];
};

__attribute__((format(printf, 3, 4))) void fault_add(struct faults *faults, struct place place, const char *format, ...);
void faults_clear(struct faults *faults);
void faults_copy(const struct faults *faults, struct faults *ret);

/* The name that is nearest to `name`, or NULL if none is near. The list ends with NULL. */
const char *nearest_name(const char *name, const char *const *names);

#endif
