/* Watches the folders of the key files. Folders, not files: a file that is replaced by renaming (which is how it should be done) is
   another file, and Kubernetes replaces a link beside it. What happened is not asked; the files are read again and compared. */
#ifndef ASSAY_WATCH_H
#define ASSAY_WATCH_H

#include <uv.h>

#include "agent/config/config.h"

struct watch;

/* `changed` is called on the loop's thread, a moment after something happened. NULL: out of memory. */
struct watch *watch_new(uv_loop_t *loop, void (*changed)(void *context), void *context);

/* Watches the key files of this configuration and no others, and calls `changed` once, for what happened before it watched. */
void watch_files(struct watch *watch, const struct config *config);

/* Closes; freed once the loop has closed its handles. NULL is fine. */
void watch_close(struct watch *watch);

#endif
