/* Where lines go that must not be lost and must not delay anybody: a file, or stdout. A thread writes them, from a bounded buffer. While it cannot
   write (a full disk, a reader that stands still), the buffer fills; lines that find no room are counted, and once there is room again a line says
   how many were lost. */
#ifndef ASSAY_SINK_H
#define ASSAY_SINK_H

#include <stddef.h>

struct sink;

/* `path` NULL: stdout. The file is opened, or created with mode 0640, by the thread: a file that cannot be opened is tried again every second. NULL:
   out of memory, or no thread. */
struct sink *sink_open(const char *path);

/* Takes a line, which ends with a newline. Never waits for the disk. On the loop's thread. */
void sink_put(struct sink *sink, const char *line, size_t bytes);

/* Opens the file again by its name: for logrotate. What is not written yet goes to the new one. A file that was renamed or deleted is noticed without
   this, at the next line. */
void sink_reopen(struct sink *sink);

/* Waits until all is written, but at most SINK_CLOSE_SECONDS; then the thread is left behind with what it has. NULL is fine. */
void sink_close(struct sink *sink);

#endif
