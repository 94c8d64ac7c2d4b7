/* Hints from the kernel (inotify) that something happened in a folder, so that changes take effect within milliseconds. The agent does not rely on
   them: some file systems never report anything, links may lead elsewhere, and the number of watches is limited. watch.h checks by itself. */
#ifndef ASSAY_FILE_FOLDERS_H
#define ASSAY_FILE_FOLDERS_H

#include <uv.h>

struct folders;

/* `happened` is called on the loop's thread; `path`: the folder; `name`: the file in it, NULL if unknown. NULL: out of memory. */
struct folders *folders_new(uv_loop_t *loop, void (*happened)(void *context, const char *path, const char *name), void *context);

/* Watches the folder that contains this file. */
void folders_add(struct folders *folders, const char *file);
void folders_forget(struct folders *folders); /* stops watching all of them */
void folders_close(struct folders *folders);  /* freed once the loop has closed the handles; NULL is fine */

#endif
