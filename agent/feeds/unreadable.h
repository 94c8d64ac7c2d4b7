/* Lines of feeds that could not be read: kept in the store, up to a limit, and tried again at each start. */
#ifndef ASSAY_UNREADABLE_H
#define ASSAY_UNREADABLE_H

#include "agent/state/store.h"

/* Call it in a write job. A line that is already kept, or one too many, changes nothing. 0 or -1. */
int unreadable_write(struct view *view, const char *source, uint64_t number, const char *text, size_t bytes);

/* Walks the lines of every source, in no order: `again` says whether a line can be read now (1: remove it; 0: keep it; -1: give up). 0 or -1. */
int unreadable_each(struct view *view,
                    int (*again)(void *context, const char *source, uint64_t number, const char *text, size_t bytes),
                    void *context);
int unreadable_count(struct view *view, uint64_t *ret);

#endif
