/* Watches the files that the agent uses: key files, the policy, feeds. It checks each (facts.h) twice a second while requests arrive or a client
   holds the page, and otherwise at the next request. So a change takes effect within two seconds on any file system, and an idle agent sleeps. The
   kernel's hints (folders.h) only make it faster.

   Nothing is read here: after `changed` the watcher reads the file, and reports the result by watched_was_read(). A file is confirmed when a check
   finds it unchanged since it was last read. On the loop's thread. */
#ifndef ASSAY_FILE_WATCH_H
#define ASSAY_FILE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "facts.h"

struct watch;
struct watched;

/* Callbacks of a file's watcher, with its `context`. */
struct watcher {
    void (*changed)(void *context); /* read the file, and then call watched_was_read() */
    void (*lost)(void *context, const char *why, bool hangs); /* the file cannot be checked; once it can, it counts as changed */
    void (*late)(void *context); /* a change was not read within the time limit. NULL: not needed */
    double settles;              /* seconds for which it must be unchanged before it is read; 0: at once */
    void *context;
};

/* `seen` is called when watch_sees() may be asked again. NULL: out of memory or descriptors. */
struct watch *watch_new(uv_loop_t *loop, void (*seen)(void *context), void *context);

/* Begins with the next check, which reports the file as changed. The path is copied. NULL: out of memory. */
struct watched *watch_file(struct watch *watch, const char *path, const struct watcher *watcher);
void watched_drop(struct watched *watched); /* ends all callbacks; NULL is fine */

enum file_read {
    FILE_NOT_READ = 0, /* it could not be read: try again soon */
    FILE_BAD,          /* it was read, and is not usable: not again before it changes */
    FILE_UNSURE,       /* read in part: again soon, and at once if it changes; it is not confirmed */
    FILE_READ,
};
void watched_was_read(struct watched *watched, enum file_read how);

/* Was `changed` called although a process writes to the file all the time? Its content may be incomplete. */
bool watched_is_restless(const struct watched *watched);

/* The facts of the last check; unknown if the file was never checked. */
void watched_seen(const struct watched *watched, struct file_facts *ret);

/* Reads it once more a while later, even if it has not changed. */
void watched_again(struct watched *watched, double seconds);

/* When it was last found unchanged since it was read: Unix seconds, and CLOCK_MONOTONIC in nanoseconds. 0: never. */
double watched_confirmed(const struct watched *watched);
int64_t watched_confirmed_ns(const struct watched *watched);

/* Checks all files now. NULL is fine. */
void watch_look(struct watch *watch);

/* May questions be answered? False: no request came for so long that the files must be checked first; the check is under way, and `seen` is called
   soon, whatever its result. Costs next to nothing under steady load. NULL: no files are watched. */
bool watch_sees(struct watch *watch);
bool watch_waits(const struct watch *watch); /* a call of `seen` is due */

/* Ends the checks. Freed with the last of its files, which their watchers drop. NULL is fine. */
void watch_close(struct watch *watch);

#endif
