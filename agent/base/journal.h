/* Writes log lines to systemd's journal with their fields, if stderr is connected to it, so that `journalctl -u assayd ASSAY_REASON=revoked` finds
   them. It does not use libsystemd, whose call blocks while the journal is slow, because the loop must not block. */
#ifndef ASSAY_JOURNAL_H
#define ASSAY_JOURNAL_H

#include <stddef.h>

#include "log.h"

/* True: the journal has taken the line. False: stderr is not the journal, or the journal does not take the line now. May be called from any
   thread. */
bool journal_send(enum log_level level, const char *event, const struct log_field *fields, unsigned count, const char *line,
                  size_t bytes);

#endif
