/* Shows how far a long start has come: a line that is redrawn on a terminal, and the service manager's status line. May be called from any thread. */
#ifndef ASSAY_PROGRESS_H
#define ASSAY_PROGRESS_H

#include <stdint.h>

/* `source` NULL: ends the display. */
void progress_show(const char *source, uint64_t done, uint64_t all, uint64_t lines);

#endif
