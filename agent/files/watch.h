/* Files that the agent goes by: key files, the policy, feeds. Each is looked at (facts.h) twice a second as long as anybody asks or
   holds the page, and otherwise when the next one asks: so a change counts within two seconds on any file system, and an agent that
   nobody asks sleeps. The kernel's word (folders.h) only makes it faster.

   Nothing is read here: after `changed` the watcher reads the file, and watched_was_read() says how that went. A file is confirmed when
   a look finds it as it was when it was last read. On the loop's thread. */
#ifndef ASSAY_FILE_WATCH_H
#define ASSAY_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "facts.h"

struct watch;
struct watched;

/* What whoever watches a file is told. `context` is theirs. */
struct watcher {
    void (*changed)(void *context); /* read it, and then call watched_was_read() */
    void (*lost)(void *context, const char *why, bool hangs); /* it cannot be looked at; once it can, it has changed */
    void (*late)(void *context); /* a change has not been read for as long as that may take. NULL: never mind */
    double settles;              /* seconds for which it must not have changed before it is read; 0: at once */
    void *context;
};

/* `seen` is called when watch_sees() may be asked again. NULL: out of memory or descriptors. */
struct watch *watch_new(uv_loop_t *loop, void (*seen)(void *context), void *context);

/* From the next look on, which finds that it has changed. The path is copied. NULL: out of memory. */
struct watched *watch_file(struct watch *watch, const char *path, const struct watcher *watcher);
void watched_drop(struct watched *watched); /* tells nobody anything any more; NULL is fine */

enum file_read {
    FILE_NOT_READ = 0, /* it could not be: soon again */
    FILE_BAD,          /* it was, and is not usable: not again before it changes */
    FILE_UNSURE,       /* in part: soon again, and at once if it changes; it is not confirmed */
    FILE_READ,
};
void watched_was_read(struct watched *watched, enum file_read how);

/* Was it told although somebody writes to it all the time? What stands there may be half of something. */
bool watched_is_restless(const struct watched *watched);

/* What the last look has found: nothing, if the file was never looked at. */
void watched_seen(const struct watched *watched, struct file_facts *ret);

/* It is to be read once more a while later, also if it has not changed. */
void watched_again(struct watched *watched, double seconds);

/* When it was last found to be as it was read: Unix seconds, and CLOCK_MONOTONIC in nanoseconds. 0: never. */
double watched_confirmed(const struct watched *watched);
int64_t watched_confirmed_ns(const struct watched *watched);

/* Looks at all of them, now. NULL is fine. */
void watch_look(struct watch *watch);

/* May anything be answered? False: nobody has asked for so long that the files must be looked at first, which is under way; `seen`
   is called soon, whatever comes of it. Costs next to nothing while somebody asks all the time. NULL: nothing is watched. */
bool watch_sees(struct watch *watch);
bool watch_waits(const struct watch *watch); /* `seen` is to come */

/* No more looks. Freed with the last of its files, which are their watchers' to drop. NULL is fine. */
void watch_close(struct watch *watch);

#endif
