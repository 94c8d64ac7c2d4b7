/* systemd's journal, when stderr leads there: lines go to it with their fields, so that `journalctl -u assayd ASSAY_REASON=revoked`
   finds them. Not by libsystemd, whose call waits while the journal is slow: the loop must not. */
#ifndef ASSAY_JOURNAL_H
#define ASSAY_JOURNAL_H

#include <stddef.h>

#include "log.h"

/* True: it has the line. False: stderr is something else, or the journal does not take it now. From any thread. */
bool journal_send(enum log_level level, const char *event, const struct log_field *fields, unsigned count, const char *line,
                  size_t bytes);

#endif
