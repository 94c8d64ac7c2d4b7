/* How far a long start has come: a line on a terminal that is drawn over, and the service manager's status line.
   From any thread. */
#ifndef ASSAY_PROGRESS_H
#define ASSAY_PROGRESS_H

#include <stdint.h>

/* `source` NULL: no more. */
void progress_show(const char *source, uint64_t done, uint64_t all, uint64_t lines);

#endif
