/* What the file system reports about a file without reading it. Two checks that find the same facts normally saw the same content. After a change
   the file is read again a while later (watched.c), because the clock of a file system may stand still for two seconds. */
#ifndef ASSAY_FILE_FACTS_H
#define ASSAY_FILE_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* All zero: unknown. It has no padding, because it is compared and stored as bytes. */
struct file_facts {
    uint64_t device, inode, size, mode;
    int64_t changed_ns, modified_ns; /* st_ctim, st_mtim: Unix nanoseconds by the file system's clock */
};

struct file_facts facts_of(const struct stat *found);
bool facts_are_same(const struct file_facts *a, const struct file_facts *b);

/* The facts of what the path names now. 0, or an errno. `open_it`: opens the file, because a network file system may answer stat() from its cache,
   but asks its server on open(). May block as long as the file system does. */
int facts_look(const char *path, bool open_it, struct file_facts *ret);

/* The same without blocking: EAGAIN if the kernel does not have the path cached, or it may lead to another machine. */
int facts_look_at_once(const char *path, struct file_facts *ret);

/* Are the file and all folders on its path on file systems that work without a server or a program that might hang? Unknown ones count as not
   local. May block. */
bool facts_are_local(const char *path);

/* What a path named before the file was read. The caller owns `path`. */
struct file_look {
    const char *path;
    int error; /* from facts_look; then the facts are unknown */
    struct file_facts facts;
};
struct file_look facts_note(const char *path);
bool facts_have_changed(const struct file_look *look); /* have they changed since then, or can the file no longer be checked? Both functions may
                                                          block */

/* Since when a file has been unchanged. All zero: not checked yet. */
struct file_rest {
    struct file_look look; /* the last check */
    int64_t since_ns;      /* as monotonic_ns() counts */
};

/* Has no process written to the file for this many seconds? After false, check again a while later, with the same `rest`. A file that cannot be
   checked counts as at rest: reading it reports the error. A caller that then reads it must compare with rest->look, not with a check of its own,
   because a process may have begun to write in between. May block. */
bool facts_are_at_rest(struct file_rest *rest, const char *path, double seconds);

#endif
