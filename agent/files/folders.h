/* The kernel's word (inotify) that something happened in a folder: a hint, which makes changes count within milliseconds. It is not
   relied on, for there are file systems that never say anything, links that lead elsewhere, and a limit on how much can be watched:
   watch.h looks by itself. */
#ifndef ASSAY_FILE_FOLDERS_H
#define ASSAY_FILE_FOLDERS_H

#include <uv.h>

struct folders;

/* `happened` is called on the loop's thread; `path`: of the folder; `name`: of what it happened to there, NULL where that is not
   said. NULL: out of memory. */
struct folders *folders_new(uv_loop_t *loop, void (*happened)(void *context, const char *path, const char *name), void *context);

/* The folder in which this file is named. */
void folders_add(struct folders *folders, const char *file);
void folders_forget(struct folders *folders); /* all of them */
void folders_close(struct folders *folders);  /* freed once the loop has closed the handles; NULL is fine */

#endif
