/* Lines of feeds that could not be read: kept in the store, so many as there is room for, to be tried again at each start. */
#ifndef ASSAY_UNREADABLE_H
#define ASSAY_UNREADABLE_H

#include "agent/state/store.h"

/* In a write job. A line that is kept already, or one too many, changes nothing. 0 or -1. */
int unreadable_write(struct view *view, const char *source, uint64_t number, const char *text, size_t bytes);

/* Lines that could not be read, of every source, in no order: `again` says whether it can now (1: forget it; 0: keep it; -1: give up). 0 or -1.
 */
int unreadable_each(struct view *view,
                    int (*again)(void *context, const char *source, uint64_t number, const char *text, size_t bytes),
                    void *context);
int unreadable_count(struct view *view, uint64_t *ret);

#endif
