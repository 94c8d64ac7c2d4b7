/* What is wrong with a configuration: every fault with its file, line and column, and what to write instead. Collected, so that one
   look at the list is enough. */
#ifndef ASSAY_FAULT_H
#define ASSAY_FAULT_H

#include "agent/base/limits.h"

struct place {
    const char *file;
    unsigned line, column; /* from 1; 0: of the whole file */
};

struct faults {
    unsigned count;
    char *text[CONFIG_FAULTS_MAX];
};

__attribute__((format(printf, 3, 4))) void fault_add(struct faults *faults, struct place place, const char *format, ...);
void faults_clear(struct faults *faults);
void faults_copy(const struct faults *faults, struct faults *ret);

/* Of these names the one that was probably meant, or NULL if none is near. The list ends with NULL. */
const char *nearest_name(const char *name, const char *const *names);

#endif
