/* What the file system says of a file without reading it. Two looks that find the same facts have, as a rule, seen the same content:
   after a change the file is read again a while later (watched.c), for the clock of a file system may stand still for two seconds. */
#ifndef ASSAY_FILE_FACTS_H
#define ASSAY_FILE_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* All zero: nothing is known. Without padding, for it is compared and stored as bytes. */
struct file_facts {
    uint64_t device, inode, size, mode;
    int64_t changed_ns, modified_ns; /* st_ctim, st_mtim: Unix nanoseconds by the file system's clock */
};

struct file_facts facts_of(const struct stat *found);
bool facts_are_same(const struct file_facts *a, const struct file_facts *b);

/* Of what the path names now. 0, or an errno. `open_it`: a network file system may answer a stat() from what it remembers, but asks
   its server when a file is opened. May block as long as the file system does. */
int facts_look(const char *path, bool open_it, struct file_facts *ret);

/* The same without waiting for anything: EAGAIN where the kernel does not know the way by heart, or what is at its end may be elsewhere
   than on this machine. */
int facts_look_at_once(const char *path, struct file_facts *ret);

/* Do the file and all folders on the way to it lie on file systems that answer by themselves, without a server or a program that
   might hang? What cannot be told is not local. May block. */
bool facts_are_local(const char *path);

/* What a path named before it was read. `path` is the caller's. */
struct file_look {
    const char *path;
    int error; /* as facts_look; then nothing is known */
    struct file_facts facts;
};
struct file_look facts_note(const char *path);
bool facts_have_changed(const struct file_look *look); /* since then, or can the file be looked at no longer? May block, both of them */

/* Since when a file is as it is. All zero: nobody has looked. */
struct file_rest {
    struct file_look look; /* the last one */
    int64_t since_ns;      /* as monotonic_ns() counts */
};

/* Has nobody written to the file for so many seconds? A false is worth another look a while later, with the same `rest`. A file that
   cannot be looked at rests: reading it says what is wrong. Who then reads it must compare with rest->look, and not with a look of his own:
   somebody may have begun to write in between. May block. */
bool facts_are_at_rest(struct file_rest *rest, const char *path, double seconds);

#endif
